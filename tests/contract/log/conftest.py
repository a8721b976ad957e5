"""What the suite needs of an adapter besides its port."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import delete, update

from services.runtime.edge import Edge
from services.runtime.log.port import EventLog, Place
from services.runtime.log.postgres import PostgresLog
from services.runtime.tables import partitions, records

Truncate = Callable[[Place, int], Awaitable[None]]


@pytest.fixture
def truncate(edge: Edge, log: EventLog) -> Truncate:
    """Let the records of a partition before an offset go, as retention does."""
    assert isinstance(log, PostgresLog), "say here how this adapter truncates"

    async def cut(place: Place, first: int) -> None:
        here = (partitions.c.topic == place.topic, partitions.c.partition == place.partition)
        gone = (records.c.topic == place.topic, records.c.partition == place.partition, records.c.offset < first)
        async with edge.database.tx() as tx:
            await tx.execute(delete(records).where(*gone))
            await tx.execute(update(partitions).where(*here).values(first_offset=first))

    return cut
