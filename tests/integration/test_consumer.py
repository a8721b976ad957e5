"""The consumer: each effect once; a bad record never blocks a good one, an outage never makes a good one bad."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from kit import numbers
from kit.numbers import PARTITIONS, Done, append, consumer, drained, message, note, reasons
from kit.waiting import running, until
from sqlalchemy import text

from schemas.events.lifecycle import LeadRejected
from schemas.events.stamp import SYSTEM, Told
from schemas.topics import LIFECYCLE
from services.runtime import operations
from services.runtime.consumer import Received, Refused
from services.runtime.edge import Edge
from services.runtime.hot import driver
from services.runtime.log import table
from services.runtime.tx import Tx


@pytest.fixture(autouse=True)
async def effects(edge: Edge) -> Done:
    return await numbers.effects(edge)


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
            await table.create(tx, [LIFECYCLE], PARTITIONS)
        await drained(edge)
    assert (await effects(), await reasons(edge)) == ([1], [])


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
