"""The edge of the database: all of a transaction or nothing, whatever happens to the task or to the connection."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest
from kit.clock import ManualClock
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from schemas.events.lifecycle import LeadRejected
from schemas.events.stamp import SYSTEM, Told
from services.runtime.database import Database
from services.runtime.edge import Edge, open_edge
from services.runtime.exits import BadSetting
from services.runtime.failures import Failure, failure
from services.runtime.hot import driver
from services.runtime.secret import Keyring
from services.runtime.settings import Settings
from services.runtime.tables import dead_letters, positions
from services.runtime.tx import ReadTx, Tx

RAW = "INSERT INTO log.dead_letters VALUES ($1, 'raw', 0, 0, 'c', 'r', 'k', NULL, '[]', $2, NULL)"


def rejected(lead: str, seq: int = 1) -> Told:
    """An event: any that is small."""
    return Told.of(
        LeadRejected(reason="spam"), lead_id=lead, seq=seq, at="2026-07-06T09:00:00Z", test=False, actor=SYSTEM
    )


async def write(tx: Tx, id_: str) -> None:
    """Two rows, by hand and by Core, and an event."""
    await driver(tx).execute(RAW, f"{id_}.raw", tx.now)
    row = {"topic": "core", "partition": 0, "offset": 0, "consumer": "c", "reason": "r", "key": "k", "headers": []}
    await tx.execute(insert(dead_letters).values(id=f"{id_}.core", failed_at=tx.now, **row))
    tx.emit(rejected(id_))


async def written(database: Database) -> tuple[set[str], set[str], set[str]]:
    """Ids written by hand, by Core, and told of in the log."""
    async with database.read() as tx:
        ids = [row["id"] for row in await tx.fetch(select(dead_letters.c.id))]
        keys = [row["key"] for row in await tx.fetch(text("SELECT key FROM log.records"))]
    raw = {id_.removesuffix(".raw") for id_ in ids if id_.endswith(".raw")}
    return raw, {id_.removesuffix(".core") for id_ in ids if id_.endswith(".core")}, set(keys)


@pytest.fixture
async def small(database_url: str, keyring: Keyring, clock: ManualClock, tmp_path: object) -> AsyncIterator[Database]:
    """A pool of three, so that a connection that leaks or stays in a transaction is soon met again."""
    settings = Settings(database_url=database_url, secret="6b" * 32)
    async with open_edge(settings, database_url, keyring, clock=clock, size=3) as edge:
        yield edge.database


@pytest.fixture
async def killer(database_url: str) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Ends a backend, as an administrator does, and waits until it is gone."""
    admin = await asyncpg.connect(database_url)

    async def kill(pid: int) -> None:
        await admin.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)

    yield kill
    await admin.close()


async def pid(tx: ReadTx) -> int:
    return int(await driver(tx).fetchval("SELECT pg_backend_pid()"))


async def test_rows_by_hand_and_by_core_and_events_are_committed_together(database: Database) -> None:
    async with database.tx() as tx:
        await write(tx, "ld_1")
    assert await written(database) == ({"ld_1"}, {"ld_1"}, {"ld_1"})


async def test_nothing_stays_of_work_that_raises_though_raw_sql_came_first(database: Database) -> None:
    with pytest.raises(LookupError):
        async with database.tx() as tx:
            await write(tx, "ld_1")
            raise LookupError
    assert await written(database) == (set(), set(), set())


async def test_events_of_a_lead_keep_the_order_of_their_transactions(edge: Edge) -> None:
    """The row lock on the lead is held until the events have their places."""

    count = text("UPDATE log.positions SET position = position + 1 RETURNING position")
    seqs = text("SELECT convert_from(value, 'UTF8')::jsonb ->> 'seq' AS seq FROM log.records ORDER BY \"offset\"")

    async def step() -> None:
        async with edge.database.tx() as tx:
            tx.emit(rejected("ld_1", await tx.value(count)))

    async with edge.database.tx() as tx:
        row = {"consumer": "c", "topic": "t", "partition": 0, "position": 0, "log": "l", "updated_at": tx.now}
        await tx.execute(insert(positions).values(row))
    await asyncio.gather(*(step() for _ in range(30)))
    async with edge.database.read() as tx:
        assert [int(row["seq"]) for row in await tx.fetch(seqs)] == list(range(1, 31))


async def test_a_single_statement_is_kept_by_itself_and_its_connection_goes_back(small: Database) -> None:
    for id_ in ("one", "two", "three"):
        async with small.single() as tx:
            await driver(tx).execute(RAW, f"{id_}.raw", tx.now)
    assert (await written(small))[0] == {"one", "two", "three"}


async def test_a_single_statement_that_fails_or_is_cancelled_frees_its_connection(small: Database) -> None:
    for _ in range(4):
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with small.single() as tx:
                await driver(tx).execute("SELECT 1 / 0")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), small.single() as tx:
                await driver(tx).execute("SELECT pg_sleep(9)")
    async with small.single() as tx:
        await driver(tx).execute(RAW, "after.raw", tx.now)
    assert (await written(small))[0] == {"after"}


async def test_the_connection_kept_for_single_statements_is_replaced_once_it_is_dead(small: Database) -> None:
    async with small.single() as tx:
        backend = await driver(tx).fetchval("SELECT pg_backend_pid()")
        held = driver(tx)
    async with small.single() as tx:
        assert driver(tx) is held
    async with small.tx() as tx:
        await driver(tx).execute("SELECT pg_terminate_backend($1)", backend)
    while not held.is_closed():
        await asyncio.sleep(0.01)
    for id_ in ("one", "two"):
        async with small.single() as tx:
            await driver(tx).execute(RAW, f"{id_}.raw", tx.now)
    assert (await written(small))[0] == {"one", "two"}


async def test_postgresql_refuses_a_write_in_a_look(database: Database) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.read() as tx:
            await driver(tx).execute(RAW, "x", tx.now)
    with pytest.raises(DBAPIError):
        async with database.read() as tx:
            await tx.fetch(text("INSERT INTO log.partitions VALUES ('x', 0) RETURNING 1"))


async def test_a_transaction_has_one_time_and_it_is_the_clocks(database: Database, clock: ManualClock) -> None:
    async with database.tx() as tx:
        assert tx.now == clock.now()
        clock.move(timedelta(seconds=5))
        assert tx.now == clock.now() - timedelta(seconds=5)


async def test_every_session_has_time_outs(database: Database) -> None:
    """Law 14: nothing waits for ever."""
    async with database.read() as tx:
        for name in ("lock", "statement", "idle_in_transaction_session", "transaction"):
            assert await tx.value(text(f"SHOW {name}_timeout")) not in ("0", None)


async def test_a_connection_that_died_in_the_pool_is_replaced(
    small: Database, killer: Callable[[int], Awaitable[None]]
) -> None:
    async with small.read() as tx:
        died = await pid(tx)
    await killer(died)
    async with small.tx() as tx:
        assert await pid(tx) != died
        await write(tx, "ld_1")
    assert await written(small) == ({"ld_1"},) * 3


async def test_a_backend_killed_at_work_leaves_nothing_and_the_next_transaction_works(
    small: Database, killer: Callable[[int], Awaitable[None]]
) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one depends on the moment; its kind does not
        async with small.tx() as tx:
            await write(tx, "ld_1")
            await killer(await pid(tx))
            await write(tx, "ld_2")
    assert failure(raised.value) is Failure.OUTAGE
    async with small.tx() as tx:
        await write(tx, "ld_3")
    assert await written(small) == ({"ld_3"},) * 3


async def test_an_error_of_the_work_is_not_masked_by_a_connection_that_died_meanwhile(
    small: Database, killer: Callable[[int], Awaitable[None]]
) -> None:
    with pytest.raises(LookupError):
        async with small.tx() as tx:
            await killer(await pid(tx))
            raise LookupError


@pytest.mark.parametrize("by_core", [True, False])
async def test_a_statement_cancelled_in_mid_run_cancels_and_frees_its_connection(
    small: Database, by_core: bool
) -> None:
    async def slow() -> None:
        async with small.tx() as tx:
            await write(tx, "ld_1")
            if by_core:
                await tx.value(text("SELECT pg_sleep(20)"))
            else:
                await driver(tx).execute("SELECT pg_sleep(20)")

    for _ in range(4):  # more often than there are connections
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(5), small.tx() as tx:
        await write(tx, "ld_2")
    assert await written(small) == ({"ld_2"},) * 3


async def test_tasks_cancelled_at_any_moment_lose_halve_and_leak_nothing(small: Database) -> None:
    done: set[str] = set()
    random.seed(7)

    async def work(id_: str) -> None:
        async with small.tx() as tx:
            await write(tx, id_)
        done.add(id_)

    async def cancelled(number: int) -> None:
        task = asyncio.create_task(work(f"ld_{number}"))
        await asyncio.sleep(random.uniform(0, 1.2 * ten))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    loop = asyncio.get_running_loop()
    for _ in range(2):  # how long ten take, once all is connected
        began = loop.time()
        await asyncio.gather(*(work(f"warm_{loop.time()}_{number}") for number in range(10)))
        ten = loop.time() - began
    before = len(done)
    for first in range(0, 300, 10):
        await asyncio.gather(*(cancelled(number) for number in range(first, first + 10)))
    raw, core, events = await written(small)
    assert raw == core == events, "halved"
    assert done <= raw, "lost"
    assert before < len(raw) < before + 300
    async with asyncio.timeout(5):
        await asyncio.gather(*(work(f"last_{number}") for number in range(9)))
    assert {f"last_{number}" for number in range(9)} <= (await written(small))[0]


async def test_backends_killed_at_any_moment_lose_and_halve_nothing(
    small: Database, killer: Callable[[int], Awaitable[None]]
) -> None:
    done: set[str] = set()
    pids: set[int] = set()
    failures: set[Failure] = set()

    async def work(number: int) -> None:
        id_ = f"ld_{number}"
        try:
            async with small.tx() as tx:
                pids.add(await pid(tx))
                await write(tx, id_)
            done.add(id_)
        except Exception as error:
            failures.add(failure(error))

    async def kill() -> None:
        for _ in range(15):
            await asyncio.sleep(0.01)
            if pids:
                await killer(pids.pop())

    await asyncio.gather(kill(), *(work(number) for number in range(150)))
    raw, core, events = await written(small)
    assert failures == {Failure.OUTAGE}
    assert raw == core == events, "halved"
    assert done <= raw, "lost"
    assert len(raw - done) <= 15, "a commit whose answer was lost is the only doubt there is"


async def test_a_transaction_left_idle_is_ended_by_postgresql_and_nothing_of_it_stays(small: Database) -> None:
    """What a process stopped in mid-batch (SIGSTOP) meets when it goes on."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - by whichever statement comes next
        async with small.tx() as tx:
            await driver(tx).execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            await write(tx, "ld_1")
            await asyncio.sleep(0.3)
    assert failure(raised.value) is Failure.OUTAGE
    assert await written(small) == (set(), set(), set())


async def test_an_error_does_not_say_the_values_that_were_written(database: Database) -> None:
    """It is logged, and they may be personal (law 8)."""
    with pytest.raises(DBAPIError) as raised:
        async with database.tx() as tx:
            await tx.execute(insert(dead_letters).values(id="x", key="ann.lee@example.com"))
    assert "ann.lee" not in repr(raised.value)


async def test_another_secret_than_the_first_is_refused(database_url: str, edge: Edge) -> None:
    with pytest.raises(BadSetting, match="LEADGATE_SECRET"):
        async with open_edge(edge.settings, database_url, Keyring(b"x" * 32)):
            pass
