"""Wake-ups: none is lost between a look and the wait that follows it, here and in other processes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from kit.waiting import until

from services.runtime.wake import Wake

LONG = timedelta(seconds=10)
NOT_AT_ALL = timedelta(seconds=0.1)


@pytest.fixture
async def two(database_url: str) -> AsyncIterator[tuple[Wake, Wake]]:
    """Those of two processes, both listening."""
    one, other = Wake(database_url), Wake(database_url)
    async with one.running(), other.running():
        yield one, other


async def _listening(url: str, count: int) -> bool:
    conn = await asyncpg.connect(url)
    try:
        found = await conn.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leadgate wake' AND state = 'idle'"
            " AND datname = current_database() AND query LIKE 'LISTEN%'"
        )
    finally:
        await conn.close()
    return bool(found >= count)


async def test_who_waits_is_woken_here_and_in_another_process(two: tuple[Wake, Wake]) -> None:
    one, other = two
    with one.waiting("queue:closing/uk") as here, other.waiting("queue:closing/uk", "rep:rep_1") as there:
        one.tell({"queue:closing/uk"})
        assert await here.wait(NOT_AT_ALL)
        assert await there.wait(LONG)
        assert not await here.wait(NOT_AT_ALL), "our own notification does not wake us twice"


async def test_other_channels_wake_nobody(two: tuple[Wake, Wake]) -> None:
    one, other = two
    with one.waiting("queue:closing/uk") as here, other.waiting("lead:ld_1") as there:
        one.tell({"queue:closing/de", "lead:ld_2"})
        assert [await here.wait(NOT_AT_ALL), await there.wait(NOT_AT_ALL)] == [False, False]


async def test_what_is_told_between_the_look_and_the_wait_is_not_lost(two: tuple[Wake, Wake]) -> None:
    one, other = two
    with other.waiting("log") as waiter:
        for _ in range(50):  # each time it looks, finds nothing, and only then something comes
            one.tell({"log"})
            await asyncio.sleep(0)
            assert await waiter.wait(LONG)


async def test_a_very_long_list_of_channels_wakes_everybody(two: tuple[Wake, Wake]) -> None:
    one, other = two
    with other.waiting("anything") as waiter:
        one.tell({f"lead:{number}" for number in range(1000)})
        assert await waiter.wait(LONG)


async def test_many_tellings_are_few_notifications(two: tuple[Wake, Wake], database_url: str) -> None:
    heard: list[object] = []
    conn = await asyncpg.connect(database_url)
    await conn.add_listener("leadgate", lambda *args: heard.append(args[-1]))
    for number in range(500):
        two[0].tell({f"lead:{number % 7}"})

    async def all_heard() -> bool:
        return all(any(f'"lead:{number}"' in str(each) for each in heard) for number in range(7))

    await until(all_heard)
    assert len(heard) < 10
    await conn.close()


async def test_a_connection_that_is_lost_is_made_again_and_waiters_look_meanwhile(
    two: tuple[Wake, Wake], database_url: str
) -> None:
    one, other = two
    conn = await asyncpg.connect(database_url)
    with other.waiting("log") as waiter:
        await conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'leadgate wake' AND datname = current_database()"
        )
        assert await waiter.wait(LONG), "it may have missed something"
        await until(lambda: _listening(database_url, 2))
        await waiter.wait(NOT_AT_ALL)
        one.tell({"log"})
        assert await waiter.wait(LONG)
    await conn.close()


async def test_all_are_woken_as_the_process_stops(two: tuple[Wake, Wake]) -> None:
    with two[0].waiting("log") as waiter:
        two[0].tell_all()
        assert await waiter.wait(NOT_AT_ALL)


async def test_who_has_left_is_forgotten(two: tuple[Wake, Wake]) -> None:
    with two[0].waiting("log", "keys"):
        pass
    assert two[0]._waiters == {}
