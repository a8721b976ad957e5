"""A lead's receipt over HTTP: the one route that ingest and desk have in common."""

import asyncio
from datetime import timedelta

from fastapi import APIRouter

from schemas.api.leads import LeadOut, LeadQuery
from schemas.words import LeadId, LeadState, PrincipalKind
from services.runtime import keys
from services.runtime.access import Principal
from services.runtime.http.call import Call
from services.runtime.http.problems import NotFound
from services.runtime.http.route import AT_MOST, Route
from services.runtime.http.rule import allow
from services.runtime.secret import Keyring
from services.runtime.tx import ReadTx
from services.store import leadviews

LOOK_AGAIN = timedelta(seconds=1)

routes = APIRouter(route_class=Route, tags=["leads"])


@routes.get("/v1/leads/{lead_id}")
@allow(PrincipalKind.SERVICE, PrincipalKind.REP, PrincipalKind.MANAGER)
async def lead(call: Call, lead_id: str, query: LeadQuery) -> LeadOut:
    """Look up a lead.

    Its source and an admin find it from the 202 on: `received`, all else null, until it is routed. With `wait` the
    answer is held until it is decided, or so many seconds.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + query.wait
    with call.edge.wake.waiting(f"lead:{lead_id}") as waiter:
        while True:
            call.still_admitted()
            async with asyncio.timeout(AT_MOST), call.edge.database.read() as tx:
                found = await leadviews.receipt(tx, lead_id, call.principal)
                accepted = found is None and await _accepted(tx, call.edge.keyring, lead_id, call.principal)
            if found is not None and found.state != LeadState.AWAITING_DATA:
                return found
            if found is None and not accepted:
                raise NotFound
            left = timedelta(seconds=ends - loop.time())
            if left <= timedelta() or call.edge.stopping.is_set():
                return found or leadviews.unrouted(LeadId(lead_id))
            await waiter.wait(min(left, LOOK_AGAIN))


async def _accepted(tx: ReadTx, keyring: Keyring, lead_id: str, who: Principal) -> bool:
    """Tell from the id alone whether we gave it to their source; to an admin: to any source that has had a key."""
    if who.kind is PrincipalKind.ADMIN:
        return any(keyring.is_lead_of(lead_id, source) for source in await keys.sources(tx))
    return who.source is not None and keyring.is_lead_of(lead_id, who.source)
