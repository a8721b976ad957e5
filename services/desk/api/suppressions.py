"""Suppressions: whom nobody may reach, by letter, say, or another system's word."""

from fastapi import APIRouter

from router.identifiers.emails import read_email
from router.identifiers.links import profile
from router.identifiers.phones import read_phone
from schemas.api.page import ListQuery, Page
from schemas.api.suppressions import SuppressionIn, SuppressionOut
from schemas.words import MatchedBy, PrincipalKind
from services.desk.fencing import told
from services.runtime.http.call import Call
from services.runtime.http.problems import Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import persons, suppressions
from services.store.suppressions import Suppression

routes = APIRouter(route_class=Route, tags=["suppressions"])


@routes.post("/v1/suppressions", status_code=201)
@allow(PrincipalKind.MANAGER, PrincipalKind.SERVICE)
async def suppress(call: Call, body: SuppressionIn, tx: Tx) -> SuppressionOut:
    """Close a channel, or all, to somebody.

    It holds for the whole person, for whatever comes of them later, and outlives their erasure. What nobody may work
    any more is closed: items cancelled, claims revoked. One that stands already is answered with 200.
    """
    identity = persons.identity_of(*_read(body), call.edge.keyring)
    async with told(tx) as stories:
        found, new = await suppressions.opt_out(tx, stories, identity, body.channel, body.reason)
    if not new:
        call.status = 200
    return _shown(found)


@routes.get("/v1/suppressions")
@allow(PrincipalKind.MANAGER)
async def listed(call: Call, query: ListQuery, tx: ReadTx) -> Page[SuppressionOut]:
    """List opt-outs, newest first. Whose they are cannot be told from them."""
    after = call.after[0] if call.after else None
    rows = await suppressions.page(tx, after=after, limit=query.limit + 1)
    return call.page(rows, query.limit, out=_shown, place=lambda one: (one.id,))


@routes.delete("/v1/suppressions/{suppression_id}", status_code=204)
@allow(PrincipalKind.MANAGER)
async def lift(call: Call, suppression_id: str, tx: Tx) -> None:
    """Take an opt-out back. What it closed stays closed."""
    if not await suppressions.lift(tx, suppression_id):
        raise NotFound


def _read(body: SuppressionIn) -> tuple[MatchedBy, str]:
    """Whom it names, as intake would read it. Raises: Invalid."""
    if body.email is not None:
        if read := read_email(body.email.strip()):
            return MatchedBy.EMAIL, read.address
        remedy = "Write it as ann@example.com"
        raise Invalid([Mistake("invalid_email", "is no e-mail address", pointer="#/email", remedy=remedy)])
    if body.phone is not None:
        if number := read_phone(body.phone.strip(), ()):
            return MatchedBy.PHONE, number
        remedy = "Write it with its country code, as +44 20 7946 0123"
        raise Invalid([Mistake("invalid_phone", "is no telephone number", pointer="#/phone", remedy=remedy)])
    assert body.profile_url is not None, "one of them is given"
    if page := profile(body.profile_url.strip()):
        return MatchedBy.PROFILE, page
    remedy = "Write it as https://linkedin.com/in/ann"
    raise Invalid([Mistake("invalid_url", "is no address of a person's page", pointer="#/profile_url", remedy=remedy)])


def _shown(found: Suppression) -> SuppressionOut:
    return SuppressionOut(id=found.id, channel=found.channel, reason=found.reason, created_at=found.created_at)
