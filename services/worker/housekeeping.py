"""The duty of housekeeping: what is kept for a time only is deleted after it, who is erased stays so."""

from datetime import timedelta

from schemas.topics import TOPICS
from services import policies
from services.runtime import deadletters
from services.runtime.edge import Edge
from services.runtime.http import idempotency
from services.runtime.log import table
from services.store import privacy, sweeps, waiting
from services.worker.loops import Duty

NAME = "housekeeping"
INTERVAL = timedelta(minutes=10)
_LIMIT = 1000
"""How many rows of a partition, or of a table, one transaction deletes at most."""


def duty(edge: Edge) -> Duty:
    """Delete records past their topic's retention, dead letters, stored answers and keys of pulls past theirs."""

    async def turn() -> bool:
        cut = 0
        for topic in TOPICS:
            if topic.kept is not None and edge.kafka is None:  # or what waits for Kafka would go
                async with edge.database.tx() as tx:
                    cut += await table.trim(tx, topic.name, tx.now - topic.kept, _LIMIT)
        async with edge.database.tx() as tx:
            await deadletters.prune(tx)
        async with edge.database.tx() as tx:
            await idempotency.forget(tx)
            await waiting.prune(tx)
        await _forget_again(edge)
        async with edge.database.tx() as tx:
            return await sweeps.prune_pull_keys(tx, _LIMIT) == _LIMIT or cut > 0

    return Duty(NAME, turn, INTERVAL)


async def _forget_again(edge: Edge) -> None:
    """Whom a backup brought back that was restored is erased again."""
    async with edge.database.read() as tx:
        back = await privacy.risen(tx, _LIMIT)
    for lead in back:
        async with edge.database.tx() as tx:
            person, _ = await privacy.person_of(tx, lead)
            if person is not None:
                await privacy.erase(tx, await policies.active(tx), edge.keyring, person)
