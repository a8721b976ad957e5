"""The numbers: the funnel, the clocks, the queues."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from router.policy.compiled import Policy
from schemas.api.metrics import FunnelOut, QueuesOut, SpeedOut
from schemas.api.questions import FunnelQuery, QueuesQuery, SpeedQuery
from schemas.words import PrincipalKind
from services import policies
from services.metrics import answers
from services.metrics.api.asked import desks_of, question_of
from services.metrics.api.cached import cached
from services.metrics.freshness import Freshness
from services.runtime.http.call import Call
from services.runtime.http.problems import Unavailable
from services.runtime.http.route import AT_MOST, Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx


def number_routes(freshness: Freshness) -> APIRouter:
    """The endpoints; each first waits, briefly, for what was committed before it was asked."""
    routes = APIRouter(route_class=Route, tags=["metrics"])

    @routes.get("/v1/metrics/funnel", responses=described(FunnelOut))
    @allow(PrincipalKind.MANAGER)
    async def funnel(call: Call, query: FunnelQuery) -> Response:
        """Count the funnel.

        By event each fact counts at its own time, under its own queue and rep; by cohort the leads captured in the
        period count once in each step reached, under their first queue and holder, with the conversion between steps.
        """
        as_of = await freshness.reach()
        call.still_admitted()
        async with asyncio.timeout(AT_MOST), call.edge.database.read() as tx:
            policy = await policy_of(tx)
            question = question_of(query, call.principal, policy.zone, tx.now)
            rows = await answers.funnel(
                tx, question, query.basis, small=query.small, as_of=as_of, maturity=policy.maturity
            )
        start, end, zone = question.period.start, question.period.end, question.zone.key
        return cached(call, FunnelOut(from_=start, to=end, tz=zone, basis=query.basis, as_of=as_of, rows=rows))

    @routes.get("/v1/metrics/speed-to-lead", responses=described(SpeedOut))
    @allow(PrincipalKind.MANAGER)
    async def speed(call: Call, query: SpeedQuery) -> Response:
        """Tell how long leads wait.

        A clock counts where it starts. All who were due are in it, those still waiting too: a percentile that falls on
        these is null, not yet.
        """
        as_of = await freshness.reach()
        call.still_admitted()
        async with asyncio.timeout(AT_MOST), call.edge.database.read() as tx:
            policy = await policy_of(tx)
            question = question_of(query, call.principal, policy.zone, tx.now)
            rows = await answers.speed(tx, question, as_of)
        start, end, zone = question.period.start, question.period.end, question.zone.key
        return cached(call, SpeedOut(from_=start, to=end, tz=zone, as_of=as_of, rows=rows))

    @routes.get("/v1/metrics/queues", responses=described(QueuesOut))
    @allow(PrincipalKind.MANAGER)
    async def queues(call: Call, query: QueuesQuery) -> Response:
        """Show the queues as they stand."""
        as_of = await freshness.reach_measured()
        call.still_admitted()
        async with asyncio.timeout(AT_MOST), call.edge.database.read() as tx:
            policy = await policy_of(tx)
            allowed = desks_of(call.principal)
            names = [
                name
                for name, queue in policy.queues.items()
                if (allowed is None or queue.desk in allowed)
                and (not query.desk or queue.desk in query.desk)
                and (not query.queue or name in query.queue)
            ]
            rows = await answers.queues(tx, names, as_of)
        return cached(call, QueuesOut(as_of=as_of, queues=rows))

    return routes


async def policy_of(tx: ReadTx) -> Policy:
    """The policy in force. Raises: Unavailable, there is none yet."""
    try:
        return await policies.active(tx)
    except policies.NoPolicy:
        raise Unavailable("No policy is published yet.") from None


def described(model: type) -> dict[int | str, dict[str, object]]:
    """What OpenAPI says of an answer that may be kept."""
    return {200: {"model": model}, 304: {"description": "As before, but for `as_of`."}}
