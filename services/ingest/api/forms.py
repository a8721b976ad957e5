"""Forms: what browsers post, with the publishable key in the path, and answers that people can read."""

from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.api.intake import LeadAccepted
from schemas.words import Direction, PrincipalKind, Rejection
from services.ingest import pages
from services.ingest.accept import Intake, Taken
from services.ingest.api.bodies import shown
from services.ingest.api.leads import source_of
from services.ingest.form import Filled, read_form
from services.ingest.formbody import FORM_LIMIT, FORM_MEDIA, fields_of
from services.runtime.access import Principal
from services.runtime.http.body import JSON
from services.runtime.http.call import Call
from services.runtime.http.problems import Invalid, Problem, ProblemResponse
from services.runtime.http.route import Route
from services.runtime.http.rule import allow

_PATH: Final = "/v1/forms/{key}"
_FIELDS: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": True,
    "description": "One of email and phone is required. Click ids (gclid …) are known; the rest goes to `custom`.",
    "properties": {
        name: {"type": "string"}
        for name in (
            *("email", "phone", "name", "first_name", "last_name", "job_title", "company", "website", "country"),
            *("employees", "intent", "product", "message", "consent"),
            *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
            *("_next", "_error", "_submission_id", "_trap", "_page"),
        )
    },
    "examples": [
        {"email": "ann.lee@example.com", "company": "Example Ltd", "message": "Please ring me.", "consent": "on"}
    ],
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A page that says thank you, where none is listed for the key.", "content": {"text/html": {}}},
    303: {"description": "To `_next` or the first thank-you page; after a mistake to `_error?code=invalid&field=…`."},
}


def form_routes(intake: Intake) -> APIRouter:
    """`POST /v1/forms/{key}`, and what browsers ask before it."""
    routes = APIRouter(route_class=Route, tags=["leads in"])

    @routes.post(
        _PATH,
        status_code=202,
        responses=_ANSWERS,
        openapi_extra=shown(dict.fromkeys(FORM_MEDIA, _FIELDS), "Flat names; JSON has the same."),
    )
    @allow(PrincipalKind.FORM, idempotent=False, limit_bytes=FORM_LIMIT, media=FORM_MEDIA, finish=_finish)
    async def submit_form(call: Call, key: str, body: bytes) -> LeadAccepted | Response:
        """Submit a form.

        People get a page, or a redirect to a listed URL; `Accept: application/json` is answered as any lead is.
        """
        return await _Post(intake, call).answer(body)

    @routes.options(_PATH, status_code=204, include_in_schema=False)
    @allow(PrincipalKind.FORM, finish=_finish)
    async def preflight(call: Call, key: str) -> None:
        """Tell a browser whether a page of its Origin may post."""
        if _listed(call) is not None:
            call.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            call.headers["Access-Control-Allow-Headers"] = "Content-Type, Idempotency-Key, X-Request-Id"
            call.headers["Access-Control-Max-Age"] = "600"

    return routes


class _Post:
    """One post of a form."""

    def __init__(self, intake: Intake, call: Call) -> None:
        self._intake = intake
        self._call = call
        self._content_type = call.request.headers.get("content-type", "")

    async def answer(self, body: bytes) -> LeadAccepted | Response:
        try:
            filled = read_form(fields_of(self._content_type, body))
            taken = await self._take(filled)
            await self._intake.keep([taken], "form")
        except _Mistaken as mistaken:
            self._intake.refused(mistaken.problem, "form")
            return self._corrected(mistaken)
        except Problem as problem:
            self._intake.refused(problem, "form")
            raise
        return self._thanked(taken, filled)

    async def _take(self, filled: Filled) -> Taken:
        flag = Rejection.SPAM if filled.trapped else None if _welcome(self._call) else Rejection.REVIEW
        try:
            return await self._intake.take(
                filled.body,
                source=source_of(self._call),
                direction=Direction.INBOUND,
                key=self._call.idempotency_key,
                now=self._call.now,
                flag=flag,
            )
        except Invalid as problem:
            raise _Mistaken(filled, problem) from None

    def _thanked(self, taken: Taken, filled: Filled) -> LeadAccepted | Response:
        if self._for_programs:
            self._call.headers["Location"] = taken.receipt_url
            return taken.answer().model_copy(update={"warnings": filled.warned(taken.warnings)})
        listed = self._call.principal.thank_you
        to = filled.next if filled.next in listed else listed[0] if listed else None
        return RedirectResponse(to, 303) if to is not None else pages.thanks()

    def _corrected(self, mistaken: "_Mistaken") -> Response:
        if self._for_programs:
            raise Invalid(mistake for _, mistake in mistaken.fields)
        to = mistaken.filled.error
        if to is None or to not in self._call.principal.error_pages:
            return pages.corrections(mistaken.fields)
        said = [("code", "invalid"), *(("field", field) for field, _ in mistaken.fields)]
        return RedirectResponse(_with_query(to, said), 303)

    @property
    def _for_programs(self) -> bool:
        """Whether a program asks: one that wants JSON, or that sent it and does not say."""
        told = reader(self._call.request)
        return told == JSON or (told is None and self._content_type.strip().lower().startswith(JSON))


class _Mistaken(Exception):
    """What was filled in is not acceptable; `fields` are the mistakes by the names that people see."""

    def __init__(self, filled: Filled, problem: Invalid) -> None:
        self.filled = filled
        self.problem = problem
        self.fields = filled.in_its_words(problem.mistakes)


def reader(request: Request) -> str | None:
    """Who reads the answer: `application/json` or `text/html`, whichever is named first; None where neither is."""
    for part in ",".join(request.headers.getlist("accept")).split(","):
        kind = part.partition(";")[0].strip().lower()
        if kind in (JSON, "application/problem+json"):
            return JSON
        if kind == "text/html":
            return kind
    return None


def _listed(call: Call) -> str | None:
    """The Origin of the page, if it is listed for the key."""
    origin = call.request.headers.get("origin")
    known: Principal | None = call.signed_in
    return origin if origin is not None and known is not None and origin in known.origins else None


def _welcome(call: Call) -> bool:
    """Whether the post comes from where it may: a listed Origin, or none. A key that lists none is good anywhere."""
    origin = call.request.headers.get("origin", "null")
    return origin == "null" or not call.principal.origins or _listed(call) is not None


def _finish(call: Call, response: Response) -> Response:
    """Say whether the page may read the answer; and say problems to people in their words."""
    if isinstance(response, ProblemResponse) and reader(call.request) == "text/html":
        response = pages.apology(response.problem)
    response.headers["Vary"] = "Origin"
    origin = _listed(call)
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def _with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(pairs)]))))
