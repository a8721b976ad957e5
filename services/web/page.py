"""Pages for people: rendered here, without scripts or styles from elsewhere or in line.

    @routes.get("/ops", include_in_schema=False)
    @seen_by(PrincipalKind.MANAGER)
    async def ops(call: Call, tx: ReadTx) -> Response:
        return page(call, "ops.html", title="Operations", queues=…)

The template extends `layout.html`, fills its block `content`, and takes components from `parts.html`.
Whoever is not signed in is sent to `/sign-in` and back; other problems are shown as a page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from schemas.words import PrincipalKind
from services.runtime.http.call import Call
from services.runtime.http.problems import ProblemResponse
from services.runtime.http.rule import allow
from services.web.assets import templates

E = TypeVar("E", bound=Callable[..., Any])

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_LEADERS: Final = frozenset({PrincipalKind.MANAGER, PrincipalKind.ADMIN})


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the header, and who sees it; nobody named: everybody."""

    path: str
    label: str
    kinds: frozenset[PrincipalKind] = frozenset()


LINKS: Final = (
    Link("/ops", "Operations", _LEADERS),
    Link("/leads", "Leads", _LEADERS),
    Link("/work", "Work", frozenset({PrincipalKind.REP})),
    Link("/docs", "API", frozenset()),
)


def page(call: Call, template: str, *, title: str, status: int = 200, **context: Any) -> Response:
    """Render a template as the answer to `call`. It also sees `who`, `csrf`, `links`, `here` and `title`."""
    who = call.signed_in
    links = [
        link
        for link in LINKS
        if serves(call, link.path) and (not link.kinds or (who is not None and who.kind in link.kinds))
    ]
    here = call.request.scope["path"]
    shown = {"title": title, "who": who, "csrf": call.csrf, "links": links, "here": here, **context}
    return HTMLResponse(templates().get_template(template).render(shown), status, HEADERS)


def seen_by(*kinds: PrincipalKind) -> Callable[[E], E]:
    """Say who sees a page."""
    return allow(*kinds, finish=for_people)


def for_people(call: Call, response: Response) -> Response:
    """Turn a problem into a page, or the way to the sign-in; to those who ask for JSON it stays what it is."""
    if not isinstance(response, ProblemResponse):
        return response
    wanted = call.request.headers.get("accept", "")
    if "json" in wanted and "text/html" not in wanted:
        return response
    problem = response.problem
    if problem.status == 401 and call.request.method == "GET":
        return sent_to("/sign-in?next=" + quote(local(call.request), safe=""))
    shown = page(
        call,
        "problem.html",
        title=problem.code.title,
        status=problem.status,
        problem=problem,
        request_id=call.request_id,
    )
    shown.headers.update(problem.headers)
    return shown


def sent_to(path: str) -> Response:
    """A redirect after which the browser asks anew."""
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


def home_of(call: Call, kind: PrincipalKind) -> str:
    """Where somebody of this kind begins, among what is served here."""
    begin = "/work" if kind is PrincipalKind.REP else "/ops"
    return begin if serves(call, begin) else "/docs"


def serves(call: Call, path: str) -> bool:
    """Tell whether this application has such a page."""
    return any(getattr(route, "path", None) == path for route in call.request.app.routes)


def local(request: Request) -> str:
    """The path and query of a request, to come back to."""
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"], safe="/") + (f"?{query}" if query else "")


def is_local(target: str) -> bool:
    """Tell whether a redirect to `target` stays here: a path, and nothing that a browser takes for another host.

    >>> [is_local(target) for target in ("/work?x=1", "//evil.example", "/\\\\evil.example", "https://evil.example")]
    [True, False, False, False]
    """
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return plain and len(target) <= 2000 and not any(char <= " " or char == "\x7f" for char in target)
