"""The duty of forecasts: at each day start the next one is foreseen, and what was foreseen of this one is graded."""

from datetime import timedelta

from services import policies
from services.runtime.edge import Edge
from services.store import forecasts
from services.worker.loops import Duty

NAME = "forecast"
INTERVAL = timedelta(seconds=15)


def duty(edge: Edge) -> Duty:
    """Keep and grade what is due, each queue in a transaction of its own."""

    async def turn() -> bool:
        async with edge.database.read() as tx:
            policy = await policies.active(tx)
            due = await forecasts.wanting(tx, policy)
        for queue in due:
            async with edge.database.tx() as tx:
                await forecasts.keep(tx, policy, queue)
        return False

    return Duty(NAME, turn, INTERVAL)
