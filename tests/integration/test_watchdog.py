"""The watchdog: no progress while there is work and nothing to blame for it ends the process; nothing else does."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from kit.waiting import becomes, running, until

from schemas.envelope import Envelope, to_headers
from schemas.topics import INBOUND, Topic
from services.runtime import operations, positions
from services.runtime.brake import RUN
from services.runtime.consumer import Consumer, Received, Refused
from services.runtime.edge import Edge
from services.runtime.exits import Stuck
from services.runtime.log.port import EventLog, LogUnavailable, Message, Place
from services.runtime.tx import Tx
from services.runtime.watchdog import turning, watch

TICK = timedelta(milliseconds=10)
HEADERS = to_headers(Envelope("evt_1", "leadgate.lead.submitted.v1", "/t", "k", "2026-07-06T09:00:00Z", "/s"))


async def work(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
    return []


def consumer(edge: Edge, handler: object = work) -> Consumer[int]:
    return Consumer(edge, "test", [INBOUND], lambda _, value: int(value), handler)  # type: ignore[arg-type]


async def append(edge: Edge, count: int, value: bytes = b"1") -> None:
    await edge.log.append([Message(INBOUND.name, "k", value, HEADERS)] * count)


async def lag(edge: Edge) -> int:
    return sum(each["lag"] for each in await operations.consumer_status(edge))


async def is_patient(edge: Edge, ticks: int = 20) -> bool:
    """Tell whether the watchdog has nothing to say for so many ticks of a patience of five."""
    try:
        async with asyncio.timeout(ticks * TICK.total_seconds() * 5):
            await watch(edge, "test", [INBOUND], tick=TICK, patience=5)
    except TimeoutError:
        return True
    except Stuck:
        return False
    raise AssertionError("it never ends by itself")


async def test_a_consumer_that_makes_no_progress_is_stuck_and_it_is_said_where(edge: Edge) -> None:
    async def hangs(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        await asyncio.Event().wait()
        return []

    await append(edge, 3)
    async with running(consumer(edge, hangs).run()):
        await becomes(lambda: lag(edge), 3)
        with pytest.raises(Stuck, match=r"behind in leads\.inbound\.v1/\d+ by 3[\s\S]*in hangs"):
            await watch(edge, "test", [INBOUND], tick=TICK, patience=5)


async def test_one_of_two_that_gets_nowhere_is_stuck_though_the_other_gets_on(kafka_edge: Edge) -> None:
    """With Kafka nobody else reads what is its own."""

    async def hangs(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        await asyncio.Event().wait()
        return []

    async def flood() -> None:
        number = 0
        while True:
            number += 1
            await kafka_edge.log.append([Message(INBOUND.name, f"k{number}", b"1", HEADERS)])

    good, bad = consumer(kafka_edge), consumer(kafka_edge, hangs)

    async def shared_out() -> bool:
        return len(good.reading()) == len(bad.reading()) == 2

    async with running(good.run()), running(bad.run()):
        await until(shared_out, within=20)
        async with running(flood()), asyncio.timeout(10):
            with pytest.raises(Stuck, match="in hangs"):
                await watch(kafka_edge, "test", [INBOUND], bad.reading, tick=TICK * 5, patience=10)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await watch(kafka_edge, "test", [INBOUND], good.reading, tick=TICK * 5, patience=10)


async def test_a_consumer_with_nothing_to_do_is_not_stuck(edge: Edge) -> None:
    await append(edge, 3)
    async with running(consumer(edge).run()):
        await becomes(lambda: lag(edge), 0)
        assert await is_patient(edge)


async def test_a_slow_consumer_that_falls_ever_further_behind_is_not_stuck(edge: Edge) -> None:
    async def slow(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
        await asyncio.sleep(TICK.total_seconds() * 2)
        return []

    async def flood() -> None:
        while True:
            await append(edge, 20)
            await asyncio.sleep(0.005)

    await append(edge, 50)
    slowly = Consumer(edge, "test", [INBOUND], lambda _, value: int(value), slow, limit=1)
    async with running(slowly.run()), running(flood()):
        assert await is_patient(edge)


async def test_a_partition_that_the_brake_stopped_is_not_stuck(edge: Edge) -> None:
    await append(edge, RUN + 5, b"bad")
    async with running(consumer(edge).run()):
        await becomes(lambda: lag(edge), 5)
        assert await is_patient(edge)


async def test_a_database_that_is_away_is_not_the_consumers_fault(edge: Edge) -> None:
    """Nobody reads, so it is stuck; but while it cannot be looked at, patience starts anew."""
    await append(edge, 1)
    async with edge.database.tx() as tx:
        for partition in range(12):
            await positions.take(tx, "test", Place(INBOUND.name, partition), first=0, log="log")
    assert not await is_patient(edge)
    away = replace(edge, log=Away(edge.log))  # type: ignore[arg-type]
    assert await is_patient(away)


class Away:
    """A log that does not answer every fourth time."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._asked = 0

    async def ends(self, topics: Sequence[Topic]) -> Mapping[Place, int]:
        self._asked += 1
        if self._asked % 4 == 0:
            raise LogUnavailable("away")
        return await self._log.ends(topics)


async def test_a_loop_that_does_not_turn_ends_the_process_with_its_stack() -> None:
    said: list[str] = []

    def blocks_the_loop() -> None:
        deadline = time.monotonic() + 5
        while not said and time.monotonic() < deadline:
            time.sleep(0.01)

    with turning(tick=TICK, patience=5, end=said.append):
        await asyncio.sleep(0.2)
        assert said == []
        blocks_the_loop()
    assert "blocks_the_loop" in said[0]
