"""Consumers on Kafka: the group shares partitions out, PostgreSQL's positions count, and nothing skips silently."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from kit import numbers
from kit.numbers import Done, append, consumer, stopped
from kit.waiting import becomes, running, until

from schemas.topics import INBOUND, SERIES, TOPICS
from services.runtime import operations
from services.runtime.edge import Edge


@pytest.fixture(autouse=True)
async def effects(kafka_edge: Edge) -> Done:
    return await numbers.effects(kafka_edge)


@asynccontextmanager
async def admin_of(edge: Edge) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=edge.settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def name_of(edge: Edge) -> str:
    return f"{edge.settings.topic_prefix}{INBOUND.name}"


async def lag(edge: Edge) -> int:
    return sum(each["lag"] for each in await operations.consumer_status(edge))


async def test_consumers_that_come_and_go_do_each_record_once(kafka_edge: Edge, effects: Done) -> None:
    """A storm of rebalances: members join and leave all the while."""

    async def storm() -> None:
        async with AsyncExitStack() as members:
            for _ in range(3):
                await members.enter_async_context(running(consumer(kafka_edge, limit=7).run()))
                await asyncio.sleep(0.3)

    async with running(consumer(kafka_edge, limit=7).run()):
        for first in range(0, 600, 200):
            await append(kafka_edge, *range(first, first + 200))
            await storm()
        await becomes(effects, list(range(600)), within=30)


async def test_the_group_shows_how_far_we_are(kafka_edge: Edge, effects: Done) -> None:
    async with running(consumer(kafka_edge).run()):
        await append(kafka_edge, *range(50))
        await becomes(effects, list(range(50)))
        group = f"{kafka_edge.settings.topic_prefix}leadgate.test"
        ends = {place.partition: end for place, end in (await kafka_edge.log.ends([INBOUND])).items() if end}

        async def shown() -> bool:
            looker = AIOKafkaConsumer(
                bootstrap_servers=kafka_edge.settings.kafka_bootstrap_servers, group_id=group, enable_auto_commit=False
            )
            await looker.start()
            try:
                return {p: await looker.committed(TopicPartition(name_of(kafka_edge), p)) for p in ends} == ends
            finally:
                await looker.stop()

        await until(shown)


async def test_records_gone_unread_stop_their_partition_until_that_is_accepted(kafka_edge: Edge, effects: Done) -> None:
    async with running(consumer(kafka_edge).run()):
        await append(kafka_edge, 1, 2, 3, key="gap")
        await becomes(effects, [1, 2, 3])
    await append(kafka_edge, 4, 5, 6, key="gap")
    (place,) = [place for place, end in (await kafka_edge.log.ends([INBOUND])).items() if end]
    async with admin_of(kafka_edge) as admin:
        await admin.delete_records({TopicPartition(name_of(kafka_edge), place.partition): RecordsToDelete(5)})
    async with running(consumer(kafka_edge).run()):
        await becomes(lambda: stopped(kafka_edge), [(place.partition, "gap")])
        await operations.consumer_resume(kafka_edge, "test", INBOUND.name, place.partition, accept_gap=True)
        await becomes(effects, [1, 2, 3, 6])


async def test_a_topic_that_was_replaced_stops_even_where_the_new_one_is_longer(
    kafka_edge: Edge, effects: Done
) -> None:
    assert kafka_edge.kafka is not None
    async with running(consumer(kafka_edge).run()):
        await append(kafka_edge, 1, 2, key="same")
        await becomes(effects, [1, 2])
    (place,) = [place for place, end in (await kafka_edge.log.ends([INBOUND])).items() if end]
    async with admin_of(kafka_edge) as admin:
        await admin.delete_topics([name_of(kafka_edge)])

    async def made_again() -> bool:
        assert kafka_edge.kafka is not None
        try:
            await kafka_edge.kafka.create([*TOPICS, *SERIES], partitions=4)
        except Exception:
            return False
        return True

    await until(made_again)
    await append(kafka_edge, 10, 11, 12, key="same")
    async with running(consumer(kafka_edge).run()):

        async def stands() -> bool:
            return (place.partition, "gap") in await stopped(kafka_edge)

        await until(stands, within=20)
        assert await effects() == [1, 2]
        for each in range(4):
            await operations.consumer_resume(kafka_edge, "test", INBOUND.name, each, accept_gap=True)
        await becomes(effects, [1, 2, 10, 11, 12])
