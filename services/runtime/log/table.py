"""The log table: records and the counters that number them, written in the transaction of their cause."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from schemas.topics import Topic
from services.runtime.hot import driver
from services.runtime.log.headers import from_json, text_of
from services.runtime.log.messages import emitted
from services.runtime.log.partitioner import partition_of
from services.runtime.log.port import Message, Place, Record, UnknownTopic
from services.runtime.tx import ReadTx, Tx

LOOK = 30.0
"""Seconds after which a writer looks whether topics have more partitions."""
WAKE = "log"
"""The channel that tells of new records."""

COUNTS_SQL = "SELECT topic, count(*)::int AS partitions FROM log.partitions GROUP BY topic"

# One statement, and the last of its transaction. Counters are locked in ascending order, so that writers never wait
# in a circle, and until the commit, so that no later record is seen before an earlier one. All is put, or nothing.
# `(SELECT …)` hides how many there are: one plan is good for any number, and kept.
PUT_SQL = """
WITH counter AS (
  SELECT p.topic, p.partition, p.next_offset, wanted.n
  FROM unnest((SELECT $1::text[]), $2::int[], $3::int[]) AS wanted (topic, partition, n)
  JOIN log.partitions AS p USING (topic, partition)
  ORDER BY p.topic, p.partition
  FOR UPDATE OF p
), counted AS (
  UPDATE log.partitions AS p SET next_offset = counter.next_offset + counter.n
  FROM counter WHERE p.topic = counter.topic AND p.partition = counter.partition
    AND (SELECT count(*) FROM counter) = cardinality($1::text[])
)
INSERT INTO log.records (topic, partition, "offset", appended_at, key, value, headers)
SELECT topic, partition, counter.next_offset + message.nth, $4, message.key, message.value, message.headers::jsonb
FROM unnest((SELECT $5::text[]), $6::int[], $7::int[], $8::text[], $9::bytea[], $10::text[])
  AS message (topic, partition, nth, key, value, headers)
JOIN counter USING (topic, partition)
WHERE (SELECT count(*) FROM counter) = cardinality($1::text[])
"""

CREATE_SQL = """
INSERT INTO log.partitions (topic, partition)
SELECT t.topic, partition
FROM unnest($1::text[], $2::bool[]) AS t (topic, ordered), generate_series(0, $3 - 1) AS partition
WHERE NOT (t.ordered AND EXISTS (SELECT FROM log.partitions AS p WHERE p.topic = t.topic))
ON CONFLICT DO NOTHING
"""

FIRST_KEPT_SQL = """
SELECT p.topic, p.partition, p.first_offset, p.next_offset, (
  SELECT r."offset" FROM log.records AS r
  WHERE r.topic = p.topic AND r.partition = p.partition AND r.appended_at >= $2
  ORDER BY r."offset" LIMIT 1
) AS kept, (
  SELECT min(at.position) FROM log.positions AS at WHERE at.topic = p.topic AND at.partition = p.partition
) AS read
FROM log.partitions AS p WHERE p.topic = $1 AND p.first_offset < p.next_offset
ORDER BY p.partition
"""
CUT_SQL = 'DELETE FROM log.records WHERE topic = $1 AND partition = $2 AND "offset" < $3'
MOVE_FIRST_SQL = """
UPDATE log.partitions SET first_offset = $3 WHERE topic = $1 AND partition = $2 AND first_offset < $3
"""

IDENTITY_SQL = "SELECT identity FROM log.meta"


class LogTable:
    """Writes records. It knows how many partitions a topic has, and looks again as they become more."""

    def __init__(self) -> None:
        self._counts: Mapping[str, int] = {}
        self._looked = float("-inf")

    async def add(self, tx: Tx) -> None:
        """Append what `tx` emitted: its last statement, under its row locks; so a lead's events keep their order."""
        if tx.emitted:
            await self.put(tx, [emitted(emission, tx.now) for emission in tx.emitted])

    async def put(self, tx: Tx, messages: Sequence[Message]) -> None:
        """Append messages in order. Raises: UnknownTopic."""
        if not messages:
            return
        counts = await self._partitions(tx, {message.topic for message in messages})
        so_far: Counter[tuple[str, int]] = Counter()
        rows = []
        for message in messages:
            place = (message.topic, partition_of(message.key, counts[message.topic]))
            rows.append((*place, so_far[place], message.key, message.value, text_of(message.headers)))
            so_far[place] += 1
        topics, partitions = zip(*so_far, strict=True)
        columns = zip(*rows, strict=True)
        done = await driver(tx).execute(PUT_SQL, topics, partitions, list(so_far.values()), tx.now, *columns)
        if done != f"INSERT 0 {len(messages)}":
            raise UnknownTopic(
                f"partitions are missing: {done} of {len(messages)} records. Run `leadgate topics create`."
            )
        tx.wake(WAKE)

    async def _partitions(self, tx: Tx, topics: set[str]) -> Mapping[str, int]:
        now = asyncio.get_running_loop().time()
        if not topics <= self._counts.keys() or now - self._looked > LOOK:
            self._counts = {row["topic"]: row["partitions"] for row in await driver(tx).fetch(COUNTS_SQL)}
            self._looked = now
        if missing := topics - self._counts.keys():
            raise UnknownTopic(f"no such topic: {', '.join(sorted(missing))}. Run `leadgate topics create`.")
        return self._counts


def record_of(row: "asyncpg.Record") -> Record:
    """A row of `log.records`, as readers have it."""
    place = Place(row["topic"], row["partition"])
    headers = from_json(row["headers"])
    return Record(place, row["offset"], row["appended_at"], row["key"], row["value"], headers)


async def create(tx: Tx, topics: Sequence[Topic], partitions: int) -> None:
    """Make topics, or give them more partitions; but ordered ones stay as they are, and none has fewer."""
    names, ordered = [topic.name for topic in topics], [topic.ordered for topic in topics]
    await driver(tx).execute(CREATE_SQL, names, ordered, partitions)


async def trim(tx: Tx, topic: str, before: datetime, limit: int) -> int:
    """Delete records of a topic that were appended before then, at most `limit` of each partition; how many.

    What a consumer has yet to read stays: after weeks of standing still, nothing accepted is lost.
    """
    cut = 0
    for row in await driver(tx).fetch(FIRST_KEPT_SQL, topic, before):
        oldest, read = row["first_offset"], row["read"]
        kept = row["next_offset"] if row["kept"] is None else row["kept"]
        first = min(kept, oldest + limit, oldest if read is None else read)
        if first > oldest:
            await driver(tx).execute(CUT_SQL, topic, row["partition"], first)
            await driver(tx).execute(MOVE_FIRST_SQL, topic, row["partition"], first)
            cut += first - oldest
    return cut


async def identity(tx: ReadTx) -> str:
    """Which log this is; made with the schema."""
    return str(await driver(tx).fetchval(IDENTITY_SQL))
