"""The duty of measures: what stands in the queues, told within a second of its change, and when somebody asks."""

from services import policies
from services.runtime import looks
from services.runtime.edge import Edge
from services.store import measures
from services.worker.loops import Duty

NAME = looks.MEASURES


def duty(edge: Edge) -> Duty:
    """Look which queues have news, and tell it."""

    async def turn() -> bool:
        async with edge.database.read() as tx:
            names = await measures.changed(tx, await policies.active(tx))
            looked_at = tx.now
        async with edge.database.tx() as tx:
            if not names or await measures.tell(tx, await policies.active(tx), names):
                await looks.keep(tx, NAME, looked_at)
                tx.wake(looks.done(NAME))
        return False

    return Duty(NAME, turn, channels=(looks.wanted(NAME),))
