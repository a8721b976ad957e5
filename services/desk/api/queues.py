"""Queues: what upstream owes them."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from router.forecast import Forecast, say, upstream_of
from router.policy.compiled import Queue
from schemas.api.queues import ForecastOut, GradedOut
from schemas.words import PrincipalKind, QueueName
from services import policies
from services.runtime.http.call import Call
from services.runtime.http.problems import NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx
from services.store import forecasts

routes = APIRouter(route_class=Route, tags=["queues"])


@routes.get("/v1/queues/{desk}/{name}/forecast")
@allow(PrincipalKind.MANAGER)
async def forecast(call: Call, desk: str, name: str, tx: ReadTx) -> ForecastOut:
    """Get what the next day start of a queue needs, and how many will be missing.

    `needs` less `depth`, `pool` and what is `expected` is `short`. Managers of the desks upstream of the closing desk
    see its queues too. A queue without a pool has no forecast.
    """
    policy = await policies.active(tx)
    queue = policy.queues.get(QueueName(f"{desk}/{name}"))
    if queue is None or not _sees(call, queue):
        raise NotFound
    found = await forecasts.of(tx, policy, queue)
    if found is None:
        raise NotFound
    return ForecastOut(
        queue=queue.name,
        **_figures(found),
        says=say(found, queue.name, queue.calendar),
        graded=[
            GradedOut(**_figures(kept.said), made_at=kept.made_at, came=kept.came)
            for kept in await forecasts.graded(tx, queue.name)
        ],
    )


def _sees(call: Call, queue: Queue) -> bool:
    return any(call.sees(desk) for desk in {queue.desk, *upstream_of(queue.desk)})


def _figures(found: Forecast) -> dict[str, Any]:
    return {**asdict(found), "short": found.short}
