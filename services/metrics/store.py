"""What the consumer writes: leads as folded, facts, timings, queues as measured, and what is stale by it."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from schemas.events.series import ClockName
from schemas.events.signals import QueueMeasured
from schemas.words import LeadId
from services.metrics.catalogue import DeedKind, FactKind
from services.metrics.deeds import Deed
from services.metrics.fact import Fact
from services.metrics.known import Dims, Known
from services.metrics.periods import quarter
from services.metrics.timings import Timing
from services.runtime.hot import driver
from services.runtime.tx import ReadTx, Tx

FUNNEL, SPEED, QUEUES = "metrics.funnel.v1", "metrics.speed-to-lead.v1", "metrics.queues.v1"
"""The topics of the three families of series."""
DeedKey = tuple[LeadId, int, DeedKind]
FactKey = tuple[LeadId, int, FactKind]
TimingKey = tuple[LeadId, int, ClockName]

_KNOWN = TypeAdapter(Known)

MEET_SQL = "INSERT INTO metrics.leads (lead_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
LOCK_SQL = """
SELECT lead_id, known::text FROM metrics.leads WHERE lead_id = ANY($1::text[]) ORDER BY lead_id FOR UPDATE
"""
ROOTS_SQL = "SELECT DISTINCT merged_into FROM metrics.leads WHERE lead_id = ANY($1::text[]) AND merged_into IS NOT NULL"
RESUBMISSIONS_SQL = "SELECT known::text FROM metrics.leads WHERE merged_into = ANY($1::text[])"
LEADS_SQL = """
UPDATE metrics.leads AS l SET known = new.known, captured_at = new.captured_at, test = new.test,
  direction = new.direction, source = new.source, queue = new.queue, desk = new.desk, segment = new.segment,
  rep = new.rep, desks = new.desks, merged_into = new.merged_into, reached = new.reached
FROM jsonb_to_recordset($1::jsonb) AS new (
  lead_id text, known jsonb, captured_at timestamptz, test bool, direction text, source text, queue text, desk text,
  segment text, rep text, desks text[], merged_into text, reached int)
WHERE l.lead_id = new.lead_id
"""
# A fact told again has other dimensions at most: its time and worth never change.
FACTS_SQL = """
INSERT INTO metrics.facts AS f
  (lead_id, seq, kind, at, direction, source, queue, desk, segment, rep, amount, currency, opportunity_id, customer_id,
   actor, voided_at)
SELECT * FROM jsonb_to_recordset($1::jsonb) AS new (
  lead_id text, seq int, kind text, at timestamptz, direction text, source text, queue text, desk text, segment text,
  rep text, amount bigint, currency text, opportunity_id text, customer_id text, actor text, voided_at timestamptz)
ON CONFLICT (lead_id, seq, kind) DO UPDATE SET direction = excluded.direction, source = excluded.source,
  queue = excluded.queue, desk = excluded.desk, segment = excluded.segment, rep = excluded.rep,
  voided_at = excluded.voided_at
"""
VOID_SQL = """
UPDATE metrics.facts AS f SET voided_at = old.voided_at
FROM unnest($1::text[], $2::int[], $3::text[], $4::timestamptz[]) AS old (lead_id, seq, kind, voided_at)
WHERE f.lead_id = old.lead_id AND f.seq = old.seq AND f.kind = old.kind AND f.voided_at IS NULL
RETURNING f.at
"""
DEEDS_SQL = """
INSERT INTO metrics.deeds (lead_id, seq, kind, at, direction, source, queue, desk, segment, rep, word, share, amount,
  currency, opportunity_id, customer_id, actor, voided_at)
SELECT * FROM jsonb_to_recordset($1::jsonb) AS new (
  lead_id text, seq int, kind text, at timestamptz, direction text, source text, queue text, desk text, segment text,
  rep text, word text, share float8, amount bigint, currency text, opportunity_id text, customer_id text, actor text,
  voided_at timestamptz)
ON CONFLICT (lead_id, seq, kind) DO UPDATE SET at = excluded.at, amount = excluded.amount, currency = excluded.currency
"""
VOID_DEEDS_SQL = """
UPDATE metrics.deeds AS d SET voided_at = old.voided_at
FROM unnest($1::text[], $2::int[], $3::text[], $4::timestamptz[]) AS old (lead_id, seq, kind, voided_at)
WHERE d.lead_id = old.lead_id AND d.seq = old.seq AND d.kind = old.kind AND d.voided_at IS NULL
"""
TIMINGS_SQL = """
INSERT INTO metrics.timings AS t
  (lead_id, seq, clock, at, took_ms, due_at, direction, source, queue, desk, segment, rep)
SELECT * FROM jsonb_to_recordset($1::jsonb) AS new (
  lead_id text, seq int, clock text, at timestamptz, took_ms bigint, due_at timestamptz, direction text, source text,
  queue text, desk text, segment text, rep text)
ON CONFLICT (lead_id, seq, clock) DO UPDATE SET at = excluded.at, took_ms = excluded.took_ms,
  due_at = excluded.due_at, direction = excluded.direction, source = excluded.source, queue = excluded.queue,
  desk = excluded.desk, segment = excluded.segment, rep = excluded.rep
"""
STOP_TIMING_SQL = """
DELETE FROM metrics.timings AS t USING unnest($1::text[], $2::int[], $3::text[]) AS old (lead_id, seq, clock)
WHERE t.lead_id = old.lead_id AND t.seq = old.seq AND t.clock = old.clock
"""
QUEUES_SQL = """
INSERT INTO metrics.queues AS q (queue, measured_at, measures)
SELECT * FROM jsonb_to_recordset($1::jsonb) AS new (queue text, measured_at timestamptz, measures jsonb)
ORDER BY queue
ON CONFLICT (queue) DO UPDATE SET measured_at = excluded.measured_at, measures = excluded.measures
WHERE q.measured_at <= excluded.measured_at
"""
MEASURED_SQL = "SELECT measures::text FROM metrics.queues"
STALE_SQL = "INSERT INTO metrics.stale (topic, quarter) SELECT $1, unnest($2::timestamptz[])"
STALE_QUEUES_SQL = "INSERT INTO metrics.stale (topic, queue) SELECT $1, unnest($2::text[])"


async def lock(tx: Tx, leads: Collection[LeadId]) -> dict[LeadId, Known]:
    """What is known of these leads, locked in their order; of one never told of: nothing."""
    ordered = sorted(leads)
    await driver(tx).execute(MEET_SQL, ordered)
    rows = await driver(tx).fetch(LOCK_SQL, ordered)
    return {row["lead_id"]: _known(row["known"]) or Known(row["lead_id"]) for row in rows}


async def merged_into(tx: ReadTx, leads: Collection[LeadId]) -> set[LeadId]:
    """What these leads are merged into, as far as they are."""
    return {row["merged_into"] for row in await driver(tx).fetch(ROOTS_SQL, sorted(leads))}


async def resubmissions(tx: ReadTx, roots: Collection[LeadId]) -> Mapping[LeadId, Sequence[Known]]:
    """The leads that were merged into these, by what they were merged into."""
    found: dict[LeadId, list[Known]] = {}
    for row in await driver(tx).fetch(RESUBMISSIONS_SQL, list(roots)):
        known = _KNOWN.validate_json(row["known"])
        assert known.merged_into is not None, "asked for by this"
        found.setdefault(known.merged_into, []).append(known)
    return found


async def keep_leads(tx: Tx, leads: Iterable[Known]) -> None:
    """Write leads that `lock` has given."""
    rows = [
        {
            "lead_id": known.lead,
            "known": _KNOWN.dump_python(known, mode="json"),
            "captured_at": _text(known.captured_at),
            "test": known.test,
            **_dims(known.first),
            "desks": sorted(known.desks),
            "merged_into": known.merged_into,
            "reached": known.mask,
        }
        for known in leads
    ]
    await driver(tx).execute(LEADS_SQL, json.dumps(rows))


async def keep_facts(
    tx: Tx, facts: Iterable[tuple[Fact, datetime | None]], voids: Mapping[FactKey, datetime]
) -> set[datetime]:
    """Write facts, each with the time at which it was taken back, if it was, and take back earlier ones.

    Returns the quarters of an hour in which the counts are now other ones.
    """
    rows, quarters = [], set()
    for fact, voided_at in facts:
        quarters.add(quarter(fact.at))
        worth = fact.value
        rows.append(
            {
                "lead_id": fact.lead,
                "seq": fact.seq,
                "kind": fact.kind,
                "at": _text(fact.at),
                **_dims(fact.dims),
                "amount": worth.amount if worth else None,
                "currency": worth.currency if worth else None,
                "opportunity_id": fact.opportunity,
                "customer_id": fact.customer,
                "actor": fact.actor,
                "voided_at": _text(voided_at),
            }
        )
    if rows:
        await driver(tx).execute(FACTS_SQL, json.dumps(rows))
    if voids:
        leads, seqs, kinds = zip(*voids, strict=True)
        gone = await driver(tx).fetch(VOID_SQL, leads, seqs, kinds, list(voids.values()))
        quarters.update(quarter(row["at"]) for row in gone)
    return quarters


async def keep_deeds(tx: Tx, deeds: Iterable[tuple[Deed, datetime | None]], voids: Mapping[DeedKey, datetime]) -> None:
    """Write deeds, each with the time at which it was taken back, if it was, and take back earlier ones."""
    rows = [
        {
            "lead_id": deed.lead,
            "seq": deed.seq,
            "kind": deed.kind,
            "at": _text(deed.at),
            **_dims(deed.dims),
            "word": deed.word,
            "share": deed.share,
            "amount": deed.value.amount if deed.value else None,
            "currency": deed.value.currency if deed.value else None,
            "opportunity_id": deed.opportunity,
            "customer_id": deed.customer,
            "actor": deed.actor,
            "voided_at": _text(voided_at),
        }
        for deed, voided_at in deeds
    ]
    if rows:
        await driver(tx).execute(DEEDS_SQL, json.dumps(rows))
    if voids:
        leads, seqs, kinds = zip(*voids, strict=True)
        await driver(tx).execute(VOID_DEEDS_SQL, leads, seqs, kinds, list(voids.values()))


async def keep_timings(tx: Tx, started: Iterable[Timing], stopped: Iterable[TimingKey]) -> None:
    """Write clocks as they now stand, and forget those that are none any more."""
    rows = [
        {
            "lead_id": timing.lead,
            "seq": timing.seq,
            "clock": timing.clock,
            "at": _text(timing.at),
            "took_ms": timing.took_ms,
            "due_at": _text(timing.due_at),
            **_dims(timing.dims),
        }
        for timing in started
    ]
    if rows:
        await driver(tx).execute(TIMINGS_SQL, json.dumps(rows))
    if keys := list(stopped):
        leads, seqs, clocks = zip(*keys, strict=True)
        await driver(tx).execute(STOP_TIMING_SQL, leads, seqs, clocks)


async def keep_queues(tx: Tx, measured: Iterable[QueueMeasured]) -> None:
    """Write each queue's latest measures. One that is older than what stands changes nothing."""
    latest: dict[str, QueueMeasured] = {}
    for one in measured:
        if one.queue not in latest or latest[one.queue].measured_at <= one.measured_at:
            latest[one.queue] = one
    rows = [
        {"queue": queue, "measured_at": _text(one.measured_at), "measures": one.model_dump(mode="json")}
        for queue, one in latest.items()
    ]
    await driver(tx).execute(QUEUES_SQL, json.dumps(rows))
    await driver(tx).execute(STALE_QUEUES_SQL, QUEUES, list(latest))


async def measured(tx: ReadTx) -> dict[str, QueueMeasured]:
    """The latest measures of each queue."""
    rows = await driver(tx).fetch(MEASURED_SQL)
    return {one.queue: one for one in (QueueMeasured.model_validate_json(row["measures"]) for row in rows)}


async def mark_stale(tx: Tx, topic: str, quarters: Collection[datetime]) -> None:
    """Note that the series of these quarters of an hour must be recomputed."""
    if quarters:
        await driver(tx).execute(STALE_SQL, topic, sorted(quarters))


def _known(text: str | None) -> Known | None:
    return None if text is None else _KNOWN.validate_json(text)


def _dims(dims: Dims) -> dict[str, Any]:
    return {
        "direction": dims.direction,
        "source": dims.source,
        "queue": dims.queue,
        "desk": dims.desk,
        "segment": dims.segment,
        "rep": dims.rep,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
