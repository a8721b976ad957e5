"""The log in PostgreSQL: the adapter of the port for the log table."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import asyncpg

from schemas.topics import Topic
from services.runtime.coalescer import Coalescer
from services.runtime.database import Database
from services.runtime.failures import Failure, failure
from services.runtime.hot import driver
from services.runtime.log import table
from services.runtime.log.port import LARGEST, Batch, Gap, LogUnavailable, Message, Place, Record, Span, TooLarge
from services.runtime.wake import Wake

_LOOK = timedelta(seconds=1)
"""Readers look this often even if nobody wakes them."""
_APPEND = 8.0
"""Seconds for an append. Where one takes longer, those that wait for it are given up with it."""
_PLACES = 5.0
"""Seconds after which a subscription looks whether its topics have more partitions."""

# The partitions are gone through in the order given: no sort, or each poll would read `limit` records of each.
# One statement, so that a partition's first offset and its records are of one moment.
POLL_SQL = """
SELECT p.topic, p.partition, p.first_offset, p.next_offset, at.position,
       r."offset", r.appended_at, r.key, r.value, r.headers
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS at (topic, partition, position)
JOIN log.partitions AS p ON p.topic = at.topic AND p.partition = at.partition
LEFT JOIN LATERAL (
  SELECT "offset", appended_at, key, value, headers FROM log.records
  WHERE topic = p.topic AND partition = p.partition AND "offset" >= at.position
  ORDER BY "offset" LIMIT $4
) AS r ON true
LIMIT $4 + cardinality($1::text[])
"""

BOUNDS_SQL = """
SELECT topic, partition, first_offset, next_offset FROM log.partitions
WHERE topic = ANY($1::text[]) ORDER BY topic, partition
"""

SINCE_SQL = """
SELECT coalesce(min("offset"), $4) FROM log.records WHERE topic = $1 AND partition = $2 AND appended_at >= $3
"""


class Spoilt(Exception):
    """A message in the batch has a value that PostgreSQL will not take."""


class PostgresLog:
    """Records are rows; a partition's counter numbers them. Offsets have no gaps here."""

    def __init__(self, database: Database, log: table.LogTable, wake: Wake) -> None:
        self._database = database
        self._table = log
        self._wake = wake
        self._identity: str | None = None
        self._appends = Coalescer[Sequence[Message], None](self._put, limit=200, spoils=Spoilt)

    async def append(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.size > LARGEST:
                raise TooLarge(f"a message of {message.size} bytes for {message.topic}; the limit is {LARGEST}")
        await self._appends.coalesce(messages)

    async def _put(self, asks: Sequence[Sequence[Message]]) -> Sequence[None]:
        try:
            async with asyncio.timeout(_APPEND), self._database.single() as tx:
                await self._table.put(tx, [message for ask in asks for message in ask])
        except LogUnavailable:
            raise  # there is no such topic
        except TimeoutError as error:
            down = LogUnavailable(f"the log table did not answer for {_APPEND:.0f} s")
            self._appends.give_up(down)
            raise down from error
        except Exception as error:
            match failure(error):
                case Failure.OUTAGE:
                    raise LogUnavailable(f"the log table did not answer: {error!r}") from error
                case Failure.DATA:
                    raise Spoilt(str(error)) from error
                case Failure.FAULT:
                    raise
        return [None] * len(asks)

    @asynccontextmanager
    async def subscribe(
        self, group: str, topics: Sequence[Topic], start: Callable[[Place], Awaitable[int | None]]
    ) -> AsyncIterator["PostgresSubscription"]:
        yield PostgresSubscription(self._wake, self, topics, start)

    async def starts(self, topics: Sequence[Topic]) -> Mapping[Place, int]:
        return {place: first for place, (first, _) in (await self._bounds(topics)).items()}

    async def ends(self, topics: Sequence[Topic]) -> Mapping[Place, int]:
        return {place: end for place, (_, end) in (await self._bounds(topics)).items()}

    async def read(
        self, topics: Sequence[Topic], limit: int = 1000, *, since: datetime | None = None
    ) -> AsyncIterator[Sequence[Record]]:
        for place, (first, end) in (await self._bounds(topics)).items():
            position = first
            if since is not None:
                ((position,),) = await self._fetched(SINCE_SQL, place.topic, place.partition, since, end)
            while position < end:
                rows = await self.poll({place: position}, min(limit, end - position))
                records = [table.record_of(row) for row in rows if row["offset"] is not None]
                if not records:
                    break  # their time was over meanwhile
                yield records
                position = records[-1].offset + 1

    async def identity(self, topic: Topic) -> str:
        if self._identity is None:
            async with self._database.read() as tx:
                self._identity = await table.identity(tx)
        return self._identity

    async def poll(self, positions: Mapping[Place, int], limit: int) -> "Sequence[asyncpg.Record]":
        """At most `limit` records from these positions on, a partition at a time; one row at least for each."""
        topics, partitions = [place.topic for place in positions], [place.partition for place in positions]
        return await self._fetched(POLL_SQL, topics, partitions, list(positions.values()), limit)

    async def _bounds(self, topics: Sequence[Topic]) -> Mapping[Place, tuple[int, int]]:
        rows = await self._fetched(BOUNDS_SQL, [topic.name for topic in topics])
        return {Place(row["topic"], row["partition"]): (row["first_offset"], row["next_offset"]) for row in rows}

    async def _fetched(self, sql: str, *arguments: object) -> "Sequence[asyncpg.Record]":
        try:
            async with self._database.read() as tx:
                return await driver(tx).fetch(sql, *arguments)
        except Exception as error:
            if failure(error) is Failure.OUTAGE:
                raise LogUnavailable(repr(error)) from error
            raise


class PostgresSubscription:
    """Reads all partitions of its topics; who else of the group does so too is turned away as it moves a position."""

    def __init__(
        self,
        wake: Wake,
        log: PostgresLog,
        topics: Sequence[Topic],
        start: Callable[[Place], Awaitable[int | None]],
    ) -> None:
        self._wake = wake
        self._log = log
        self._topics = topics
        self._start = start
        self._positions: dict[Place, int] = {}
        self._known: set[Place] = set()
        self._gaps: list[Gap] = []
        self._looked = float("-inf")

    async def poll(self, limit: int, wait: timedelta) -> Batch:
        await self._look_for_places()
        deadline = asyncio.get_running_loop().time() + wait.total_seconds()
        with self._wake.waiting(table.WAKE) as waiter:
            while True:
                batch = await self._read(limit)
                left = deadline - asyncio.get_running_loop().time()
                if batch.records or self._gaps or left <= 0:
                    return batch
                await waiter.wait(min(_LOOK, timedelta(seconds=left)))

    async def seek(self, place: Place, position: int) -> None:
        self._known.add(place)
        self._positions[place] = position

    async def pause(self, place: Place) -> None:
        self._positions.pop(place, None)

    def done(self, spans: Mapping[Place, Span]) -> None:
        """Positions say it all: there is no broker to tell."""

    def reading(self) -> Collection[Place]:
        return self._positions.keys()

    def gaps(self) -> Sequence[Gap]:
        gaps, self._gaps = self._gaps, []
        return gaps

    async def _look_for_places(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked < _PLACES:
            return
        for place in await self._log.ends(self._topics):
            if place not in self._known:
                position = await self._start(place)
                self._known.add(place)
                if position is not None:
                    self._positions[place] = position
        self._looked = now

    async def _read(self, limit: int) -> Batch:
        if not self._positions:
            return Batch((), {})
        places = list(self._positions)
        turn = random.randrange(len(places))  # noqa: S311 - so that two readers seldom begin at the same one
        rows = await self._log.poll({place: self._positions[place] for place in places[turn:] + places[:turn]}, limit)
        records: list[Record] = []
        spans: dict[Place, Span] = {}
        for row in rows:
            place, position = Place(row["topic"], row["partition"]), row["position"]
            if place not in self._positions:
                continue
            if gap := _gap(place, position, row["first_offset"], row["next_offset"]):
                self._gaps.append(gap)
                await self.pause(place)
            elif row["offset"] is not None and len(records) < limit:
                records.append(table.record_of(row))
                spans[place] = Span(spans[place].start if place in spans else position, row["offset"] + 1)
        for place, span in spans.items():
            self._positions[place] = span.next
        return Batch(tuple(records), spans)


def _gap(place: Place, position: int, first: int, end: int) -> Gap | None:
    if position < first:
        return Gap(place, position, first, f"records {position} to {first - 1} are gone: their time was over")
    if position > end:
        return Gap(place, position, first, f"the log ends at {end}, before the position {position}: it is another one")
    return None
