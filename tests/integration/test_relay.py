"""The relay: what the log table holds goes on to Kafka, in order; what Kafka refuses keeps only its own lead."""

from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from kit.clock import ManualClock
from kit.waiting import until

from schemas.topics import LIFECYCLE, SIGNALS, TOPICS
from services.runtime import deadletters
from services.runtime.edge import Edge, open_edge
from services.runtime.exits import Refused
from services.runtime.leader import LEASE, Leader
from services.runtime.log import outbox
from services.runtime.log.port import EventLog, Message
from services.runtime.log.table import LogTable
from services.runtime.operations import dead_letters, replay
from services.runtime.settings import Settings
from services.worker import relay


def message(key: str, value: str, size: int = 0) -> Message:
    return Message(LIFECYCLE.name, key, value.encode() + b" " * size, (("ce_id", f"evt_{value}".encode()),))


async def put(edge: Edge, *messages: Message) -> None:
    async with edge.database.tx() as tx:
        await LogTable().put(tx, messages)


async def in_kafka(log: EventLog) -> dict[str, list[str]]:
    """What each key says, in order."""
    said: dict[str, list[str]] = {}
    async for records in log.read(TOPICS):
        for record in records:
            said.setdefault(record.key, []).append((record.value or b"").decode().strip())
    return said


async def left(edge: Edge) -> int:
    async with edge.database.read() as tx:
        return (await outbox.backlog(tx)).waiting


async def largest(edge: Edge, size: int) -> None:
    """The largest batch that the lifecycle topic takes."""
    admin = AIOKafkaAdminClient(bootstrap_servers=edge.settings.kafka_bootstrap_servers)
    await admin.start()
    name = edge.settings.topic_prefix + LIFECYCLE.name
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": str(size)})])
    finally:
        await admin.close()


async def test_what_the_log_table_holds_goes_to_kafka_in_order_and_is_deleted(kafka_edge: Edge) -> None:
    keys = [f"ld_{number}" for number in range(20)]
    for number in range(30):
        await put(kafka_edge, *(message(key, str(number)) for key in keys))
    turn = relay.duty(kafka_edge).turn
    while await turn():
        pass
    assert await in_kafka(kafka_edge.log) == {key: [str(number) for number in range(30)] for key in keys}
    assert await left(kafka_edge) == 0


async def test_a_turn_holds_a_bounded_number_of_bytes_in_memory(kafka_edge: Edge) -> None:
    """After an outage there may be hundreds of large records in each partition."""
    await put(kafka_edge, *(message("ld_1", str(number), size=300_000) for number in range(12)))
    await put(kafka_edge, Message(LIFECYCLE.name, "ld_1", None, ()))
    async with kafka_edge.database.read() as tx:
        held = await outbox.oldest(tx, 500)
    assert [(record.value or b"").decode().strip() for record in held] == ["0", "1", "2", "3"]
    turn = relay.duty(kafka_edge).turn
    while await turn():
        pass
    assert await in_kafka(kafka_edge.log) == {"ld_1": [*(str(number) for number in range(12)), ""]}


async def test_a_long_backlog_is_counted_up_to_a_bound(kafka_edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(kafka_edge, *(message("ld_1", str(number)) for number in range(12)), message("ld_2", "1"))
    assert await left(kafka_edge) == 13
    monkeypatch.setattr(outbox, "COUNTED", 10)
    assert await left(kafka_edge) == 11


async def test_an_event_keeps_its_headers(kafka_edge: Edge) -> None:
    await put(kafka_edge, message("ld_1", "x"), Message(SIGNALS.name, "closing/uk", None, (("odd", b"\xff"),)))
    await relay.duty(kafka_edge).turn()
    found = {record.key: record async for records in kafka_edge.log.read(TOPICS) for record in records}
    assert found["ld_1"].headers == (("ce_id", b"evt_x"),)
    assert (found["closing/uk"].value, found["closing/uk"].headers) == (None, (("odd", b"\xff"),))


async def test_a_refused_record_is_parked_and_shown_and_keeps_only_its_own_lead_waiting(kafka_edge: Edge) -> None:
    await largest(kafka_edge, 20_000)
    await put(kafka_edge, message("ld_1", "1"), message("ld_1", "2", size=40_000), message("ld_1", "3"))
    await put(kafka_edge, *(message(f"ld_{number}", "other") for number in range(2, 30)))
    turn = relay.duty(kafka_edge).turn

    async def others_are_through() -> bool:
        await turn()
        return await left(kafka_edge) == 2

    await until(others_are_through)
    said = await in_kafka(kafka_edge.log)
    assert said.pop("ld_1") == ["1"]
    assert said == {f"ld_{number}": ["other"] for number in range(2, 30)}
    (letter,) = await dead_letters(kafka_edge)
    assert (letter["consumer"], letter["topic"], letter["replayed_at"]) == ("relay", LIFECYCLE.name, None)

    await put(kafka_edge, message("ld_1", "4"))
    await largest(kafka_edge, 1_000_000)
    await turn()
    assert (await in_kafka(kafka_edge.log))["ld_1"] == ["1"]
    await replay(kafka_edge, letter["id"])
    await turn()
    assert (await in_kafka(kafka_edge.log))["ld_1"] == ["1", "2", "3", "4"]
    assert await left(kafka_edge) == 0


async def test_what_kafka_refused_can_be_replayed_for_as_long_as_it_waits(kafka_edge: Edge, clock: ManualClock) -> None:
    await put(kafka_edge, message("ld_1", "1"))
    async with kafka_edge.database.tx() as tx:
        for record in await outbox.oldest(tx, 1):
            await outbox.park(tx, record, "too large")
    clock.move(timedelta(days=29))
    async with kafka_edge.database.tx() as tx:
        assert await deadletters.prune(tx) == 0
    (letter,) = await dead_letters(kafka_edge)
    await replay(kafka_edge, letter["id"])
    async with kafka_edge.database.tx() as tx:
        assert await deadletters.prune(tx) == 1


async def test_one_relay_leads_until_its_lease_is_over(kafka_edge: Edge, clock: ManualClock) -> None:
    first, second = Leader("relay"), Leader("relay")

    async def leads(leader: Leader) -> bool:
        async with kafka_edge.database.tx() as tx:
            return await leader.leads(tx)

    assert [await leads(first), await leads(second), await leads(first)] == [True, False, True]
    clock.move(LEASE)
    assert [await leads(second), await leads(first)] == [True, False]
    async with kafka_edge.database.tx() as tx:
        await second.resign(tx)
    assert await leads(first)


async def test_the_numbers_wait_for_what_is_on_its_way_but_not_for_what_was_refused(
    kafka_edge: Edge, clock: ManualClock
) -> None:
    async def waits() -> bool:
        async with kafka_edge.database.read() as tx:
            return await outbox.waits(tx, tx.now)

    assert not await waits()
    await largest(kafka_edge, 20_000)
    await put(kafka_edge, message("ld_1", "1", size=40_000), message("ld_1", "2"))
    clock.move(timedelta(milliseconds=1))
    assert await waits()
    await relay.duty(kafka_edge).turn()
    assert not await waits()


class TestWhichLogItIs:
    """A database's events are in one log."""

    async def opened(self, edge: Edge, settings: Settings) -> None:
        async with open_edge(settings, str(settings.database_url), edge.keyring):
            pass

    async def test_a_switch_to_kafka_is_refused_until_all_is_read(self, edge: Edge, kafka: str) -> None:
        with_kafka = edge.settings.model_copy(update={"kafka_bootstrap_servers": kafka, "topic_prefix": "none."})
        await put(edge, message("ld_1", "1"))
        with pytest.raises(Refused, match=r"1 records .* are not read"):
            await self.opened(edge, with_kafka)

    async def test_from_kafka_there_is_no_way_back(self, kafka_edge: Edge) -> None:
        without = kafka_edge.settings.model_copy(update={"kafka_bootstrap_servers": None})
        with pytest.raises(Refused, match="set KAFKA_BOOTSTRAP_SERVERS"):
            await self.opened(kafka_edge, without)
