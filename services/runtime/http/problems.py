"""Problems: what every 4xx and 5xx says, and the exceptions that say it. Source: RFC 9457, contract section 0."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from json import dumps
from typing import Any, Final, Literal

from starlette.responses import Response

from schemas.api.problem import MistakeCode

MOST_MISTAKES: Final = 50
MEDIA_TYPE: Final = "application/problem+json"


class Code(Enum):
    """The closed list of problems: code, status, title. A caller branches on the code."""

    status: int
    title: str

    def __new__(cls, code: str, status: int, title: str) -> "Code":
        made = object.__new__(cls)
        made._value_ = code
        made.status = status
        made.title = title
        return made

    # It cannot be parsed.
    MALFORMED_BODY = "malformed_body", 400, "The body cannot be read"
    MALFORMED_HEADER = "malformed_header", 400, "A header cannot be read"
    INVALID_CURSOR = "invalid_cursor", 400, "The cursor is not one of this list"
    # No, unknown or revoked credential; a kind of principal that never may.
    UNAUTHENTICATED = "unauthenticated", 401, "A valid key is needed"
    FORBIDDEN = "forbidden", 403, "This is not allowed with this kind of key"
    # No such object, or not yours: alike. No such method.
    NOT_FOUND = "not_found", 404, "There is no such thing here"
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "This method is not allowed here"
    # The present state refuses.
    CLAIM_LOST = "claim_lost", 409, "The claim is no longer yours"
    CLAIM_CLOSED = "claim_closed", 409, "The claim has ended"
    NOT_CLAIMED = "not_claimed", 409, "Nobody holds it"
    WRONG_STATE = "wrong_state", 409, "The present state does not allow it"
    ALREADY_CLOSED = "already_closed", 409, "It is closed already"
    LIMIT_REACHED = "limit_reached", 409, "A limit is reached"
    REP_AWAY = "rep_away", 409, "The rep is away"
    REQUEST_IN_PROGRESS = "request_in_progress", 409, "The first request with this key is still running"
    KEY_LIMIT = "key_limit", 409, "There are two live keys already"
    # Too big, not of a kind that is read.
    TOO_LARGE = "too_large", 413, "The body is too large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "The body is of a kind that is not read here"
    # A value is not acceptable.
    INVALID = "invalid", 422, "Some values are not acceptable"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", 422, "The idempotency key was used for something else"
    # A holder's write says which claim it means.
    CLAIM_TOKEN_REQUIRED = "claim_token_required", 428, "The claim's token is needed"
    # Slow down; cannot now; our fault.
    RATE_LIMITED = "rate_limited", 429, "Too many requests"
    INTERNAL = "internal", 500, "Something went wrong on our side"
    UNAVAILABLE = "unavailable", 503, "Not available just now"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with one value: a code, in words, where (pointer, parameter or header), and what to do."""

    code: MistakeCode
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    remedy: str | None = None

    def document(self) -> dict[str, str | None]:
        """The mistake as JSON: where it is by one member only."""
        where = {"pointer": self.pointer, "parameter": self.parameter, "header": self.header}
        return {
            **{name: value for name, value in where.items() if value is not None},
            "code": self.code,
            "detail": self.detail,
            "remedy": self.remedy,
        }


class Problem(Exception):
    """Answered as a problem document, wherever it is raised. `extensions` are further members of the document."""

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        mistakes: Iterable[Mistake] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail
        self.mistakes = tuple(mistakes)[:MOST_MISTAKES]
        self.headers = dict(headers or {})
        self.extensions = extensions

    @property
    def status(self) -> int:
        return self.code.status

    def document(self, request_id: str) -> dict[str, Any]:
        """The problem as JSON."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.code.value}",
            "code": self.code.value,
            "title": self.code.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.mistakes:
            document["errors"] = [mistake.document() for mistake in self.mistakes]
        return {**document, **self.extensions}


class ProblemResponse(Response):
    """A problem on its way out. Never stored by caches."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, request_id: str) -> None:
        super().__init__(
            dumps(problem.document(request_id), ensure_ascii=False, separators=(",", ":")).encode(),
            problem.status,
            {"Cache-Control": "no-store", **problem.headers},
        )
        self.problem = problem


class MalformedBody(Problem):
    def __init__(self, detail: str) -> None:
        super().__init__(Code.MALFORMED_BODY, detail)


class MalformedHeader(Problem):
    def __init__(self, header: str, detail: str) -> None:
        super().__init__(Code.MALFORMED_HEADER, detail, mistakes=[Mistake("bad_format", detail, header=header)])


class InvalidCursor(Problem):
    def __init__(self) -> None:
        super().__init__(
            Code.INVALID_CURSOR,
            "Use the next_cursor of a page of this list, with the same filters, or begin again without one.",
            mistakes=[Mistake("bad_format", "is not a cursor of this list", parameter="cursor")],
        )


class Unauthenticated(Problem):
    def __init__(self, detail: str = "Send a live key: Authorization: Bearer <key>.") -> None:
        super().__init__(Code.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    """This kind of principal never may."""

    def __init__(self, detail: str, mistakes: Iterable[Mistake] = ()) -> None:
        super().__init__(Code.FORBIDDEN, detail, mistakes=mistakes)


class NotFound(Problem):
    """No such object, or not theirs: the document is the same for both."""

    def __init__(self) -> None:
        super().__init__(Code.NOT_FOUND, "It does not exist, or it is not yours to see.")


class MethodNotAllowed(Problem):
    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        allow = ", ".join(sorted(allowed))
        super().__init__(Code.METHOD_NOT_ALLOWED, f"{method} is not one of: {allow}.", headers={"Allow": allow})


ConflictCode = Literal[
    "claim_lost",
    "claim_closed",
    "not_claimed",
    "wrong_state",
    "already_closed",
    "rep_away",
    "request_in_progress",
    "key_limit",
]


class Conflict(Problem):
    """The present state refuses; `state` tells what it is."""

    def __init__(self, code: ConflictCode, detail: str, *, state: str | None = None, **extensions: Any) -> None:
        if state is not None:
            extensions["state"] = state
        super().__init__(Code[code.upper()], detail, **extensions)


class LimitReached(Problem):
    """`limit` names it; `maximum` is what it allows, `current` what there is."""

    def __init__(self, limit: str, *, maximum: int, current: int) -> None:
        super().__init__(
            Code.LIMIT_REACHED,
            f"{limit} is {current} of at most {maximum}.",
            limit=limit,
            max=maximum,
            current=current,
        )


class TooLarge(Problem):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(Code.TOO_LARGE, f"At most {limit_bytes:,} bytes are read here.", limit_bytes=limit_bytes)


class UnsupportedMediaType(Problem):
    def __init__(self, accepted: Iterable[str], detail: str | None = None) -> None:
        types = list(accepted)
        super().__init__(
            Code.UNSUPPORTED_MEDIA_TYPE, detail or f"Send it as Content-Type: {' or '.join(types)}.", accepted=types
        )


class Invalid(Problem):
    """Values are not acceptable: all mistakes at once."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        found = tuple(mistakes)
        super().__init__(
            Code.INVALID,
            "One value is not acceptable." if len(found) == 1 else "See errors: each says where and why.",
            mistakes=found,
        )


class IdempotencyKeyReused(Problem):
    def __init__(self) -> None:
        detail = "This Idempotency-Key came before with another body: take a new key for a new request."
        super().__init__(
            Code.IDEMPOTENCY_KEY_REUSED,
            detail,
            mistakes=[Mistake("not_allowed", "was used before", header="Idempotency-Key")],
        )


class ClaimTokenRequired(Problem):
    def __init__(self) -> None:
        super().__init__(Code.CLAIM_TOKEN_REQUIRED, "Send the token of your claim as Leadgate-Claim-Token.")


class RateLimited(Problem):
    """`after` whole seconds a request will be taken again."""

    def __init__(self, after: int) -> None:
        super().__init__(Code.RATE_LIMITED, f"Try again in {after} s.", headers={"Retry-After": str(after)})


class Unavailable(Problem):
    """What it needs is down. `after` whole seconds it is worth another try."""

    def __init__(
        self, detail: str = "The database does not answer. Repeat it, under the same Idempotency-Key.", after: int = 2
    ) -> None:
        super().__init__(Code.UNAVAILABLE, detail, headers={"Retry-After": str(after)})


class Internal(Problem):
    """Ours; nothing is half applied, and nothing of it is told."""

    def __init__(self) -> None:
        super().__init__(Code.INTERNAL, "It is in our log under this request id; nothing was half applied.")
