"""Keys over the API: an admin makes, lists and revokes them. A secret is told once, and stored with no answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter

from schemas.api.keys import FormKeyIn, KeyIn, KeyOut, ManagerKeyIn, NewKeyOut, RepKeyIn, ServiceKeyIn
from schemas.api.page import ListQuery, Page
from schemas.words import PrincipalKind, RepId
from services.runtime import keys
from services.runtime.http.call import Call
from services.runtime.http.problems import Conflict, Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.keys import Key, KeyLimit, NewKey
from services.runtime.tx import ReadTx

RepExists = Callable[[ReadTx, RepId], Awaitable[bool]]
"""Whether there is such a rep: the store knows."""


def routes(rep_exists: RepExists) -> APIRouter:
    """The endpoints of keys."""
    router = APIRouter(route_class=Route, tags=["keys"])

    @router.post("/v1/keys", status_code=201)
    @allow(PrincipalKind.ADMIN, idempotent=False)
    async def create_key(call: Call, body: KeyIn) -> NewKeyOut:
        """Make a key.

        The secret is told here and never again. A source or person has two live keys at most, so that one can be
        replaced without a gap. An Idempotency-Key does nothing here: secrets are not kept.
        """
        async with call.edge.database.tx() as tx:
            if isinstance(body, RepKeyIn) and not await rep_exists(tx, RepId(body.rep_id)):
                raise Invalid([Mistake("not_allowed", "there is no such rep", pointer="#/rep_id")])
            try:
                key, secret = await keys.create(tx, call.edge.keyring, wanted(body))
            except KeyLimit as error:
                raise Conflict("key_limit", f"{error}.", state="two_live_keys") from None
        call.edge.access.learn(secret, key.principal)
        return NewKeyOut(**shown(key).model_dump(), key=secret)

    @router.get("/v1/keys")
    @allow(PrincipalKind.ADMIN)
    async def list_keys(call: Call, query: ListQuery, tx: ReadTx) -> Page[KeyOut]:
        """List the keys, revoked ones too, without their secrets."""
        rows = await keys.page(tx, after=call.after[0] if call.after else None, limit=query.limit + 1)
        return call.page(rows, query.limit, out=shown, place=lambda key: (key.principal.key_id,))

    @router.delete("/v1/keys/{key_id}", status_code=204)
    @allow(PrincipalKind.ADMIN)
    async def revoke_key(call: Call, key_id: str) -> None:
        """Revoke a key: at once here, within a second everywhere. Again does no harm."""
        async with call.edge.database.tx() as tx:
            if not await keys.revoke(tx, key_id):
                raise NotFound
        call.edge.access.forget(key_id)

    return router


def wanted(body: KeyIn) -> NewKey:
    """What the body asks for."""
    given: dict[str, Any] = {"kind": body.kind, "name": body.name}
    match body:
        case FormKeyIn():
            given |= {"origins": body.origins, "thank_you": body.thank_you, "error_pages": body.error_pages}
            given |= {"source": body.source}
        case ServiceKeyIn():
            given |= {"source": body.source}
        case RepKeyIn():
            given |= {"rep_id": body.rep_id}
        case ManagerKeyIn():
            given |= {"desks": body.desks}
    return NewKey(**given)


def shown(key: Key) -> KeyOut:
    """A key as it is listed."""
    who = key.principal
    return KeyOut(
        id=who.key_id,
        kind=who.kind,
        name=who.name,
        hint=key.hint,
        source=who.source,
        rep_id=who.rep_id,
        desks=sorted(who.desks),
        origins=list(who.origins),
        thank_you=list(who.thank_you),
        error_pages=list(who.error_pages),
        created_at=who.created_at,
        revoked_at=key.revoked_at,
    )
