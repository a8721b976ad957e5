"""Who may: the credential (401), the kind of principal (403), the rate (429), in this order."""

from typing import Final

from schemas.words import PrincipalKind
from services.runtime.http import session
from services.runtime.http.call import Call
from services.runtime.http.headers import CSRF, bearer_of
from services.runtime.http.limits import FormRates
from services.runtime.http.problems import Forbidden, Mistake, NotFound, RateLimited, Unauthenticated
from services.runtime.http.rule import Rule

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_ARTICLES: Final = {PrincipalKind.ADMIN: "an"}


async def admit(call: Call, rule: Rule) -> None:
    """Find out who calls, and whether they may. Raises: Unauthenticated, Forbidden, RateLimited, NotFound (a form)."""
    if rule.public:
        return
    if rule.keyed_by_path:
        await _form(call)
        return
    await _known(call)
    kind = call.principal.kind
    if kind not in rule.kinds:
        *others, last = (f"{_ARTICLES.get(one, 'a')} {one.value}" for one in sorted(rule.kinds))
        whose = f"{', '.join(others)} or {last}" if others else last
        raise Forbidden(f"This needs the key of {whose}; yours is that of {_ARTICLES.get(kind, 'a')} {kind.value}.")


async def _known(call: Call) -> None:
    """By its Bearer key, or by a browser's session, whose writes prove that they come from a page of ours."""
    request, edge = call.request, call.edge
    key = bearer_of(request)
    if key is not None:
        principal = await edge.access.of_key(key)
        if principal is None:
            raise Unauthenticated
        call.admitted(principal)
        return
    signed_in = session.session_of(edge.keyring, request, call.now)
    principal = await edge.access.of_key_id(signed_in.key_id) if signed_in is not None else None
    if signed_in is None or principal is None:
        raise Unauthenticated
    if request.method not in SAFE and not session.is_own_page(signed_in, request.headers.get(CSRF)):
        raise Forbidden(
            f"A write with a browser's session sends {CSRF}, which the page knows.",
            [Mistake("required", "is missing or not of this session", header=CSRF)],
        )
    call.admitted(principal, signed_in.csrf)


async def _form(call: Call) -> None:
    """By the publishable key in the path. One that is unknown or revoked is no such form."""
    principal = await call.edge.access.of_key(call.request.path_params["key"])
    if principal is None or principal.kind is not PrincipalKind.FORM:
        raise NotFound
    call.admitted(principal)
    if call.request.method != "POST":
        return
    client = call.request.client
    rates: FormRates = call.request.app.state.form_rates
    wait = rates.admit(client.host if client is not None else "", principal.key_id, call.now)
    if wait:
        raise RateLimited(wait)
