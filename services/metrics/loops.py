"""What metrics does by itself: recompute the series that are stale."""

import asyncio
from datetime import timedelta

import structlog

from services import policies
from services.metrics import handler, kept
from services.runtime.edge import Edge

LOOK_AGAIN = timedelta(seconds=1)
SHARE = 9
"""How many times as long as a turn took the next one waits: recomputing takes a tenth of the time at most."""
SOONEST = 0.1
LATEST = 60.0
"""Seconds between turns."""

_log = structlog.get_logger("leadgate.metrics")


async def keep_series(edge: Edge) -> None:
    """Recompute series soon after their facts change, until cancelled. What changes meanwhile is done in one go."""
    loop = asyncio.get_running_loop()
    with edge.wake.waiting(handler.WAKE) as waiter:
        while True:
            began = loop.time()
            more = await turn(edge)
            took = loop.time() - began
            edge.telemetry.loop_seconds.labels("series").observe(took)
            edge.telemetry.loop_at.labels("series").set(edge.clock.now().timestamp())
            await asyncio.sleep(min(LATEST, max(SOONEST, SHARE * took)))
            if not more:
                await waiter.wait(LOOK_AGAIN)


async def turn(edge: Edge) -> bool:
    """Recompute what is stale, up to a bound; tell whether more is."""
    async with edge.database.tx() as tx:
        if await policies.latest(tx) is None:
            return False
        policy = await policies.active(tx)
        return await kept.refold(tx, policy.zone)
