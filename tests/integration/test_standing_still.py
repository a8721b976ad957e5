"""A partition stands still before a flood of bad records or a gap, alone and until it is resumed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from kit import numbers
from kit.numbers import PARTITIONS, Done, append, consumer, count, drained, reasons, stopped
from kit.waiting import becomes, running, until

from schemas.topics import INBOUND
from services.runtime import operations
from services.runtime.brake import RUN
from services.runtime.edge import Edge
from services.runtime.exits import NotFound
from services.runtime.exits import Refused as NotNow
from services.runtime.hot import driver
from services.runtime.log.partitioner import partition_of
from services.runtime.log.port import EventLog, Gap, Place


@pytest.fixture(autouse=True)
async def effects(edge: Edge) -> Done:
    return await numbers.effects(edge)


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
            self.done = subscription.done
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


async def test_a_gap_in_a_partition_that_the_log_has_no_more_is_not_gone_on_from(edge: Edge) -> None:
    await append(edge, 1, key="a")
    async with running(consumer(edge).run()):
        await drained(edge)
    async with edge.database.tx() as tx:
        await driver(tx).execute("UPDATE log.positions SET stopped = 'gap', detail = 'gone' WHERE partition = 3")
        await driver(tx).execute("DELETE FROM log.records WHERE partition = 3")
        await driver(tx).execute("DELETE FROM log.partitions WHERE partition = 3")
    with pytest.raises(NotNow, match=r"has no leads\.inbound\.v1/3 any more.*leadgate topics create"):
        await operations.consumer_resume(edge, "test", INBOUND.name, 3, accept_gap=True)


async def test_who_is_not_there_cannot_be_resumed(edge: Edge) -> None:
    with pytest.raises(NotFound):
        await operations.consumer_resume(edge, "nobody", INBOUND.name, 0)
