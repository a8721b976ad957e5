"""What the suite needs of an adapter besides its port."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from sqlalchemy import delete, update

from services.runtime.edge import Edge
from services.runtime.log.kafka import KafkaLog
from services.runtime.log.port import EventLog, Place
from services.runtime.log.postgres import PostgresLog
from services.runtime.tables import partitions, records

Truncate = Callable[[Place, int], Awaitable[None]]


@pytest.fixture
def truncate(edge: Edge, log: EventLog) -> Truncate:
    """Let the records of a partition before an offset go, as retention does."""
    if isinstance(log, KafkaLog):
        return partial(_cut_kafka, log)
    assert isinstance(log, PostgresLog), "say here how this adapter truncates"
    return partial(_cut_table, edge)


async def _cut_table(edge: Edge, place: Place, first: int) -> None:
    here = (partitions.c.topic == place.topic, partitions.c.partition == place.partition)
    gone = (records.c.topic == place.topic, records.c.partition == place.partition, records.c.offset < first)
    async with edge.database.tx() as tx:
        await tx.execute(delete(records).where(*gone))
        await tx.execute(update(partitions).where(*here).values(first_offset=first))


async def _cut_kafka(log: KafkaLog, place: Place, first: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=log.servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(log.prefix + place.topic, place.partition): RecordsToDelete(first)})
    finally:
        await admin.close()
