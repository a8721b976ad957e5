"""The edge: what a process is given to reach the world, opened once and closed in order."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from services.runtime import positions
from services.runtime.access import Access
from services.runtime.clock import Clock, DatabaseClock
from services.runtime.database import Database, engine_for
from services.runtime.exits import BadSetting, Refused
from services.runtime.log.durable import Durable
from services.runtime.log.port import Appends, EventLog
from services.runtime.log.postgres import PostgresLog
from services.runtime.log.table import LogTable
from services.runtime.secret import Keyring
from services.runtime.settings import Settings
from services.runtime.tables import meta
from services.runtime.telemetry import Telemetry
from services.runtime.wake import Wake

if TYPE_CHECKING:
    from services.runtime.log.kafka import KafkaLog


@dataclass(frozen=True, slots=True)
class Edge:
    """What a process reaches the world by."""

    settings: Settings
    keyring: Keyring
    database: Database
    log: EventLog
    """Where consumers read, and operators append."""
    intake: Appends
    """Where what is accepted becomes durable."""
    table: EventLog
    """The log table: the log itself, or what is on its way to Kafka."""
    kafka: "KafkaLog | None"
    """The log, where it is Kafka: the log table then is on its way there."""
    wake: Wake
    clock: Clock
    telemetry: Telemetry
    access: Access
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as the process stops: long polls and streams end. All waiters are woken then."""


@asynccontextmanager
async def open_edge(
    settings: Settings,
    url: str,
    keyring: Keyring,
    *,
    clock: Clock | None = None,
    size: int = 20,
    unseen: bool = False,
) -> AsyncIterator[Edge]:
    """Open the database at `url` (its schema is up to date) with `size` connections, the log and the wake-ups.

    `unseen`: it is away; whoever opens it so calls `check` once it is there. Raises: as `check`.
    """
    clock = clock or DatabaseClock()
    wake = Wake(url)
    table = LogTable()
    database = Database(engine_for(url, size=size), table, wake, clock)
    try:
        if not unseen:
            await check(database, settings, keyring)
        telemetry = Telemetry()
        async with wake.running(), _kafka(settings) as kafka:
            in_table = PostgresLog(database, table, wake)
            log: EventLog = kafka or in_table
            intake = Durable(kafka, in_table, telemetry) if kafka else in_table
            access = Access(database, keyring)
            yield Edge(settings, keyring, database, log, intake, in_table, kafka, wake, clock, telemetry, access)
    finally:
        await database.close()


@asynccontextmanager
async def _kafka(settings: Settings) -> AsyncIterator["KafkaLog | None"]:
    if settings.kafka_bootstrap_servers is None:
        yield None
        return
    from services.runtime.log.kafka import KafkaLog  # only who has Kafka waits for its library to load

    kafka = KafkaLog(settings.kafka_bootstrap_servers, settings.topic_prefix)
    try:
        yield kafka
    finally:
        await kafka.close()


async def check(database: Database, settings: Settings, keyring: Keyring) -> None:
    """Make sure that this is our database.

    Raises: BadSetting where LEADGATE_SECRET is not the one with which it began; Refused where its events are in another
    log than the settings say.
    """
    await _same_secret(database, keyring)
    await _same_log(database, "kafka" if settings.kafka_bootstrap_servers else "postgres")


async def _same_log(database: Database, wanted: str) -> None:
    """Consumers read one log. It becomes Kafka for good, once they have read all of the table.

    The relay then moves over what the table holds, and Kafka is read from its beginning: repeats have no effect.
    """
    async with database.tx() as tx:
        stands = await tx.value(select(meta.c.event_log).with_for_update())
        if stands == wanted:
            return
        if stands == "kafka":
            raise Refused("this database's events are in Kafka: set KAFKA_BOOTSTRAP_SERVERS to that cluster")
        if unread := await positions.unread(tx):
            raise Refused(
                f"{unread} records of the event log in PostgreSQL are not read yet: start without "
                "KAFKA_BOOTSTRAP_SERVERS until `leadgate consumer status` shows no lag, stop, and start with it again"
            )
        await positions.forget(tx)
        await tx.execute(update(meta).values(event_log=wanted))


async def _same_secret(database: Database, keyring: Keyring) -> None:
    """Lead ids depend on the secret for ever: the first one is remembered by its fingerprint."""
    ours = keyring.fingerprint
    async with database.tx() as tx:
        await tx.execute(update(meta).where(meta.c.fingerprint.is_(None)).values(fingerprint=ours))
        theirs = await tx.value(select(meta.c.fingerprint))
    if not hmac.compare_digest(ours, theirs):
        raise another_secret()


def another_secret() -> BadSetting:
    """What to say of a secret that is not the one with which the database began."""
    return BadSetting(
        "LEADGATE_SECRET",
        "…",
        "this database began with another secret, on which all lead ids depend: set that one",
    )
