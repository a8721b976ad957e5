"""The series kept: recomputed from facts and timings where these changed, each change with a revision of its own.

Whoever recomputes holds the one row of `metrics.revisions` until the commit, so revisions become visible in their
order: who has read up to one never misses an earlier one.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from schemas.events.series import ClockName, Metric
from schemas.events.signals import QueueMeasured
from schemas.events.stamp import text_of
from schemas.words import Money
from services.metrics.catalogue import WORTH, FactKind
from services.metrics.periods import day_of, days_of
from services.metrics.series import ClockFigures, Tally, cell_key, clock, clock_key, count, worth
from services.metrics.store import FUNNEL, QUEUES, SPEED
from services.runtime.hot import driver
from services.runtime.tx import ReadTx, Tx

WAKE = "series"
"""The channel that tells of new revisions."""
AT_ONCE = 200
"""How many quarters of an hour (or queues) one turn recomputes: it is short, whatever has piled up."""
DIMENSIONS = ("direction", "source", "queue", "rep")
"""What series are kept by, in the order in which a key names them."""

_FIGURES = TypeAdapter(ClockFigures)

HOLD_SQL = "SELECT last, zone FROM metrics.revisions FOR UPDATE"
LET_GO_SQL = "UPDATE metrics.revisions SET last = $1, zone = $2"
LAST_SQL = "SELECT last FROM metrics.revisions"
# The newest first, and neighbours together: of a day all at once, as far as it goes.
TAKE_SQL = """
WITH slot AS (
  SELECT DISTINCT topic, quarter, queue FROM metrics.stale ORDER BY quarter DESC NULLS FIRST, topic, queue LIMIT $1
), taken AS (
  DELETE FROM metrics.stale AS s USING slot
  WHERE s.topic = slot.topic AND s.quarter IS NOT DISTINCT FROM slot.quarter AND s.queue IS NOT DISTINCT FROM slot.queue
)
SELECT topic, quarter, queue FROM slot
"""
CELLS_SQL = """
SELECT q.start, f.kind, f.direction, f.source, f.queue, f.rep, f.currency, count(*) AS n, sum(f.amount) AS amount
FROM unnest($1::timestamptz[]) AS q (start)
JOIN metrics.facts AS f ON f.at >= q.start AND f.at < q.start + interval '15 minutes' AND f.voided_at IS NULL
GROUP BY q.start, f.kind, f.direction, f.source, f.queue, f.rep, f.currency
"""
CLOCKS_SQL = """
SELECT d.day, t.clock, t.direction, t.source, t.queue, t.rep, grouping(t.direction, t.source, t.queue, t.rep) AS apart,
  array_agg(t.took_ms ORDER BY t.took_ms) FILTER (WHERE t.took_ms IS NOT NULL) AS ended,
  count(*) FILTER (WHERE t.took_ms IS NULL) AS waiting
FROM unnest($1::date[], $2::timestamptz[], $3::timestamptz[]) AS d (day, start, "end")
JOIN metrics.timings AS t ON t.at >= d.start AND t.at < d."end"
GROUP BY GROUPING SETS ((d.day, t.clock), (d.day, t.clock, t.direction), (d.day, t.clock, t.source),
  (d.day, t.clock, t.queue), (d.day, t.clock, t.rep))
"""
QUEUES_SQL = "SELECT queue, measures FROM metrics.queues WHERE queue = ANY($1::text[])"
STAND_SQL = "SELECT key, slot, record FROM metrics.series WHERE topic = $1 AND slot = ANY($2::text[])"
KEEP_SQL = """
INSERT INTO metrics.series AS s (key, topic, slot, record, revision)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bigint[])
ON CONFLICT (key) DO UPDATE SET record = excluded.record, revision = excluded.revision
"""
OTHER_ZONE_SQL = (
    "SELECT key, slot FROM metrics.series WHERE topic = $1 AND record IS NOT NULL AND record ->> 'tz' <> $2"
)
ALL_QUARTERS_SQL = """
INSERT INTO metrics.stale (topic, quarter)
SELECT DISTINCT $1, date_bin('15 minutes', at, '2000-01-01 00:00+00'::timestamptz) AS quarter FROM metrics.timings
ORDER BY quarter
"""
NEWEST_MARK_SQL = "SELECT coalesce(max(id), 0) FROM metrics.stale"
MARKED_SQL = "SELECT EXISTS (SELECT FROM metrics.stale WHERE id <= $1)"
MISSED_SQL = "SELECT count(*) FROM (SELECT FROM metrics.series WHERE revision > $1 LIMIT $2) AS missed"
AFTER_SQL = """
SELECT key, topic, record, revision FROM metrics.series WHERE revision > $1 ORDER BY revision LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """The latest version of a series. `record` lacks only `as_of`, which is when it is read; None: withdrawn."""

    key: str
    topic: str
    record: dict[str, Any] | None
    revision: int


Slot = str
Wanted = Mapping[str, tuple[Slot, dict[str, Any]]]


async def refold(tx: Tx, zone: ZoneInfo) -> bool:
    """Recompute what is stale, clocks by the days of `zone`. Tells whether more is."""
    held = await driver(tx).fetchrow(HOLD_SQL)
    assert held is not None, "the migration made it"
    revision = held["last"]
    if held["zone"] != zone.key:
        revision = await _leave_zone(tx, revision, zone)
    marks = await driver(tx).fetch(TAKE_SQL, AT_ONCE)
    quarters = {topic: {row["quarter"] for row in marks if row["topic"] == topic} for topic in (FUNNEL, SPEED)}
    queues = {row["queue"] for row in marks if row["topic"] == QUEUES}
    if quarters[FUNNEL]:
        slots = [text_of(start) for start in quarters[FUNNEL]]
        revision = await _keep(tx, FUNNEL, slots, await _cells(tx, quarters[FUNNEL]), revision)
    if quarters[SPEED]:
        days = days_of(list(quarters[SPEED]), zone)
        slots = [_day_slot(day, zone) for day in days]
        revision = await _keep(tx, SPEED, slots, await _clocks(tx, days, zone), revision)
    if queues:
        revision = await _keep(tx, QUEUES, sorted(queues), await _queues(tx, queues), revision)
    if revision != held["last"] or held["zone"] != zone.key:
        await driver(tx).execute(LET_GO_SQL, revision, zone.key)
        tx.wake(WAKE)
    return len(marks) == AT_ONCE


async def last_revision(tx: ReadTx) -> int:
    """The newest revision there is."""
    return int(await driver(tx).fetchval(LAST_SQL))


async def after(tx: ReadTx, revision: int, limit: int) -> list[Kept]:
    """The series that changed after a revision, in the order of theirs: of each only the latest version."""
    rows = await driver(tx).fetch(AFTER_SQL, revision, limit)
    return [Kept(row["key"], row["topic"], row["record"], row["revision"]) for row in rows]


async def newest_mark(tx: ReadTx) -> int:
    """The newest note of something stale."""
    return int(await driver(tx).fetchval(NEWEST_MARK_SQL))


async def settled(tx: ReadTx, mark: int) -> bool:
    """Whether all that was noted as stale up to then has been recomputed."""
    return not await driver(tx).fetchval(MARKED_SQL, mark)


async def missed(tx: ReadTx, revision: int, most: int) -> int:
    """How many series changed after a revision; counted up to `most`."""
    return int(await driver(tx).fetchval(MISSED_SQL, revision, most))


async def _leave_zone(tx: Tx, revision: int, zone: ZoneInfo) -> int:
    """The policy's zone is another one: withdraw the days of the former, and mark all for recomputing."""
    old = await driver(tx).fetch(OTHER_ZONE_SQL, SPEED, zone.key)
    revisions = range(revision + 1, revision + 1 + len(old))
    keys, slots = [row["key"] for row in old], [row["slot"] for row in old]
    await driver(tx).execute(KEEP_SQL, keys, [SPEED] * len(old), slots, [None] * len(old), list(revisions))
    await driver(tx).execute(ALL_QUARTERS_SQL, SPEED)
    return revision + len(old)


async def _cells(tx: Tx, quarters: Collection[datetime]) -> Wanted:
    """The funnel cells of these quarters of an hour."""
    groups: dict[tuple[Any, ...], list[Tally]] = defaultdict(list)
    for row in await driver(tx).fetch(CELLS_SQL, sorted(quarters)):
        tally = Tally(FactKind(row["kind"]), row["direction"], row["n"], row["currency"], int(row["amount"] or 0))
        groups[(row["start"], *(row[name] for name in DIMENSIONS))].append(tally)
    wanted: dict[str, tuple[Slot, dict[str, Any]]] = {}
    for (start, *values), tallies in groups.items():
        dimensions = {name: value for name, value in zip(DIMENSIONS, values, strict=True) if value is not None}
        for metric, value in count(tallies).items():
            money = worth(tallies, WORTH[metric]) if metric in WORTH else ()
            key = cell_key(metric, start, dimensions)
            wanted[key] = text_of(start), _cell(metric, text_of(start), dimensions, value, money)
    return wanted


def _cell(
    metric: Metric, start: str, dimensions: Mapping[str, str], value: int, money: Sequence[Money]
) -> dict[str, Any]:
    return {
        "metric": metric,
        "start": start,
        "grain": "15m",
        "dimensions": dimensions,
        "value": value,
        "unit": "count",
        "money": [one.model_dump() for one in money],
    }


async def _clocks(tx: Tx, days: Sequence[date], zone: ZoneInfo) -> Wanted:
    """The clocks of these days: all together, and by each single dimension."""
    periods = [day_of(day, zone) for day in days]
    starts, ends = [period.start for period in periods], [period.end for period in periods]
    wanted: dict[str, tuple[Slot, dict[str, Any]]] = {}
    for row in await driver(tx).fetch(CLOCKS_SQL, days, starts, ends):
        by = [name for place, name in enumerate(DIMENSIONS) if not row["apart"] >> 3 - place & 1]
        dimensions = {name: row[name] for name in by}
        if None in dimensions.values():
            continue
        name, day = ClockName(row["clock"]), row["day"]
        figures = clock(row["ended"] or [], row["waiting"])
        record = {"clock": name, "day": day.isoformat(), "tz": zone.key, "dimensions": dimensions}
        wanted[clock_key(name, day, zone.key, dimensions)] = (
            _day_slot(day, zone),
            record | _FIGURES.dump_python(figures, mode="json"),
        )
    return wanted


async def _queues(tx: Tx, queues: Collection[str]) -> Wanted:
    """Queues as measured. `oldest_age_ms` is reckoned by who reads, from `oldest_queued_at`."""
    rows = await driver(tx).fetch(QUEUES_SQL, list(queues))
    shown = QueueMeasured.model_fields.keys() - {"measured_at"}
    return {
        f"queue={row['queue']}": (
            row["queue"],
            {name: row["measures"][name] for name in shown & row["measures"].keys()},
        )
        for row in rows
    }


async def _keep(tx: Tx, topic: str, slots: Sequence[Slot], wanted: Wanted, revision: int) -> int:
    """Make the series of these slots what they should be; only what differs gets a revision. Returns the last one."""
    rows = await driver(tx).fetch(STAND_SQL, topic, list(slots))
    standing = {row["key"]: (row["slot"], row["record"]) for row in rows}
    gone = {key: (slot, _nought(record)) for key, (slot, record) in standing.items() if record and key not in wanted}
    changed = {key: new for key, new in {**wanted, **gone}.items() if standing.get(key) != new}
    if changed:
        texts = [json.dumps(record) for _, record in changed.values()]
        revisions = list(range(revision + 1, revision + 1 + len(changed)))
        of_slots = [slot for slot, _ in changed.values()]
        await driver(tx).execute(KEEP_SQL, list(changed), [topic] * len(changed), of_slots, texts, revisions)
    return revision + len(changed)


def _nought(record: Mapping[str, Any]) -> dict[str, Any]:
    """A series of which nothing is left: all that counted in it was taken back."""
    nothing = {"value": 0, "money": []} if "metric" in record else _FIGURES.dump_python(clock([], 0), mode="json")
    return {**record, **nothing}


def _day_slot(day: date, zone: ZoneInfo) -> Slot:
    return f"{day};{zone.key}"
