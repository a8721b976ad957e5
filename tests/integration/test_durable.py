"""Appending to Kafka, else to the log table: with a broker that is stopped, and a database that cannot be reached."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import kit.kafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from brokers import Brokers
from kit.outage import unreachable
from kit.waiting import becomes

from schemas.topics import INBOUND, SERIES, TOPICS
from services.runtime.edge import Edge, open_edge
from services.runtime.log.durable import PATIENCE, Durable
from services.runtime.log.kafka import KafkaLog
from services.runtime.log.port import LARGEST, LogUnavailable, Message, TooLarge
from services.runtime.secret import Keyring
from services.runtime.settings import Settings

pytestmark = pytest.mark.xdist_group("own_broker")


@pytest.fixture(scope="module")
def broker() -> Iterator[Brokers]:
    """One broker that these tests may stop."""
    with kit.kafka.brokers(1) as brokers:
        yield brokers


@pytest.fixture
async def edge(broker: Brokers, database_url: str, keyring: Keyring, tmp_path: Path) -> AsyncIterator[Edge]:
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path,
        secret="6b" * 32,
        kafka_bootstrap_servers=broker.bootstrap,
        topic_prefix=f"{uuid4().hex[:12]}.",
    )
    async with open_edge(settings, database_url, keyring) as edge:
        assert edge.kafka is not None
        await edge.kafka.create([*TOPICS, *SERIES], partitions=2)
        yield edge


class Asked:
    """Kafka, with a count of how often it was asked."""

    def __init__(self, kafka: KafkaLog) -> None:
        self._kafka = kafka
        self.count = 0

    async def append(self, messages: Sequence[Message]) -> None:
        self.count += 1
        await self._kafka.append(messages)


@pytest.fixture
def asked(edge: Edge) -> Asked:
    assert edge.kafka is not None
    return Asked(edge.kafka)


@pytest.fixture
def intake(edge: Edge, asked: Asked) -> Durable:
    return Durable(asked, edge.table, edge.telemetry)


def message(name: str, size: int = 2) -> Message:
    return Message(INBOUND.name, f"person {name}", b"{" + b" " * (size - 2) + b"}", (("ce_id", name.encode()),))


async def ids(log: object) -> list[str]:
    """The ids of the events in a log."""
    assert hasattr(log, "read")
    return sorted([record.headers[0][1].decode() async for records in log.read([INBOUND]) for record in records])


async def took(intake: Durable, name: str) -> float:
    """Append an event; how many seconds that took."""
    began = asyncio.get_running_loop().time()
    await intake.append([message(name)])
    return asyncio.get_running_loop().time() - began


async def test_the_table_takes_over_within_two_seconds_and_kafka_is_asked_by_one_at_a_time_until_it_answers(
    edge: Edge, broker: Brokers, intake: Durable, asked: Asked
) -> None:
    await intake.append([message("before")])
    broker.pause(1)
    try:
        assert PATIENCE <= await took(intake, "during") < PATIENCE + 0.5
        assert await took(intake, "next") < 0.5  # nobody waits for who does not answer
        assert asked.count == 2
        assert await ids(edge.table) == ["during", "next"]

        await asyncio.sleep(1)  # the breaker's first pause
        several = await asyncio.gather(*(took(intake, f"several {number}") for number in range(5)))
        assert asked.count == 3
        assert sum(seconds < 0.5 for seconds in several) == 4
    finally:
        broker.resume(1)

    async def is_back() -> bool:
        before = asked.count
        await asyncio.gather(intake.append([message("probe")]), intake.append([message("probe")]))
        return asked.count == before + 2

    await becomes(is_back, True)
    await intake.append([message("after")])
    in_kafka, in_table = await ids(edge.log), await ids(edge.table)
    assert {"before", "after"} <= set(in_kafka)
    assert {"during", "next", *(f"several {number}" for number in range(5))} <= set(in_table)
    assert not {"before", "after"} & set(in_table)
    assert edge.telemetry.fallback._value.get() == len(in_table)


async def test_without_the_table_kafka_is_asked_though_the_breaker_is_open_and_without_both_nothing_is_accepted(
    edge: Edge, broker: Brokers, intake: Durable, database_url: str
) -> None:
    await intake.append([message("before")])
    broker.pause(1)
    try:
        await intake.append([message("by the table")])  # it opens the breaker
        async with unreachable(database_url):
            with pytest.raises(LogUnavailable):
                await intake.append([message("refused")])
            broker.resume(1)
            await intake.append([message("by Kafka")])
    finally:
        broker.resume(1)
    assert {"before", "by Kafka"} <= set(await ids(edge.log))
    assert await ids(edge.table) == ["by the table"]


async def test_what_kafka_refuses_is_in_the_table_and_opens_no_breaker(
    edge: Edge, intake: Durable, asked: Asked
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=edge.settings.kafka_bootstrap_servers)
    await admin.start()
    name = edge.settings.topic_prefix + INBOUND.name
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": "20000"})])
    await admin.close()

    async def refused() -> bool:
        await intake.append([message("large", 40_000)])
        return "large" in await ids(edge.table)

    await becomes(refused, True)  # the broker comes to know of its limit by and by
    before = asked.count
    await intake.append([message("small")])
    assert "small" in await ids(edge.log)
    assert (await ids(edge.table), asked.count) == (["large"], before + 1)
    with pytest.raises(TooLarge):
        await intake.append([message("too large", LARGEST)])
