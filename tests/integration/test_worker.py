"""The worker as a process: its duties run by themselves, and one that fails stops nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.floor import MAIN, UK, Floor, settle
from kit.waiting import until
from sqlalchemy import func, insert, select

from schemas.topics import INBOUND, LIFECYCLE
from services.runtime.edge import Edge
from services.runtime.log.messages import message
from services.runtime.tables import dead_letters, idempotency, positions, records
from services.store import tables as t
from services.worker import housekeeping, loops
from services.worker.loops import Aside, Duty, keep
from services.worker.process import build


@asynccontextmanager
async def working(edge: Edge, workers: int = 1) -> AsyncIterator[None]:
    """Workers run, all duties of each."""
    tasks = [asyncio.create_task(task()) for _ in range(workers) for task in build(edge).tasks.values()]
    yield
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended


async def test_the_duties_run_by_themselves(edge: Edge, clock: ManualClock) -> None:
    floor = Floor(edge)
    await floor.publish()
    pooled = await floor.leads(4)
    (held,) = await floor.leads(1, MAIN, pooled=False, due=timedelta(minutes=5))
    await floor.claim(held, await floor.rep(MAIN))
    clock.move(timedelta(minutes=15))

    async def done() -> bool:
        states = await floor.states([*pooled, held])
        return states == ["queued"] * 3 + ["pooled", "queued"] and bool(await floor.told("item.sla_breached"))

    async def measured() -> bool:
        rows = [each for each in await floor.signals("queue.measured") if each["queue"] == UK]
        return bool(rows) and (rows[-1]["depth"], rows[-1]["pool"]) == (3, 1)

    async with working(edge, workers=3):
        await until(done)
        await until(measured)
    assert edge.telemetry.loop_at.labels("release")._value.get() == clock.now().timestamp()
    assert len(await floor.told("opportunity.released")) == 3


async def test_what_is_put_into_a_pool_wakes_who_waits_on_its_queue(edge: Edge) -> None:
    floor = Floor(edge)
    await floor.publish()
    with edge.wake.waiting(f"queue:{UK}") as waiter:
        await floor.leads(1)
        assert await waiter.wait(timedelta())


async def test_before_a_policy_is_published_the_worker_waits_for_it(edge: Edge) -> None:
    floor = Floor(edge)
    async with working(edge):
        await asyncio.sleep(0.1)
        await floor.publish()
        items = await floor.leads(1)
        await until(lambda: released(floor, items))


async def released(floor: Floor, items: Any) -> bool:
    return await floor.states(items) == ["queued"]


async def test_a_duty_that_fails_by_a_mistake_of_ours_says_so_and_goes_on(edge: Edge) -> None:
    turns = 0

    async def turn() -> bool:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise ValueError("a mistake")
        return turns < 4

    async def enough() -> bool:
        return turns >= 4

    task = asyncio.create_task(keep(edge, Duty("duty", turn, timedelta(milliseconds=1))))
    await until(enough)
    task.cancel()
    assert edge.telemetry.failures.labels("worker.duty")._value.get() == 1


async def test_an_outage_ends_a_duty_which_is_then_started_again(edge: Edge) -> None:
    async def turn() -> bool:
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        await keep(edge, Duty("duty", turn))


async def test_what_is_laid_aside_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    aside = Aside()
    aside.put("one")
    monkeypatch.setattr(loops, "_ASIDE", timedelta())
    aside.put("two")
    assert aside.now() == {"one"}


# --- housekeeping ----------------------------------------------------------------------------------------------------


async def count(edge: Edge, table: Any) -> int:
    async with edge.database.read() as tx:
        return int(await tx.value(select(func.count()).select_from(table)))


async def read_all(edge: Edge) -> None:
    """A consumer has read every intake record."""
    async with edge.database.tx() as tx:
        for place, end in (await edge.log.ends([INBOUND])).items():
            row = {"consumer": "router", "topic": place.topic, "partition": place.partition, "position": end}
            await tx.execute(insert(positions).values(**row, log=await edge.log.identity(INBOUND), updated_at=tx.now))


async def append(edge: Edge, n: int) -> None:
    said = [
        message(topic, f"key{n}", "leadgate.x.v1", {}, subject="x", at=edge.clock.now())
        for n in range(n)
        for topic in (INBOUND, LIFECYCLE)
    ]
    await edge.log.append(said)


async def test_records_past_their_retention_are_deleted_and_the_lifecycle_is_kept_for_ever(
    edge: Edge, clock: ManualClock
) -> None:
    await append(edge, 40)
    clock.move(timedelta(days=13))
    await append(edge, 3)
    await read_all(edge)
    clock.move(timedelta(days=1, seconds=1))
    await settle(housekeeping.duty(edge))
    assert await count(edge, records) == 43 + 3
    starts, ends = await edge.log.starts([INBOUND]), await edge.log.ends([INBOUND])
    assert sum(ends[place] - starts[place] for place in ends) == 3


async def test_what_a_consumer_has_yet_to_read_is_kept_however_old(edge: Edge, clock: ManualClock) -> None:
    await append(edge, 5)
    clock.move(timedelta(days=60))
    await settle(housekeeping.duty(edge))
    assert await count(edge, records) == 10
    await read_all(edge)
    await settle(housekeeping.duty(edge))
    assert await count(edge, records) == 5


async def test_dead_letters_answers_and_keys_of_pulls_are_forgotten_in_time(edge: Edge, clock: ManualClock) -> None:
    floor = Floor(edge)
    await floor.publish()
    live, over = await floor.leads(2, MAIN, pooled=False)
    rep = await floor.rep(MAIN)
    claims = [await floor.claim(item, rep, lease=timedelta(days=90)) for item in (live, over)]
    await floor.change(t.claims, claims[1], state="completed")
    now = clock.now()
    async with edge.database.tx() as tx:
        letter = {"topic": "x", "partition": 0, "offset": 0, "consumer": "x", "reason": "", "key": "", "headers": []}
        await tx.execute(insert(dead_letters).values(id="dlq_1", **letter, failed_at=now))
        answer = {"principal": "x", "method": "POST", "path": "/", "key": "k", "digest": b"", "status": 200}
        await tx.execute(insert(idempotency).values(**answer, headers={}, body=b"", created_at=now))
        for claim in claims:
            key = {"rep_id": rep, "desk": "inbound", "key": claim, "claim_id": claim, "why": "next", "at": now}
            await tx.execute(insert(t.pull_keys).values(key))
    left = []
    for days in (1, 27, 1):
        await settle(housekeeping.duty(edge))
        left.append([await count(edge, table) for table in (idempotency, t.pull_keys, dead_letters)])
        clock.move(timedelta(days=days, seconds=1))
    await settle(housekeeping.duty(edge))
    left.append([await count(edge, table) for table in (idempotency, t.pull_keys, dead_letters)])
    assert left == [[1, 2, 1], [0, 1, 1], [0, 1, 0], [0, 1, 0]]
