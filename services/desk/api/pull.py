"""Pull: a rep asks for the next thing, and waits for it if they like."""

import asyncio
import math
from datetime import timedelta
from typing import assert_never

from fastapi import APIRouter

from schemas.api.pull import PullIn, PullOut
from schemas.words import PrincipalKind, QueueName
from services import policies
from services.runtime.failures import sqlstate
from services.runtime.http.call import Call
from services.runtime.http.headers import CLAIM_TOKEN
from services.runtime.http.problems import Conflict, LimitReached, NotFound, Unauthenticated, Unavailable
from services.runtime.http.route import AT_MOST, MET, Route
from services.runtime.http.rule import allow
from services.store import claims, itemviews, waiting
from services.store.pulled import Away, Busy, Elsewhere, Empty, Ended, Full, Given, Left
from services.store.story import telling

routes = APIRouter(route_class=Route, tags=["pull"])

LOOK_AGAIN = timedelta(seconds=1)
"""How long a pull that waits sleeps at most; it is woken before when something comes."""
SAY_AGAIN = waiting.SAID_FOR / 2
PAUSES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)
"""Seconds between looks at what others have locked just now. After the last one something is wrong."""


@routes.post("/v1/desks/{desk}/pull", responses={204: {"description": "There is nothing for you, in queue and pool."}})
@allow(PrincipalKind.REP, idempotent=False)
async def pull(call: Call, desk: str, body: PullIn) -> PullOut | None:
    """Get the next thing to do at a desk.

    First a promise of yours that is due, then a buyer who is handed over to you live, then what is reserved for you,
    else the first in order over your queues there, within their limits. With `wait` it waits so long for something to
    come. An Idempotency-Key gives the same live claim again, whatever the body.
    """
    found = await _once(call, desk, body.test)
    if isinstance(found, Empty) and body.wait:
        found = await _waited(call, desk, body, found.queues)
    if isinstance(found, PullOut):
        call.headers[CLAIM_TOKEN] = str(found.claim.token)
        return found
    call.status = 204
    return None


async def _waited(call: Call, desk: str, body: PullIn, queues: tuple[QueueName, ...]) -> PullOut | Empty:
    """Look again and again, until there is something or the time is over; a buyer may be handed over meanwhile.

    Who has left, or whose key was revoked meanwhile, is given nothing.
    """
    loop = asyncio.get_running_loop()
    ends, said_at = loop.time() + body.wait, -math.inf
    with call.edge.wake.waiting(f"rep:{call.rep_id}", *(f"queue:{queue}" for queue in queues)) as waiter:
        while not (gone := call.edge.stopping.is_set() or await call.request.is_disconnected()):
            call.still_admitted()
            if loop.time() - said_at >= SAY_AGAIN.total_seconds():
                said_at = loop.time()
                await _says(call, desk, body.test)
            found = await _look(call, desk, body.test)
            left = timedelta(seconds=ends - loop.time())
            if isinstance(found, PullOut):
                return found
            if left <= timedelta():
                break
            await waiter.wait(min(left, LOOK_AGAIN))
    async with asyncio.timeout(AT_MOST), call.edge.database.tx() as tx:
        waited = await waiting.over(tx, call.rep_id, desk, test=body.test)
    return Empty(queues) if waited or gone else await _once(call, desk, body.test)


async def _says(call: Call, desk: str, test: bool) -> None:
    async with asyncio.timeout(AT_MOST), call.edge.database.tx() as tx:
        await waiting.say(tx, call.rep_id, desk, test=test)


async def _look(call: Call, desk: str, test: bool) -> PullOut | Empty:
    """Pull, if a look that locks nothing says that it is worth it; who is given something waits no more."""
    async with asyncio.timeout(AT_MOST), call.edge.database.read() as tx:
        worth = await claims.worth_a_pull(tx, await policies.active(tx), call.rep_id, desk, test=test)
    return await _once(call, desk, test, waits=True) if worth else Empty(())


async def _once(call: Call, desk: str, test: bool, *, waits: bool = False) -> PullOut | Empty:
    """Pull; and again, where others had what there is locked just then. Raises: what refuses it."""
    for pause in (*PAUSES, None):
        try:
            found = await _pulled(call, desk, test, waits=waits)
        except Exception as error:
            if sqlstate(error) not in MET or pause is None:
                raise
            found = Busy()
        match found:
            case PullOut() | Empty():
                return found
            case Busy() if pause is not None:
                await asyncio.sleep(pause)
            case Busy():
                raise Unavailable("What there is for you is locked by somebody else just now.", after=1)
            case _:
                assert_never(found)
    raise AssertionError("the last try returns or raises")


async def _pulled(call: Call, desk: str, test: bool, *, waits: bool) -> PullOut | Empty | Busy:
    async with asyncio.timeout(AT_MOST), call.edge.database.tx() as tx:
        call.still_admitted()
        policy = await policies.active(tx)
        async with telling(tx) as stories:
            found = await claims.pull(tx, stories, policy, call.rep_id, desk, test=test, key=call.idempotency_key)
        match found:
            case Given(why=why, claim=claim):
                if waits:
                    await waiting.over(tx, call.rep_id, desk, test=test)
                (held,) = await itemviews.held(tx, policy, [claim])
                return PullOut(why=why, item=held.item, claim=held.claim)
            case Empty() | Busy():
                return found
            case Left():
                raise Unauthenticated
            case Elsewhere():
                raise NotFound
            case Away():
                raise Conflict("rep_away", "You are away: say that you are there again.", state="away")
            case Full(limit=limit):
                raise LimitReached(limit.limit, maximum=limit.max, current=limit.current)
            case Ended(claim=claim):
                state = claim.state.value
                raise Conflict("claim_lost", f"The claim that this key was given is {state}.", state=state)
            case _:
                assert_never(found)
