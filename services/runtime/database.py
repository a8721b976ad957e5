"""The edge of the database: the only BEGIN and COMMIT."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final, Protocol, cast

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from services.runtime.clock import Clock
from services.runtime.dsn import for_sqlalchemy
from services.runtime.memory import Memory
from services.runtime.tx import Driver, ReadTx, Tx

_BEGINS: Final = 8.0
"""Seconds within which a transaction has a connection and has begun: a server that hangs ends nothing by itself."""
_STATEMENT: Final = 20
"""Seconds that a statement may take: PostgreSQL ends it."""
_UNANSWERED: Final = _STATEMENT + 2
"""Seconds after which a server that did not even end it is given up."""
_STATEMENTS: Final = 300
"""How many a connection keeps prepared, of the driver's and of Core's each: all that there are."""
_ROLLBACK: Final = 2.0
"""Seconds for a rollback; after that the connection is cut, which has the same effect."""


class LastWords(Protocol):
    """Adds what a transaction emitted to the log: its last statement, so that counters are held briefly."""

    async def add(self, tx: Tx) -> None: ...


class Waker(Protocol):
    """Tells waiters, after the commit, what may now be there."""

    memory: Memory

    def tell(self, channels: set[str]) -> None: ...


class Database:
    """PostgreSQL.

    SQLAlchemy's `begin()` is lazy, so the engine stays in AUTOCOMMIT and the driver's own transaction, opened
    here and nowhere else, is the only one; Core and hand-written SQL both run in it.
    """

    def __init__(self, engine: AsyncEngine, log: LastWords, waker: Waker, clock: Clock) -> None:
        self._engine = engine
        self._log = log
        self._waker = waker
        self.clock = clock
        self._kept: tuple[AsyncConnection, Driver] | None = None

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """A unit of work: committed when the block ends, rolled back when it raises."""
        async with self._begun(readonly=False) as (conn, driver, now):
            yield (work := Tx(conn, driver, now, self._waker.memory))
            await self._log.add(work)
        if work.wakes:
            self._waker.tell(work.wakes)

    @asynccontextmanager
    async def single(self) -> AsyncIterator[Tx]:
        """For work that is one statement: PostgreSQL makes it a transaction by itself, in one exchange instead of four.

        `now` is the clock's, which the database's time has corrected. Nothing may be emitted. One connection is kept
        for the next: to take it from the pool costs as much as the statement.
        """
        kept, self._kept = self._kept, None
        conn, driver = kept if kept is not None and not kept[1].is_closed() else await self._taken(kept)
        clean = False
        try:
            yield (work := Tx(conn, driver, self.clock.now(), self._waker.memory))
            clean = True
        finally:
            if clean and self._kept is None:
                self._kept = (conn, driver)
            else:
                await _given_back(conn, driver, clean=clean)
        if work.wakes:
            self._waker.tell(work.wakes)

    async def _taken(self, dead: tuple[AsyncConnection, Driver] | None) -> tuple[AsyncConnection, Driver]:
        """A connection of the pool, for longer; `dead` goes back."""
        if dead is not None:
            await _given_back(*dead, clean=False)
        async with asyncio.timeout(_BEGINS):
            conn = await self._engine.connect()
            try:
                return conn, await _living(conn)
            except BaseException:
                await conn.close()
                raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadTx]:
        """A look; PostgreSQL itself refuses a write in it."""
        async with self._begun(readonly=True) as (conn, driver, now):
            yield ReadTx(conn, driver, now, self._waker.memory)

    @asynccontextmanager
    async def _begun(self, *, readonly: bool) -> AsyncIterator[tuple[AsyncConnection, Driver, datetime]]:
        async with self._connected() as (conn, driver, beginning):
            begun, clean = driver.transaction(readonly=readonly), False
            try:
                await begun.start()
                try:
                    now = self.clock.begin(await driver.fetchval("SELECT clock_timestamp()"))
                    beginning.reschedule(None)
                    yield conn, driver, now
                except BaseException:
                    with suppress(Exception):  # a cancelled statement closes it; a rollback's failure would mask why
                        async with asyncio.timeout(_ROLLBACK):
                            await begun.rollback()
                        clean = True
                    raise
                await begun.commit()
                clean = True
            finally:
                if not clean:
                    driver.terminate()  # to close it in order would wait for a server that may hang
                    await conn.invalidate()  # or it would go back to the pool with a transaction open

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[AsyncConnection, Driver, asyncio.Timeout]]:
        """A connection of the pool, and what it has `_BEGINS` seconds for until rescheduled."""
        async with asyncio.timeout(_BEGINS) as beginning, self._engine.connect() as conn:
            yield conn, await _living(conn), beginning

    async def close(self) -> None:
        """Cut all connections, which are idle: to close them in order would wait for a server that may hang."""
        if self._kept is not None:
            await _given_back(*self._kept, clean=False)
        event.listen(self._engine.sync_engine.pool, "close", _cut)
        await self._engine.dispose()


async def _living(conn: AsyncConnection) -> Driver:
    while (driver := await _driver(conn)).is_closed():
        await conn.invalidate()  # it died in the pool, and SQLAlchemy cannot know
    return driver


async def _given_back(conn: AsyncConnection, driver: Driver, *, clean: bool) -> None:
    if not clean:
        driver.terminate()
        await conn.invalidate()
    await conn.close()


async def _driver(conn: AsyncConnection) -> Driver:
    raw = await conn.get_raw_connection()
    return cast("Driver", raw.driver_connection)


def _cut(adapted: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cast("Driver", adapted.driver_connection).terminate()


def engine_for(url: str, *, size: int) -> AsyncEngine:
    """An engine whose every session has lock, statement and idle-in-transaction time-outs (law 14).

    `url` is as libpq's, `postgresql://user@host/db`; the server is PostgreSQL 17 or later (transaction_timeout).
    """
    return create_async_engine(
        for_sqlalchemy(url),
        isolation_level="AUTOCOMMIT",
        pool_size=size,
        max_overflow=0,
        pool_use_lifo=True,  # who was at work last has its statements prepared and its plans kept
        pool_timeout=_BEGINS - 1,
        hide_parameters=True,  # an error's text goes to the log, where no personal data may
        connect_args={
            "timeout": 5,
            "command_timeout": _UNANSWERED,
            "max_cached_statement_lifetime": 0,  # statements are few: they stay prepared
            "statement_cache_size": _STATEMENTS,
            "prepared_statement_cache_size": _STATEMENTS,
            "server_settings": {
                "application_name": "leadgate",
                "timezone": "UTC",
                "lock_timeout": "10s",
                "statement_timeout": f"{_STATEMENT}s",
                "idle_in_transaction_session_timeout": "10s",
                # A process that is stopped between the messages of one statement is not idle to PostgreSQL, and no
                # statement runs: this alone frees what it had locked.
                "transaction_timeout": "30s",
            },
        },
    )
