"""What the log table promises beyond the port: it is written in the transaction of its cause."""

import asyncio
from datetime import timedelta

import pytest

from schemas.events.lifecycle import LeadRejected
from schemas.events.signals import QueueReplenishmentRequired
from schemas.events.stamp import SYSTEM, Told
from schemas.topics import INBOUND, LIFECYCLE, SIGNALS, TOPICS
from services.runtime import trace
from services.runtime.edge import Edge
from services.runtime.hot import driver
from services.runtime.log import postgres, table
from services.runtime.log.headers import from_json, to_json
from services.runtime.log.partitioner import partition_of
from services.runtime.log.port import LogUnavailable, Message, Place, Record, UnknownTopic
from services.runtime.tx import Tx

AT_ONCE = timedelta()


def told(tx: Tx, lead: str = "ld_1") -> Told:
    return Told.of(LeadRejected(reason="spam"), lead_id=lead, seq=1, at=tx.now, test=False, actor=SYSTEM)


async def from_start(place: Place) -> int:
    return 0


async def all_of(edge: Edge, *topics: str) -> list[Record]:
    wanted = [topic for topic in TOPICS if topic.name in topics or not topics]
    async with edge.log.subscribe("all", wanted, from_start) as subscription:
        return list((await subscription.poll(10_000, AT_ONCE)).records)


async def test_an_event_is_read_only_once_its_transaction_is_committed(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        tx.emit(told(tx))
        assert await all_of(edge) == []
    assert [record.key for record in await all_of(edge)] == ["ld_1"]


async def test_events_of_a_transaction_wake_readers_after_it(edge: Edge) -> None:
    async with edge.log.subscribe("all", [LIFECYCLE], from_start) as subscription:
        polling = asyncio.create_task(subscription.poll(10, timedelta(seconds=10)))
        async with edge.database.tx() as tx:
            tx.emit(told(tx))
        async with asyncio.timeout(0.9):
            assert len((await polling).records) == 1


async def test_a_lead_event_is_a_cloud_event_keyed_by_its_lead(edge: Edge) -> None:
    followed = trace.Trace("req_1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    async with edge.database.tx() as tx:
        with trace.following(followed), trace.acting("router"):
            tx.emit(told(tx))
    (record,) = await all_of(edge)
    headers = {name: value.decode() for name, value in record.headers}
    assert headers.pop("ce_id").startswith("evt_")
    assert headers == {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_source": "/leadgate/router",
        "ce_type": "leadgate.lead.rejected.v1",
        "ce_subject": "ld_1",
        "ce_partitionkey": "ld_1",
        "ce_time": "2026-07-06T09:00:00.000Z",
        "ce_dataschema": "/schemas/lead.rejected.v1.json",
        "ce_correlationid": "req_1",
        "ce_traceparent": followed.traceparent,
    }
    assert record.place == Place(LIFECYCLE.name, partition_of("ld_1", 12))


async def test_a_signal_is_keyed_by_its_queue(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        tx.emit(QueueReplenishmentRequired(queue="closing/uk", quantity=3, by=tx.now))
    (record,) = await all_of(edge, SIGNALS.name)
    assert record.key == "closing/uk"
    assert record.value == b'{"queue":"closing/uk","quantity":3,"by":"2026-07-06T09:00:00.000Z"}'


async def test_many_transactions_at_once_number_records_without_a_hole_or_a_deadlock(edge: Edge) -> None:
    async def one(number: int) -> None:
        async with edge.database.tx() as tx:
            for offset in range(6):  # in an order of keys of its own: counters are taken in theirs
                tx.emit(told(tx, f"ld_{(number * 7 + offset * 5) % 40}"))

    await asyncio.gather(*(one(number) for number in range(60)))
    records = await all_of(edge)
    assert len(records) == 360
    for place, end in (await edge.log.ends([LIFECYCLE])).items():
        assert [record.offset for record in records if record.place == place] == list(range(end))


async def test_one_message_that_postgresql_will_not_take_does_not_fail_its_neighbours(edge: Edge) -> None:
    bad = Message(LIFECYCLE.name, "nul\0", b"{}", ())
    good = [Message(LIFECYCLE.name, f"ld_{number}", b"{}", ()) for number in range(20)]
    answers = await asyncio.gather(*(edge.log.append([each]) for each in [*good, bad]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None)] * 20 + [postgres.Spoilt]
    assert len(await all_of(edge)) == 20


async def test_a_log_that_does_not_answer_is_unavailable_and_nothing_is_doubled(edge: Edge) -> None:
    """Unknown, says the port: append again. Here it is known: it was rolled back."""
    async with edge.database.tx() as tx:
        await driver(tx).execute("SELECT 1 FROM log.partitions FOR UPDATE")
        appending = asyncio.create_task(edge.log.append([Message(LIFECYCLE.name, "ld_1", b"{}", ())]))
        kill = (
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        killed = 0
        while not killed:
            async with edge.database.read() as look:  # what is active is seen once in a transaction
                killed = await driver(look).fetchval(kill)
        with pytest.raises(LogUnavailable):
            await appending
    await edge.log.append([Message(LIFECYCLE.name, "ld_1", b"{}", ())])
    assert len(await all_of(edge)) == 1


async def test_a_topic_that_is_not_there_is_said_with_the_remedy(edge: Edge) -> None:
    with pytest.raises(UnknownTopic, match=r"nowhere.*leadgate topics create"):
        await edge.log.append([Message("nowhere", "k", b"{}", ())])


async def test_a_topic_that_grows_is_written_and_read_by_those_who_run(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_PLACES", 0.0)
    monkeypatch.setattr(table, "LOOK", 0.0)
    async with edge.log.subscribe("all", [INBOUND], from_start) as subscription:
        await subscription.poll(1, AT_ONCE)
        async with edge.database.tx() as tx:
            await table.create(tx, [INBOUND], 24)
        assert len(await edge.log.ends([INBOUND])) == 24
        await edge.log.append([Message(INBOUND.name, f"ld_{number}", b"{}", ()) for number in range(200)])
        records = (await subscription.poll(500, AT_ONCE)).records
    assert {record.place.partition for record in records} == set(range(24))


async def test_a_topic_in_which_keys_are_in_order_never_grows(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        await table.create(tx, [LIFECYCLE, INBOUND], 24)
    assert len(await edge.log.ends([LIFECYCLE])) == 12
    assert len(await edge.log.ends([INBOUND])) == 24


async def test_a_topic_never_has_fewer_partitions(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        await table.create(tx, [INBOUND], 3)
    assert len(await edge.log.ends([INBOUND])) == 12


@pytest.mark.parametrize("value", [b"", b"plain", "Zoë".encode(), b"\xff\xfe", b"a\0b", b'["x"]'])
def test_headers_come_back_as_they_were(value: bytes) -> None:
    assert from_json(to_json((("name", value), ("name", b"twice")))) == (("name", value), ("name", b"twice"))
