"""The duty of measures: what stands in the queues, told within a second of its change."""

from services import policies
from services.runtime.edge import Edge
from services.store import measures
from services.worker.loops import Duty

NAME = "measures"


def duty(edge: Edge) -> Duty:
    """Look which queues have news, and tell it."""

    async def turn() -> bool:
        async with edge.database.read() as tx:
            names = await measures.changed(tx, await policies.active(tx))
        if names:
            async with edge.database.tx() as tx:
                await measures.tell(tx, await policies.active(tx), names)
        return False

    return Duty(NAME, turn)
