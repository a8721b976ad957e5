"""The log in Kafka, where its client does other than it promises, or its topics are other than they should be."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NodeNotReadyError, NoOffsetForPartitionError

import services.runtime.log.kafka.scan as scanning
from schemas.topics import LIFECYCLE, SERIES, TOPICS
from services.runtime.edge import Edge
from services.runtime.log.kafka import KafkaLog
from services.runtime.log.kafka.subscription import KafkaSubscription
from services.runtime.log.port import LogUnavailable, Message, Place, Span, UnknownTopic

SOON = timedelta(seconds=5)


@pytest.fixture
def kafka_log(kafka_edge: Edge) -> KafkaLog:
    assert kafka_edge.kafka is not None
    return kafka_edge.kafka


async def append(log: KafkaLog, *values: str) -> Place:
    """Records of one key; where they stand."""
    await log.append([Message(LIFECYCLE.name, "k", value.encode(), ()) for value in values])
    return next(place for place, end in (await log.ends([LIFECYCLE])).items() if end)


async def read(subscription: KafkaSubscription, count: int) -> list[str]:
    values: list[str] = []
    async with asyncio.timeout(20):
        while len(values) < count:
            values += [(record.value or b"").decode() for record in (await subscription.poll(100, SOON)).records]
    return values


async def first(place: Place) -> int:
    return 0


async def test_the_first_records_of_each_topic_may_come_at_once(kafka_log: KafkaLog) -> None:
    await asyncio.gather(*(kafka_log.append([Message(topic.name, "k", b"first", ())]) for topic in TOPICS))
    ends = await kafka_log.ends(TOPICS)
    assert sorted(place.topic for place, end in ends.items() if end) == sorted(topic.name for topic in TOPICS)


async def test_a_partition_that_stands_still_in_a_new_group_costs_nothing(
    kafka_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group never committed there: the client would ask it again and again, and each poll would end at once."""
    asked = 0
    getmany = AIOKafkaConsumer.getmany

    async def counted(self: AIOKafkaConsumer, *args: Any, **options: Any) -> Mapping[TopicPartition, Sequence[Any]]:
        nonlocal asked
        try:
            found: Mapping[TopicPartition, Sequence[Any]] = await getmany(self, *args, **options)
        except NoOffsetForPartitionError:
            asked += 1
            raise
        return found

    async def stopped(place: Place) -> None:
        return None

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", counted)
    async with kafka_log.subscribe("new", [LIFECYCLE], stopped) as subscription:
        for _ in range(20):
            await subscription.poll(10, timedelta(seconds=0.1))
    assert asked <= 4, "once for each partition, before its position was read"


async def test_records_from_before_a_seek_do_not_carry_us_over_those_after_it(kafka_log: KafkaLog) -> None:
    place = await append(kafka_log, "0", "1", "2", "3", "4")
    async with kafka_log.subscribe("late", [LIFECYCLE], first) as subscription:
        await read(subscription, 5)
        tp = TopicPartition(kafka_log.prefix + place.topic, place.partition)
        await subscription.seek(place, 3)
        subscription._consumer.seek(tp, 5)  # where the client stands after it has given these:
        batch = await subscription._taken({tp: [record(tp, offset) for offset in (1, 2, 3, 4)]})
        assert (batch.records, batch.spans) == ((), {})
        assert await read(subscription, 2) == ["3", "4"]


async def test_nothing_is_told_to_the_group_of_what_was_taken_from_us(kafka_log: KafkaLog) -> None:
    """The client takes no empty commit."""
    async with kafka_log.subscribe("taken", [LIFECYCLE], first) as subscription:
        subscription.done({Place(LIFECYCLE.name, 99): Span(0, 1)})
        await subscription.poll(10, timedelta(seconds=0.1))
        assert subscription._commit is None


def record(tp: TopicPartition, offset: int) -> "ConsumerRecord[bytes, bytes]":
    return ConsumerRecord(tp.topic, tp.partition, offset, 0, 1, b"k", b"", None, 1, 0, [])


async def test_a_partition_that_gives_nothing_ends_a_scan_and_is_named(
    kafka_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await append(kafka_log, "0")

    async def silent(self: AIOKafkaConsumer, *args: Any, **options: Any) -> Mapping[TopicPartition, Sequence[Any]]:
        await asyncio.sleep(0.01)
        return {}

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", silent)
    monkeypatch.setattr(scanning, "_SILENCE", 0.05)
    with pytest.raises(LogUnavailable, match=f"{place.topic}/{place.partition} gives nothing from 0 on"):
        async with asyncio.timeout(5):
            await all_of(kafka_log.read([LIFECYCLE]))


async def test_records_whose_time_is_over_while_all_are_read_are_passed_over(
    kafka_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await append(kafka_log, "0", "1", "2", "3")
    opened = scanning.opened

    async def cut(*args: Any) -> Any:
        """After the bounds were asked for, and before anything is read."""
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_log.servers)
        await admin.start()
        tp = TopicPartition(kafka_log.prefix + place.topic, place.partition)
        await admin.delete_records({tp: RecordsToDelete(2)})
        await admin.close()
        return await opened(*args)

    monkeypatch.setattr(scanning, "opened", cut)
    assert await all_of(kafka_log.read([LIFECYCLE])) == ["2", "3"]


async def all_of(batches: AsyncIterator[Sequence[Any]]) -> list[str]:
    return [(one.value or b"").decode() async for records in batches for one in records]


async def test_what_is_appended_to_a_topic_that_is_not_there_is_refused_at_once_with_the_remedy(
    kafka_log: KafkaLog,
) -> None:
    """Nobody waits for it, no broker makes it with defaults of its own, and other appends keep their producer."""
    await append(kafka_log, "0")
    producer = kafka_log._lanes._producer._client
    async with asyncio.timeout(2):
        with pytest.raises(UnknownTopic, match="leadgate topics create"):
            await kafka_log.append([Message("leads.nowhere.v1", "k", b"1", ())])
    assert kafka_log._lanes._producer._client is producer


async def test_a_topic_that_keeps_its_records_for_other_than_it_should_is_told_of(kafka_log: KafkaLog) -> None:
    def other(said: Sequence[str]) -> list[str]:
        return [each for each in said if "replicas" not in each and "insync" not in each]

    topics = [*TOPICS, *SERIES]
    assert other(await kafka_log.shortcomings(topics)) == []
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_log.servers)
    await admin.start()
    name = kafka_log.prefix + LIFECYCLE.name
    values = {"retention.ms": "604800000", "cleanup.policy": "compact"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, values)])
    await admin.close()
    assert {
        "leads.lifecycle.v1 has retention.ms=604800000, not -1",
        "leads.lifecycle.v1 has cleanup.policy=compact, not delete",
    } <= set(other(await kafka_log.shortcomings(topics)))


async def test_a_broker_that_has_gone_is_passed_by_where_another_answers(kafka_log: KafkaLog) -> None:
    """Or readiness and consumers would fail on each look that happens to ask that one."""

    async def gone(node: int, request: object) -> None:
        raise NodeNotReadyError(f"broker {node} has gone")

    topics = [*TOPICS, *SERIES]
    before = (await kafka_log._cluster.look(topics)).topics
    client = kafka_log._cluster._client._client
    client.send = gone
    assert (await kafka_log._cluster.look(topics)).topics == before
    assert kafka_log._cluster._client._client is not client
