"""What work is given: a transaction that it can neither begin nor commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy import Executable, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.events.signals import Signal
from schemas.events.stamp import Told
from services.runtime import trace
from services.runtime.memory import Memory
from services.runtime.trace import Trace

Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Emission:
    """An event to append, with what it follows from and the process that said it."""

    event: Told | Signal
    trace: Trace
    process: str


class ReadTx:
    """A look at the database as at `now`, aware UTC. PostgreSQL refuses a write in it."""

    def __init__(self, conn: AsyncConnection, driver: Driver, now: datetime, memory: Memory) -> None:
        self._conn = conn
        self._driver = driver
        self.now = now
        self.memory = memory

    async def fetch(self, statement: Executable) -> Sequence[RowMapping]:
        """All rows of a Core statement."""
        return (await self._conn.execute(statement)).mappings().all()

    async def one(self, statement: Executable) -> RowMapping | None:
        """The first row, or None."""
        return (await self._conn.execute(statement)).mappings().first()

    async def value(self, statement: Executable) -> Any:
        """The first column of the first row, or None."""
        return (await self._conn.execute(statement)).scalar()


class Tx(ReadTx):
    """The unit of work: all of it is kept, with its events, or nothing."""

    def __init__(self, conn: AsyncConnection, driver: Driver, now: datetime, memory: Memory) -> None:
        super().__init__(conn, driver, now, memory)
        self.emitted: list[Emission] = []
        self.wakes: set[str] = set()

    async def execute(self, statement: Executable, rows: Sequence[dict[str, Any]] | None = None) -> int:
        """Run a Core statement (once for each of `rows`, if given); how many rows it touched."""
        result = await (self._conn.execute(statement) if rows is None else self._conn.execute(statement, rows))
        return getattr(result, "rowcount", 0)

    def emit(self, *events: Told | Signal) -> None:
        """Append events to the log as the last thing before the commit. No personal event fits.

        They follow from what is followed now: the request, or the record (see `services.runtime.trace`).
        """
        self.emitted.extend(Emission(event, trace.current(), trace.process()) for event in events)

    def wake(self, *channels: str) -> None:
        """After the commit, wake whoever waits on these (see `services.runtime.wake`)."""
        self.wakes.update(channels)
