"""Positions: where each consumer stands in each partition. They count, whatever a broker's groups say (law 2)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from services.runtime.brake import Brake
from services.runtime.hot import driver
from services.runtime.log.port import Place, Span
from services.runtime.tx import ReadTx, Tx

# A locked row is another process at work in this partition: it is not waited for. A row that has moved on meanwhile is
# looked at again after the lock is ours, and no longer fits.
ADVANCE_SQL = """
WITH span AS (
  SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::text[])
    AS s (topic, partition, start, next, log)
), held AS (
  SELECT p.topic, p.partition, span.next FROM log.positions AS p JOIN span USING (topic, partition)
  WHERE p.consumer = $1 AND p.position = span.start AND p.log = span.log AND p.stopped IS NULL
  ORDER BY p.topic, p.partition
  FOR UPDATE OF p SKIP LOCKED
)
UPDATE log.positions AS p SET position = held.next, owner = $7, updated_at = $8
FROM held WHERE p.consumer = $1 AND p.topic = held.topic AND p.partition = held.partition
"""

TAKE_SQL = """
INSERT INTO log.positions (consumer, topic, partition, position, log, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
"""

STANDINGS_SQL = """
SELECT consumer, topic, partition, position, log, brake, stopped, detail, owner, updated_at FROM log.positions
WHERE $1::text IS NULL OR consumer = $1 ORDER BY consumer, topic, partition
"""

MIND_SQL = """
UPDATE log.positions SET brake = $4, stopped = $5, detail = $6, updated_at = $7
WHERE consumer = $1 AND topic = $2 AND partition = $3
"""

GAP_SQL = """
UPDATE log.positions SET brake = NULL, stopped = 'gap', detail = $5, updated_at = $6
WHERE consumer = $1 AND topic = $2 AND partition = $3 AND position = $4 AND stopped IS NULL
"""

RESUME_SQL = """
UPDATE log.positions SET stopped = NULL, detail = NULL, brake = NULL, position = $4, log = $5, updated_at = $6
WHERE consumer = $1 AND topic = $2 AND partition = $3 AND position = $7 AND stopped IS NOT NULL
"""

UNREAD_SQL = """
SELECT coalesce(sum(p.next_offset - greatest(p.first_offset, coalesce((
  SELECT min(at.position) FROM log.positions AS at WHERE at.topic = p.topic AND at.partition = p.partition
), 0))), 0)::bigint
FROM log.partitions AS p
"""
FORGET_SQL = "DELETE FROM log.positions"

LEAVE_SQL = "UPDATE log.positions SET owner = NULL WHERE consumer = $1 AND owner = $2"


class Overtaken(Exception):
    """Another process has read on from this position, or is at it, or the partition stands still. Read again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a consumer stands in a partition. `stopped`: `brake` or `gap`, `detail` in words."""

    consumer: str
    place: Place
    position: int
    log: str
    brake: Brake
    stopped: str | None
    detail: str | None
    owner: str | None
    updated_at: datetime


async def advance(tx: Tx, group: str, spans: Mapping[Place, Span], *, logs: Mapping[str, str], owner: str) -> None:
    """Move positions over what a batch covers: FIRST in its transaction, which so has these partitions to itself.

    Raises: Overtaken where one does not stand at its span's start, in the log that `logs` names for its topic.
    """
    places = list(spans)
    moved = await driver(tx).execute(
        ADVANCE_SQL,
        group,
        [place.topic for place in places],
        [place.partition for place in places],
        [spans[place].start for place in places],
        [spans[place].next for place in places],
        [logs[place.topic] for place in places],
        owner,
        tx.now,
    )
    if moved != f"UPDATE {len(places)}":
        raise Overtaken(f"{group}: {moved.removeprefix('UPDATE ')} of {len(places)} positions were ours to move")


async def take(tx: Tx, group: str, place: Place, *, first: int, log: str) -> Standing:
    """Where the group stands in a partition; at its first record, if it never read there."""
    if (standing := (await standings(tx, group)).get(place)) is not None:
        return standing  # to insert would wait for whoever moves it at the moment, stopped or not
    await driver(tx).execute(TAKE_SQL, group, place.topic, place.partition, first, log, tx.now)
    return (await standings(tx, group))[place]


async def standings(tx: ReadTx, group: str) -> Mapping[Place, Standing]:
    """Where a group stands, everywhere."""
    return {each.place: each for each in await all_standings(tx, group)}


async def all_standings(tx: ReadTx, group: str | None = None) -> list[Standing]:
    """Where consumers stand: one, or all."""
    return [
        Standing(
            row["consumer"],
            Place(row["topic"], row["partition"]),
            row["position"],
            row["log"],
            Brake(**row["brake"]) if row["brake"] else Brake(),
            row["stopped"],
            row["detail"],
            row["owner"],
            row["updated_at"],
        )
        for row in await driver(tx).fetch(STANDINGS_SQL, group)
    ]


async def mind(
    tx: Tx, group: str, place: Place, brake: Brake, *, stopped: str | None = None, detail: str | None = None
) -> None:
    """Remember how records went, and stop the partition where `stopped` says why."""
    kept = json.dumps(asdict(brake)) if brake != Brake() else None
    await driver(tx).execute(MIND_SQL, group, place.topic, place.partition, kept, stopped, detail, tx.now)


async def stop_at_gap(tx: Tx, group: str, place: Place, *, position: int, detail: str) -> bool:
    """Stop a partition before a gap, and tell whether we did: not where the group stands at `position` no more.

    Who was asleep for long sees a gap behind which the others have been for long.
    """
    done = await driver(tx).execute(GAP_SQL, group, place.topic, place.partition, position, detail, tx.now)
    return bool(done == "UPDATE 1")


async def resume(tx: Tx, found: Standing, *, position: int, log: str) -> None:
    """Let a partition that was `found` stopped go on at `position`, its brake released.

    Where somebody else has let it go on meanwhile, nothing is taken back of what was read since.
    """
    place = found.place
    await driver(tx).execute(
        RESUME_SQL, found.consumer, place.topic, place.partition, position, log, tx.now, found.position
    )


async def unread(tx: ReadTx) -> int:
    """How many records of the log table some consumer has yet to read."""
    return int(await driver(tx).fetchval(UNREAD_SQL))


async def forget(tx: Tx) -> None:
    """Forget all positions: from now on another log is read, from its beginning."""
    await driver(tx).execute(FORGET_SQL)


async def leave(tx: Tx, group: str, owner: str) -> None:
    """Own nothing any more, as the process stops."""
    await driver(tx).execute(LEAVE_SQL, group, owner)
