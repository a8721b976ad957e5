"""A consumer whose good records are numbers, and whose effects are rows with these."""

from collections.abc import Awaitable, Callable, Sequence

from kit.waiting import until
from schemas.envelope import Envelope, to_headers
from schemas.topics import INBOUND
from services.runtime import operations
from services.runtime.consumer import Consumer, Handler, Received, Refused
from services.runtime.edge import Edge
from services.runtime.hot import driver
from services.runtime.log.port import Message
from services.runtime.tx import Tx

PARTITIONS = 12
Done = Callable[[], Awaitable[list[int]]]


def message(key: str, value: bytes | None, correlation: str | None = None) -> Message:
    envelope = Envelope("evt_1", "leadgate.lead.submitted.v1", "/t", key, "2026-07-06T09:00:00Z", "/s", correlation)
    return Message(INBOUND.name, key, value, to_headers(envelope))


def decode(envelope: Envelope, value: bytes) -> int:
    """Good records are numbers."""
    return int(value)


async def note(tx: Tx, records: Sequence[Received[int]]) -> Sequence[Refused]:
    """The effect of a record: a row with its number."""
    numbers = [each.event for each in records]
    await driver(tx).execute("INSERT INTO effects SELECT unnest($1::bigint[])", numbers)
    return []


async def effects(edge: Edge) -> Done:
    """Where effects are kept; what handlers have done so far, in order: twice done stands there twice."""
    async with edge.database.tx() as tx:
        await driver(tx).execute("CREATE TABLE effects (n bigint)")

    async def done() -> list[int]:
        async with edge.database.read() as tx:
            return [row["n"] for row in await driver(tx).fetch("SELECT n FROM effects ORDER BY n")]

    return done


def consumer(edge: Edge, handler: Handler[int] = note, *, limit: int = 50) -> Consumer[int]:
    return Consumer(edge, "test", [INBOUND], decode, handler, limit=limit)


async def append(edge: Edge, *values: int | str, key: str | None = None) -> None:
    """Append records, each of its own key or all of one."""
    await edge.log.append([message(key or f"key {value}", str(value).encode()) for value in values])


async def drained(edge: Edge) -> None:
    """Wait until all is read."""

    async def done() -> bool:
        status = await operations.consumer_status(edge)
        return len(status) == PARTITIONS and not any(each["lag"] for each in status)

    await until(done)


async def stopped(edge: Edge) -> list[tuple[int, str]]:
    """Partitions that stand still, and why."""
    return [(each["partition"], each["stopped"]) for each in await operations.consumer_status(edge) if each["stopped"]]


async def reasons(edge: Edge) -> list[str]:
    """Why dead letters are such."""
    return [letter["reason"] for letter in await operations.dead_letters(edge)]


async def count(edge: Edge) -> int:
    """Of dead letters."""
    return len(await reasons(edge))
