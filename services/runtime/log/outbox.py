"""The log table on its way to Kafka: what is to be forwarded, what has been, and what Kafka refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.runtime import deadletters
from services.runtime.deadletters import Refused
from services.runtime.hot import driver
from services.runtime.log.headers import from_json
from services.runtime.log.port import Message, Place, Record
from services.runtime.tx import ReadTx, Tx

RELAY = "relay"
"""Whom dead letters name that Kafka refused."""

# The oldest of each partition; a lead waits behind its first record that Kafka refused.
OLDEST_SQL = """
SELECT r.topic, r.partition, r."offset", r.appended_at, r.key, r.value, r.headers
FROM log.partitions AS p CROSS JOIN LATERAL (
  SELECT one.topic, one.partition, one."offset", one.appended_at, one.key, one.value, one.headers
  FROM log.records AS one
  WHERE one.topic = p.topic AND one.partition = p.partition AND NOT one.parked AND NOT EXISTS (
    SELECT FROM log.records AS before
    WHERE before.topic = one.topic AND before.partition = one.partition AND before.key = one.key AND before.parked
  )
  ORDER BY one."offset" LIMIT $1
) AS r
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
BACKLOG_SQL = """
SELECT count(*) AS waiting, count(*) FILTER (WHERE parked) AS parked, min(appended_at) AS oldest FROM log.records
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not been forwarded. `waiting` counts all, `parked` those that Kafka refused."""

    waiting: int
    parked: int
    oldest: datetime | None


async def oldest(tx: ReadTx, limit: int) -> list[Record]:
    """What is to be forwarded next: at most `limit` of each partition, in their order."""
    return [
        Record(
            Place(row["topic"], row["partition"]),
            row["offset"],
            row["appended_at"],
            row["key"],
            row["value"],
            from_json(row["headers"]),
        )
        for row in await driver(tx).fetch(OLDEST_SQL, limit)
    ]


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
    row = await driver(tx).fetchrow(BACKLOG_SQL)
    assert row is not None, "an aggregate has a row"
    return Backlog(row["waiting"], row["parked"], row["oldest"])


def message_of(record: Record) -> Message:
    """What was to be appended, unchanged: the event keeps its id."""
    return Message(record.place.topic, record.key, record.value, record.headers)
