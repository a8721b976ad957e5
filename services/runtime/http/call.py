"""One call of the API, as an endpoint sees it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from starlette.requests import Request

from schemas.api.page import Page
from schemas.events.stamp import Actor
from schemas.words import FencingToken, PrincipalKind, RepId, Role
from services.runtime.access import Principal
from services.runtime.edge import Edge
from services.runtime.http.cursors import Place, seal
from services.runtime.http.problems import ClaimTokenRequired, Unauthenticated

R = TypeVar("R")
T = TypeVar("T")

_ROLES = {
    PrincipalKind.REP: Role.REP,
    PrincipalKind.MANAGER: Role.MANAGER,
    PrincipalKind.ADMIN: Role.ADMIN,
}


class Call:
    """Who calls, when, with what; and what the answer gets besides its body.

    `now` is when it arrived; in a transaction use `tx.now`. `after` is where the cursor of a list stands.
    Set `status` to answer with another status than the route's, and `headers` for more of these.
    """

    def __init__(self, edge: Edge, request: Request, request_id: str, now: datetime) -> None:
        self.edge = edge
        self.request = request
        self.request_id = request_id
        self.now = now
        self.idempotency_key: str | None = None
        self.claim_token: FencingToken | None = None
        self.after: Place | None = None
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.csrf: str | None = None
        self._filters = b""
        self._principal: Principal | None = None

    @property
    def principal(self) -> Principal:
        """Who calls. Only where the endpoint is not public."""
        if self._principal is None:
            raise LookupError("a public endpoint has no principal")
        return self._principal

    @property
    def rep_id(self) -> RepId:
        """Which rep calls. Only where a rep does."""
        if self.principal.rep_id is None:
            raise LookupError("the principal is no rep")
        return self.principal.rep_id

    @property
    def actor(self) -> Actor:
        """Who is written down as having done it: the rep, or the manager's or admin's key."""
        who = self.principal
        return Actor(kind=_ROLES[who.kind], id=who.rep_id or who.key_id)

    def admitted(self, principal: Principal | None, csrf: str | None = None) -> None:
        """The route found out who it is; `csrf` is what the pages of a browser session send back."""
        self._principal = principal
        self.csrf = csrf

    def still_admitted(self) -> None:
        """Look again, after a wait, whether the key is live: it may have been revoked meanwhile.

        Raises: Unauthenticated, as at the start.
        """
        if not self.edge.access.is_live(self.principal.key_id):
            raise Unauthenticated

    @property
    def signed_in(self) -> Principal | None:
        """Who calls, or None where the endpoint is public."""
        return self._principal

    def sees(self, desk: str) -> bool:
        """Tell whether a desk is one of the principal's: all are an admin's, and a manager's who names none."""
        who = self.principal
        return who.kind is PrincipalKind.ADMIN or (
            who.kind is PrincipalKind.MANAGER and (not who.desks or desk in who.desks)
        )

    def holder_token(self) -> FencingToken | None:
        """The token that a rep's write must send; None for a manager or admin, who sends none.

        Raises: ClaimTokenRequired.
        """
        if self.principal.kind is not PrincipalKind.REP:
            return None
        if self.claim_token is None:
            raise ClaimTokenRequired
        return self.claim_token

    def at(self, after: Place | None, filters: bytes) -> None:
        """The route found out where in which list the call is."""
        self.after = after
        self._filters = filters

    def page(
        self, rows: Sequence[R], limit: int, *, out: Callable[[R], T], place: Callable[[R], Sequence[str]]
    ) -> Page[T]:
        """A page of at most `limit` of `rows`; one row more than that says that there is a next page.

        `place` is what `after` will be when the next page is asked for.
        """
        shown = rows[:limit]
        cursor = seal(self.edge.keyring, self._filters, place(shown[-1])) if len(rows) > limit else None
        return Page(data=[out(row) for row in shown], next_cursor=cursor)
