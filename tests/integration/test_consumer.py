"""The consumer: each effect once; a bad record never blocks a good one, an outage never makes a good one bad."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from kit.waiting import becomes, running, until
from sqlalchemy import text

from schemas.envelope import Envelope, to_headers
from schemas.events.lifecycle import LeadRejected
from schemas.events.stamp import SYSTEM, Told
from schemas.topics import INBOUND, LIFECYCLE
from services.runtime import operations
from services.runtime.brake import RUN
from services.runtime.consumer import Consumer, Handler, Received, Refused
from services.runtime.edge import Edge
from services.runtime.exits import NotFound
from services.runtime.exits import Refused as NotNow
from services.runtime.hot import driver
from services.runtime.log import table
from services.runtime.log.partitioner import partition_of
from services.runtime.log.port import EventLog, Gap, Message, Place
from services.runtime.tx import Tx

PARTITIONS = 12
Done = Callable[[], Awaitable[list[int]]]


def message(key: str, value: bytes | None, correlation: str | None = None) -> Message:
    envelope = Envelope("evt_1", "leadgate.lead.submitted.v1", "/t", key, "2026-07-06T09:00:00Z", "/s", correlation)
    return Message(INBOUND.name, key, value, to_headers(envelope))


def decode(envelope: Envelope, value: bytes) -> int:
    """Good records are numbers."""
    return int(value)


async def note(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
    """The effect of a record: a row with its number."""
    numbers = [each.event for each in records]
    await driver(tx).execute("INSERT INTO effects SELECT unnest($1::bigint[])", numbers)
    return []


@pytest.fixture(autouse=True)
async def effects(edge: Edge) -> Done:
    """What handlers have done so far, in order of the numbers; twice done stands there twice."""
    async with edge.database.tx() as tx:
        await driver(tx).execute("CREATE TABLE effects (n bigint)")

    async def done() -> list[int]:
        async with edge.database.read() as tx:
            return [row["n"] for row in await driver(tx).fetch("SELECT n FROM effects ORDER BY n")]

    return done


def consumer(edge: Edge, handler: Handler[int] = note, *, limit: int = 50) -> Consumer[int]:
    return Consumer(edge, "test", [INBOUND], decode, handler, limit=limit)


async def append(edge: Edge, *values: int | str, key: str | None = None) -> None:
    """Append records, each of its own key or all of one."""
    await edge.log.append([message(key or f"key {value}", str(value).encode()) for value in values])


async def drained(edge: Edge) -> None:
    """Wait until all is read."""

    async def done() -> bool:
        status = await operations.consumer_status(edge)
        return len(status) == PARTITIONS and not any(each["lag"] for each in status)

    await until(done)


async def stopped(edge: Edge) -> list[tuple[int, str]]:
    """Partitions that stand still, and why."""
    return [(each["partition"], each["stopped"]) for each in await operations.consumer_status(edge) if each["stopped"]]


async def reasons(edge: Edge) -> list[str]:
    """Why dead letters are such."""
    return [letter["reason"] for letter in await operations.dead_letters(edge)]


async def count(edge: Edge) -> int:
    """Of dead letters."""
    return len(await reasons(edge))


async def test_effects_are_done_once_and_go_on_after_a_restart(edge: Edge, effects: Done) -> None:
    await append(edge, *range(100))
    for upto in (100, 200):
        async with running(consumer(edge).run()):
            await drained(edge)
        assert await effects() == list(range(upto))
        await append(edge, *range(100, 200))


async def test_a_record_that_cannot_be_read_is_laid_aside_and_its_neighbours_are_done(
    edge: Edge, effects: Done
) -> None:
    await append(edge, 1, "poison", 2, key="one partition")
    await edge.log.append([message("tombstone", None), replace(message("bare", b"3"), headers=())])
    async with running(consumer(edge).run()):
        await drained(edge)
    assert await effects() == [1, 2]
    assert sorted(await reasons(edge)) == [
        "ValueError: invalid literal for int() with base 10: b'poison'",
        "ValueError: the record has no header ce_id",
        "ValueError: the record has no value",
    ]


async def test_a_record_that_the_handler_refuses_is_laid_aside_in_the_same_transaction(
    edge: Edge, effects: Done
) -> None:
    async def choosy(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        await note(tx, [each for each in records if each.event % 2])
        return [Refused(each.record, "even") for each in records if not each.event % 2]

    await append(edge, 1, 2, 3, 4)
    async with running(consumer(edge, choosy).run()):
        await drained(edge)
    assert (await effects(), await reasons(edge)) == ([1, 3], ["even", "even"])


@pytest.mark.parametrize("how", ["postgresql", "core", "python"])
async def test_the_one_record_at_fault_is_found_by_halving(edge: Edge, effects: Done, how: str) -> None:
    calls = 0

    async def breaks(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        nonlocal calls
        calls += 1
        await note(tx, records)
        for each in records:
            if each.event in (13, 37):
                if how == "postgresql":
                    await driver(tx).execute("SELECT 1 / 0")
                elif how == "core":
                    await tx.fetch(text("SELECT 1 / 0"))
                else:
                    raise KeyError(each.event)
        return []

    await append(edge, *range(64))
    async with running(consumer(edge, breaks, limit=64).run()):
        await drained(edge)
    assert await effects() == [n for n in range(64) if n not in (13, 37)]
    assert len(await reasons(edge)) == 2
    assert calls < 40


async def test_an_outage_is_tried_again_and_makes_no_record_bad(edge: Edge, effects: Done) -> None:
    """Backends killed in mid-batch, time-outs, deadlocks: the batch waits."""
    troubles = [
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "DO $$ BEGIN RAISE deadlock_detected; END $$",
        "DO $$ BEGIN RAISE lock_not_available; END $$",
        "DO $$ BEGIN RAISE query_canceled; END $$",
        "SELECT nothing FROM nowhere",  # a schema that is behind is no record's fault
    ]

    async def troubled(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        await note(tx, records)
        if troubles:
            await driver(tx).execute(troubles.pop())
        return []

    await append(edge, *range(7))
    async with running(consumer(edge, troubled, limit=1).run()):  # a batch of one is blamed at once, if ever
        await drained(edge)
    assert (await effects(), await reasons(edge), troubles) == (list(range(7)), [], [])


async def test_a_flood_of_bad_records_stops_its_partition_alone_until_resume(edge: Edge, effects: Done) -> None:
    flood = [f"bad {number}" for number in range(RUN + 30)]
    await append(edge, 1, *flood, 2, key="flooded")
    await append(edge, *range(100, 120))
    place = partition_of("flooded", PARTITIONS)
    others = [n for n in range(100, 120) if partition_of(f"key {n}", PARTITIONS) != place]

    async def stands() -> bool:
        return await stopped(edge) == [(place, "brake")] and await effects() == [1, *others]

    async with running(consumer(edge).run()):
        await until(stands)
    assert len(await reasons(edge)) == RUN, "it stopped at once, not at the end of the batch"

    async with running((again := consumer(edge)).run()):  # a restart changes nothing
        await append(edge, 500, key=f"key {others[0]}")
        await becomes(effects, [1, *others, 500])
        assert await stopped(edge) == [(place, "brake")]
        assert "brake" in await again.check()
        await operations.consumer_resume(edge, "test", INBOUND.name, place)
        await becomes(lambda: count(edge), 2 * RUN)
        await becomes(lambda: stopped(edge), [(place, "brake")])
        await operations.consumer_resume(edge, "test", INBOUND.name, place)
        await drained(edge)
    assert 2 in await effects()
    assert len(await reasons(edge)) == len(flood)


async def test_the_brake_remembers_over_a_restart_how_it_went(edge: Edge) -> None:
    await append(edge, *["bad"] * (RUN - 1), key="flooded")
    async with running(consumer(edge).run()):
        await drained(edge)
    assert await stopped(edge) == []
    await append(edge, "bad", "not read any more", key="flooded")
    async with running(consumer(edge).run()):
        await becomes(lambda: stopped(edge), [(partition_of("flooded", PARTITIONS), "brake")])
    assert await count(edge) == RUN


async def test_records_gone_unread_stop_their_partition_until_the_gap_is_accepted(edge: Edge, effects: Done) -> None:
    await append(edge, *range(10), key="gone")
    place = partition_of("gone", PARTITIONS)
    async with running(consumer(edge).run()):
        await drained(edge)
    await append(edge, *range(10, 20), key="gone")
    async with edge.database.tx() as tx:
        await driver(tx).execute('DELETE FROM log.records WHERE partition = $1 AND "offset" < 15', place)
        await driver(tx).execute(
            "UPDATE log.partitions SET first_offset = 15 WHERE topic = $1 AND partition = $2", INBOUND.name, place
        )
    async with running(consumer(edge).run()):
        await becomes(lambda: stopped(edge), [(place, "gap")])
        with pytest.raises(NotNow, match="records 10 to 14 are gone"):
            await operations.consumer_resume(edge, "test", INBOUND.name, place)
        await operations.consumer_resume(edge, "test", INBOUND.name, place, accept_gap=True)
        await drained(edge)
    assert await effects() == [*range(10), *range(15, 20)]


class Late:
    """A log whose reader finds a gap once, where it stood long ago, as after a sleep of weeks."""

    def __init__(self, log: EventLog, gap: Gap) -> None:
        self._log = log
        self._found = [gap]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    @asynccontextmanager
    async def subscribe(self, *args: Any) -> AsyncIterator[Any]:
        async with self._log.subscribe(*args) as subscription:
            self.poll, self.seek, self.pause = subscription.poll, subscription.seek, subscription.pause
            yield self

    def gaps(self) -> list[Gap]:
        gaps, self._found = self._found, []
        return gaps


async def test_a_gap_behind_which_the_others_have_been_for_long_stops_nobody(edge: Edge, effects: Done) -> None:
    place = Place(INBOUND.name, partition_of("gone", PARTITIONS))
    await append(edge, *range(10), key="gone")
    async with running(consumer(edge).run()):
        await drained(edge)
    await append(edge, *range(10, 20), key="gone")
    late = Late(edge.log, Gap(place, 3, 8, "records 3 to 7 are gone"))
    async with running(consumer(replace(edge, log=late)).run()):  # type: ignore[arg-type]
        await drained(edge)
        await becomes(lambda: stopped(edge), [])
        await append(edge, *range(20, 30), key="gone")
        await drained(edge)
    assert (await stopped(edge), await effects()) == ([], list(range(30)))


async def test_a_topic_that_is_not_there_is_no_records_fault(edge: Edge, effects: Done) -> None:
    async def tell(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        await note(tx, records)
        event = LeadRejected(reason="spam")
        tx.emit(Told.of(event, lead_id="ld_1", seq=1, at=tx.now, test=False, actor=SYSTEM))
        return []

    async def tried_again() -> bool:
        return edge.telemetry.retries.labels("test")._value.get() > 0

    await append(edge, 1)
    async with edge.database.tx() as tx:
        await driver(tx).execute("DELETE FROM log.partitions WHERE topic = $1", LIFECYCLE.name)
    async with running(consumer(edge, tell).run()):
        await until(tried_again)
        async with edge.database.tx() as tx:
            await table.create(tx, [LIFECYCLE.name], PARTITIONS)
        await drained(edge)
    assert (await effects(), await reasons(edge)) == ([1], [])


async def test_a_position_of_another_log_is_a_gap(edge: Edge) -> None:
    await append(edge, 1, key="a")
    async with running(consumer(edge).run()):
        await drained(edge)
    async with edge.database.tx() as tx:
        await driver(tx).execute("UPDATE log.positions SET log = 'kafka:other' WHERE partition = 3")
    async with running(consumer(edge).run()):
        await becomes(lambda: stopped(edge), [(3, "gap")])
    await operations.consumer_resume(edge, "test", INBOUND.name, 3, accept_gap=True)
    assert await stopped(edge) == []


async def test_who_is_not_there_cannot_be_resumed(edge: Edge) -> None:
    with pytest.raises(NotFound):
        await operations.consumer_resume(edge, "nobody", INBOUND.name, 0)


async def test_a_zombies_late_batch_aborts_and_leaves_nothing(edge: Edge, effects: Done) -> None:
    """It read, was stopped for so long that its transaction was ended, and another did the work meanwhile."""
    asleep, go_on = asyncio.Event(), asyncio.Event()

    async def slow(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        await note(tx, records)
        if not asleep.is_set():
            asleep.set()
            pid = await driver(tx).fetchval("SELECT pg_backend_pid()")
            await go_on.wait()
            async with edge.database.tx() as other:
                await driver(other).fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
        return []

    await append(edge, *range(10))
    async with running((zombie := consumer(edge, slow)).run()):
        await asleep.wait()
        async with running(consumer(edge).run()):
            go_on.set()
            await drained(edge)
            await append(edge, *range(10, 20))
            await drained(edge)
        await append(edge, *range(20, 30))
        await drained(edge)
    assert await effects() == list(range(30))
    assert zombie.group == "test"


async def test_several_of_one_group_do_each_record_once(edge: Edge, effects: Done) -> None:
    async def moody(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        await note(tx, records)
        await asyncio.sleep(random.uniform(0, 0.005))
        return []

    async with running(consumer(edge, moody, limit=20).run()), running(consumer(edge, moody, limit=20).run()):
        async with running(consumer(edge, moody, limit=20).run()):
            for first in range(0, 1000, 50):
                await append(edge, *range(first, first + 50))
            await drained(edge)
        await append(edge, *range(1000, 1100))
        await drained(edge)
    assert await effects() == list(range(1100))


async def test_what_a_record_leads_to_carries_the_id_of_the_request_that_began_it(edge: Edge) -> None:
    async def tell(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        for each in records:
            with each.following():
                event = LeadRejected(reason="spam")
                tx.emit(Told.of(event, lead_id=f"ld_{each.event}", seq=1, at=tx.now, test=False, actor=SYSTEM))
        return []

    await edge.log.append([message(f"{n}", b"%d" % n, f"req_{n}") for n in range(5)])
    async with running(consumer(edge, tell).run()):
        await drained(edge)
    async with edge.database.read() as tx:
        rows = await driver(tx).fetch("SELECT key, headers FROM log.records WHERE topic = $1", LIFECYCLE.name)
    told = {row["key"]: dict(row["headers"])["ce_correlationid"] for row in rows}
    assert told == {f"ld_{n}": f"req_{n}" for n in range(5)}


async def test_status_shows_who_owns_a_partition_and_nobody_after_it_stopped(edge: Edge) -> None:
    await append(edge, 1)
    async with running(consumer(edge).run()):
        await drained(edge)
        owners = [each["owner"] for each in await operations.consumer_status(edge)]
        assert sum(owner is not None for owner in owners) == 1
    assert [each["owner"] for each in await operations.consumer_status(edge)] == [None] * PARTITIONS
