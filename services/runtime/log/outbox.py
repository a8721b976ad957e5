"""The log table on its way to Kafka: what is to be forwarded, what has been, and what Kafka refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.runtime import deadletters
from services.runtime.deadletters import RELAY, Refused
from services.runtime.hot import driver
from services.runtime.log.port import Message, Place, Record
from services.runtime.log.table import record_of
from services.runtime.tx import ReadTx, Tx

# After an outage the table is large, and until it is analysed PostgreSQL believes that it is small: to sort all of a
# partition then seems cheaper than to read its first records along the key.
ALONG_THE_KEY_SQL = "SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)"
# The oldest of each partition; a lead waits behind its first record that Kafka refused.
OLDEST_SQL = """
SELECT r.topic, r.partition, r."offset", r.appended_at, r.key, r.value, r.headers
FROM log.partitions AS p CROSS JOIN LATERAL (
  SELECT few.*, sum(few.size) OVER (ORDER BY few."offset") - few.size AS ahead
  FROM (
    SELECT one.topic, one.partition, one."offset", one.appended_at, one.key, one.value, one.headers,
           coalesce(octet_length(one.value), 0) AS size
    FROM log.records AS one
    WHERE one.topic = p.topic AND one.partition = p.partition AND NOT one.parked AND NOT EXISTS (
      SELECT FROM log.records AS before
      WHERE before.topic = one.topic AND before.partition = one.partition AND before.key = one.key AND before.parked
    )
    ORDER BY one."offset" LIMIT $1
  ) AS few
) AS r
WHERE r.ahead < $2
"""
FORWARDED_SQL = """
DELETE FROM log.records AS r USING unnest($1::text[], $2::int[], $3::bigint[]) AS done (topic, partition, "offset")
WHERE r.topic = done.topic AND r.partition = done.partition AND r."offset" = done."offset"
"""
PARK_SQL = """
UPDATE log.records SET parked = true WHERE topic = $1 AND partition = $2 AND "offset" = $3 AND NOT parked
"""
UNPARK_SQL = 'UPDATE log.records SET parked = false WHERE topic = $1 AND partition = $2 AND "offset" = $3 AND parked'

# What a refused record keeps waiting does not keep the numbers waiting: it is told as refused.
WAITS_SQL = """
SELECT EXISTS (
  SELECT FROM log.partitions AS p CROSS JOIN LATERAL (
    SELECT one.appended_at FROM log.records AS one
    WHERE one.topic = p.topic AND one.partition = p.partition AND NOT one.parked AND NOT EXISTS (
      SELECT FROM log.records AS before
      WHERE before.topic = one.topic AND before.partition = one.partition AND before.key = one.key AND before.parked
    )
    ORDER BY one."offset" LIMIT 1
  ) AS oldest WHERE oldest.appended_at < $1
)
"""
PARKED_SQL = "SELECT count(*) FROM log.records WHERE parked"
# By the primary key, and bounded: after a day without Kafka, to count all would take longer than a statement may.
BACKLOG_SQL = """
SELECT coalesce(sum(some_of.waiting), 0)::bigint AS waiting, min(first.appended_at) AS oldest,
       (SELECT count(*) FROM log.records WHERE parked) AS parked
FROM log.partitions AS p CROSS JOIN LATERAL (
  SELECT count(*) AS waiting FROM (
    SELECT FROM log.records AS one WHERE one.topic = p.topic AND one.partition = p.partition LIMIT $1
  ) AS one
) AS some_of LEFT JOIN LATERAL (
  SELECT one.appended_at FROM log.records AS one
  WHERE one.topic = p.topic AND one.partition = p.partition ORDER BY one."offset" LIMIT 1
) AS first ON true
"""

TOGETHER = 1024 * 1024
"""Bytes of a partition that are forwarded at once; the last record may be beyond."""
COUNTED = 1000
"""Of each partition, records that wait are counted up to this."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not been forwarded. `waiting` counts up to `COUNTED` of each partition, `parked` what Kafka refused."""

    waiting: int
    parked: int
    oldest: datetime | None


async def oldest(tx: ReadTx, limit: int) -> list[Record]:
    """What is to be forwarded next: at most `limit` of each partition and about `TOGETHER` bytes, in their order."""
    await driver(tx).execute(ALONG_THE_KEY_SQL)
    rows = await driver(tx).fetch(OLDEST_SQL, limit, TOGETHER)
    return [record_of(row) for row in sorted(rows, key=lambda row: row["offset"])]


async def forwarded(tx: Tx, records: Sequence[Record]) -> None:
    """They are durable in Kafka: delete them here."""
    await driver(tx).execute(
        FORWARDED_SQL,
        [record.place.topic for record in records],
        [record.place.partition for record in records],
        [record.offset for record in records],
    )


async def park(tx: Tx, record: Record, reason: str) -> None:
    """Kafka will not take it: show it among the dead letters, and keep what follows under its key behind it."""
    parked = await driver(tx).execute(PARK_SQL, record.place.topic, record.place.partition, record.offset)
    if parked == "UPDATE 1":
        await deadletters.add(tx, RELAY, [Refused(record, reason)])


async def unpark(tx: Tx, place: Place, offset: int) -> None:
    """Try a refused record again: its key goes on when Kafka takes it."""
    await driver(tx).execute(UNPARK_SQL, place.topic, place.partition, offset)


async def waits(tx: ReadTx, before: datetime) -> bool:
    """Tell whether anything that was appended before then is still to be forwarded."""
    return bool(await driver(tx).fetchval(WAITS_SQL, before))


async def parked(tx: ReadTx) -> int:
    """How many records Kafka refused."""
    return int(await driver(tx).fetchval(PARKED_SQL))


async def backlog(tx: ReadTx) -> Backlog:
    """How much has not been forwarded."""
    row = await driver(tx).fetchrow(BACKLOG_SQL, COUNTED)
    assert row is not None, "an aggregate has a row"
    return Backlog(row["waiting"], row["parked"], row["oldest"])


def message_of(record: Record) -> Message:
    """What was to be appended, unchanged: the event keeps its id."""
    return Message(record.place.topic, record.key, record.value, record.headers)
