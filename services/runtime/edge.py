"""The edge: what a process is given to reach the world, opened once and closed in order."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import select, update

from services.runtime.access import Access
from services.runtime.clock import Clock, DatabaseClock
from services.runtime.database import Database, engine_for
from services.runtime.exits import BadSetting
from services.runtime.log.port import EventLog
from services.runtime.log.postgres import PostgresLog
from services.runtime.log.table import LogTable
from services.runtime.secret import Keyring
from services.runtime.settings import Settings
from services.runtime.tables import meta
from services.runtime.telemetry import Telemetry
from services.runtime.wake import Wake


@dataclass(frozen=True, slots=True)
class Edge:
    """What a process reaches the world by."""

    settings: Settings
    keyring: Keyring
    database: Database
    log: EventLog
    wake: Wake
    clock: Clock
    telemetry: Telemetry
    access: Access
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as the process stops: long polls and streams end. All waiters are woken then."""


@asynccontextmanager
async def open_edge(
    settings: Settings, url: str, keyring: Keyring, *, clock: Clock | None = None, size: int = 20
) -> AsyncIterator[Edge]:
    """Open the database at `url` (its schema is up to date) with `size` connections, the log and the wake-ups.

    Raises: BadSetting where LEADGATE_SECRET is not the one with which this database began.
    """
    clock = clock or DatabaseClock()
    wake = Wake(url)
    table = LogTable()
    database = Database(engine_for(url, size=size), table, wake, clock)
    try:
        await _same_secret(database, keyring)
        async with wake.running():
            log = PostgresLog(database, table, wake)
            yield Edge(settings, keyring, database, log, wake, clock, Telemetry(), Access(database, keyring))
    finally:
        await database.close()


async def _same_secret(database: Database, keyring: Keyring) -> None:
    """Lead ids depend on the secret for ever: the first one is remembered by its fingerprint."""
    ours = keyring.digest("fingerprint")
    async with database.tx() as tx:
        await tx.execute(update(meta).where(meta.c.fingerprint.is_(None)).values(fingerprint=ours))
        theirs = await tx.value(select(meta.c.fingerprint))
    if not hmac.compare_digest(ours, theirs):
        raise BadSetting(
            "LEADGATE_SECRET",
            "…",
            "this database began with another secret, on which all lead ids depend: set that one",
        )
