"""What SQL does for a question: filter, group, sort. The folds of `series` make the numbers."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.events.series import ClockName
from services.metrics.catalogue import FactKind
from services.metrics.question import Dimension, Question, Raw
from services.metrics.series import Crowd, Tally
from services.runtime.hot import driver
from services.runtime.tx import ReadTx

# What is asked differs so much that one plan for all is the worst for each: PostgreSQL would settle on it by itself.
PLAN_SQL = "SET LOCAL plan_cache_mode = force_custom_plan"
# Each takes: 1 start, 2 end, 3 to 8 what each dimension may be (null: anything), 9 desks (null: all), then for each of
# two groups its name (null: none) and, for time, where its pieces start.
FACTS_SQL = """
SELECT g1, g2, kind, direction, currency, count(*) AS n, sum(amount) AS amount FROM (
  SELECT kind, direction, currency, amount,
    CASE $10::text WHEN 'direction' THEN direction WHEN 'source' THEN source WHEN 'desk' THEN desk
      WHEN 'queue' THEN queue WHEN 'segment' THEN segment WHEN 'rep' THEN rep
      WHEN 'time' THEN width_bucket(at, $11::timestamptz[])::text END AS g1,
    CASE $12::text WHEN 'direction' THEN direction WHEN 'source' THEN source WHEN 'desk' THEN desk
      WHEN 'queue' THEN queue WHEN 'segment' THEN segment WHEN 'rep' THEN rep
      WHEN 'time' THEN width_bucket(at, $13::timestamptz[])::text END AS g2
  FROM metrics.facts AS f
  WHERE voided_at IS NULL AND at >= $1 AND at < $2
    AND ($3::text[] IS NULL OR direction = ANY($3)) AND ($4::text[] IS NULL OR source = ANY($4))
    AND ($5::text[] IS NULL OR desk = ANY($5)) AND ($6::text[] IS NULL OR queue = ANY($6))
    AND ($7::text[] IS NULL OR segment = ANY($7)) AND ($8::text[] IS NULL OR rep = ANY($8))
    AND ($9::text[] IS NULL
      OR EXISTS (SELECT FROM metrics.leads AS l WHERE l.lead_id = f.lead_id AND l.desks && $9))
  OFFSET 0 -- a fence: PostgreSQL takes the pieces of time for as many groups as there are times, and would sort
) AS fact GROUP BY g1, g2, kind, direction, currency
"""
LEADS_SQL = """
SELECT g1, g2, reached, direction, count(*) AS n FROM (
  SELECT reached, direction,
    CASE $10::text WHEN 'direction' THEN direction WHEN 'source' THEN source WHEN 'desk' THEN desk
      WHEN 'queue' THEN queue WHEN 'segment' THEN segment WHEN 'rep' THEN rep
      WHEN 'time' THEN width_bucket(captured_at, $11::timestamptz[])::text END AS g1,
    CASE $12::text WHEN 'direction' THEN direction WHEN 'source' THEN source WHEN 'desk' THEN desk
      WHEN 'queue' THEN queue WHEN 'segment' THEN segment WHEN 'rep' THEN rep
      WHEN 'time' THEN width_bucket(captured_at, $13::timestamptz[])::text END AS g2
  FROM metrics.leads
  WHERE NOT test AND captured_at >= $1 AND captured_at < $2
    AND ($3::text[] IS NULL OR direction = ANY($3)) AND ($4::text[] IS NULL OR source = ANY($4))
    AND ($5::text[] IS NULL OR desk = ANY($5)) AND ($6::text[] IS NULL OR queue = ANY($6))
    AND ($7::text[] IS NULL OR segment = ANY($7)) AND ($8::text[] IS NULL OR rep = ANY($8))
    AND ($9::text[] IS NULL OR desks && $9)
) AS lead GROUP BY g1, g2, reached, direction
"""
LEADS_WORTH_SQL = """
SELECT g1, g2, kind, currency, count(*) AS n, sum(amount) AS amount FROM (
  SELECT f.kind, f.currency, f.amount,
    CASE $10::text WHEN 'direction' THEN l.direction WHEN 'source' THEN l.source WHEN 'desk' THEN l.desk
      WHEN 'queue' THEN l.queue WHEN 'segment' THEN l.segment WHEN 'rep' THEN l.rep
      WHEN 'time' THEN width_bucket(l.captured_at, $11::timestamptz[])::text END AS g1,
    CASE $12::text WHEN 'direction' THEN l.direction WHEN 'source' THEN l.source WHEN 'desk' THEN l.desk
      WHEN 'queue' THEN l.queue WHEN 'segment' THEN l.segment WHEN 'rep' THEN l.rep
      WHEN 'time' THEN width_bucket(l.captured_at, $13::timestamptz[])::text END AS g2
  FROM metrics.facts AS f JOIN metrics.leads AS l USING (lead_id)
  WHERE f.voided_at IS NULL AND f.amount IS NOT NULL
    AND NOT l.test AND l.captured_at >= $1 AND l.captured_at < $2
    AND ($3::text[] IS NULL OR l.direction = ANY($3)) AND ($4::text[] IS NULL OR l.source = ANY($4))
    AND ($5::text[] IS NULL OR l.desk = ANY($5)) AND ($6::text[] IS NULL OR l.queue = ANY($6))
    AND ($7::text[] IS NULL OR l.segment = ANY($7)) AND ($8::text[] IS NULL OR l.rep = ANY($8))
    AND ($9::text[] IS NULL OR l.desks && $9)
) AS worth GROUP BY g1, g2, kind, currency
"""
# Beside these: 14, the moment at which what is still unanswered is judged.
TIMINGS_SQL = """
SELECT g1, g2, clock, array_agg(took_ms ORDER BY took_ms) FILTER (WHERE took_ms IS NOT NULL) AS ended,
  count(*) FILTER (WHERE took_ms IS NULL) AS waiting,
  count(*) FILTER (WHERE took_ms <= allowed_ms) AS met, count(*) FILTER (WHERE took_ms > allowed_ms) AS breached,
  count(*) FILTER (WHERE took_ms IS NULL AND due_at < $14) AS open_breached
FROM (
  SELECT clock, took_ms, due_at, extract(epoch FROM due_at - at) * 1000 AS allowed_ms,
    CASE $10::text WHEN 'direction' THEN direction WHEN 'source' THEN source WHEN 'desk' THEN desk
      WHEN 'queue' THEN queue WHEN 'segment' THEN segment WHEN 'rep' THEN rep
      WHEN 'time' THEN width_bucket(at, $11::timestamptz[])::text END AS g1,
    CASE $12::text WHEN 'direction' THEN direction WHEN 'source' THEN source WHEN 'desk' THEN desk
      WHEN 'queue' THEN queue WHEN 'segment' THEN segment WHEN 'rep' THEN rep
      WHEN 'time' THEN width_bucket(at, $13::timestamptz[])::text END AS g2
  FROM metrics.timings AS t
  WHERE at >= $1 AND at < $2
    AND ($3::text[] IS NULL OR direction = ANY($3)) AND ($4::text[] IS NULL OR source = ANY($4))
    AND ($5::text[] IS NULL OR desk = ANY($5)) AND ($6::text[] IS NULL OR queue = ANY($6))
    AND ($7::text[] IS NULL OR segment = ANY($7)) AND ($8::text[] IS NULL OR rep = ANY($8))
    AND ($9::text[] IS NULL
      OR EXISTS (SELECT FROM metrics.leads AS l WHERE l.lead_id = t.lead_id AND l.desks && $9))
) AS timing GROUP BY g1, g2, clock
"""
# Jumps from one to the next in the index, however many leads each has.
SOURCES_SQL = """
WITH RECURSIVE found AS (
  SELECT min(source) AS source FROM metrics.leads WHERE NOT test
  UNION ALL
  SELECT (SELECT min(l.source) FROM metrics.leads AS l WHERE NOT l.test AND l.source > found.source) FROM found
  WHERE found.source IS NOT NULL
)
SELECT source FROM found WHERE source IS NOT NULL ORDER BY source
"""


@dataclass(frozen=True, slots=True)
class Waits:
    """The waits of one clock: how long those were that ended, ascending; how many run; how many kept their due time."""

    ended_ms: list[int]
    waiting: int
    met: int
    breached: int
    open_breached: int


async def facts(tx: ReadTx, question: Question) -> Mapping[Raw, list[Tally]]:
    """By event: the facts of the period, by group."""
    found: dict[Raw, list[Tally]] = defaultdict(list)
    for row in await _grouped(tx, FACTS_SQL, question):
        tally = Tally(FactKind(row["kind"]), row["direction"], row["n"], row["currency"], int(row["amount"] or 0))
        found[row["g1"], row["g2"]].append(tally)
    return found


async def leads(tx: ReadTx, question: Question) -> Mapping[Raw, list[Crowd]]:
    """By cohort: the leads captured in the period, by group."""
    found: dict[Raw, list[Crowd]] = defaultdict(list)
    for row in await _grouped(tx, LEADS_SQL, question):
        found[row["g1"], row["g2"]].append(Crowd(row["reached"], row["direction"], row["n"]))
    return found


async def worth_of_leads(tx: ReadTx, question: Question) -> Mapping[Raw, list[Tally]]:
    """By cohort: what the leads captured in the period were worth, by group."""
    found: dict[Raw, list[Tally]] = defaultdict(list)
    for row in await _grouped(tx, LEADS_WORTH_SQL, question):
        tally = Tally(FactKind(row["kind"]), None, row["n"], row["currency"], int(row["amount"]))
        found[row["g1"], row["g2"]].append(tally)
    return found


async def timings(tx: ReadTx, question: Question, as_of: datetime) -> Mapping[Raw, Mapping[ClockName, Waits]]:
    """The clocks that were started in the period, by group."""
    found: dict[Raw, dict[ClockName, Waits]] = defaultdict(dict)
    for row in await _grouped(tx, TIMINGS_SQL, question, as_of):
        waits = Waits(row["ended"] or [], row["waiting"], row["met"], row["breached"], row["open_breached"])
        found[row["g1"], row["g2"]][ClockName(row["clock"])] = waits
    return found


async def sources(tx: ReadTx) -> list[str]:
    """All sources that leads came from, by the alphabet."""
    return [row["source"] for row in await driver(tx).fetch(SOURCES_SQL)]


async def _grouped(tx: ReadTx, statement: str, question: Question, *more: datetime) -> list[Any]:
    await driver(tx).execute(PLAN_SQL)
    return await driver(tx).fetch(statement, *_parameters(question), *more)


def _parameters(question: Question) -> list[Any]:
    given: list[Any] = [question.period.start, question.period.end]
    given += [question.filters.get(dimension) for dimension in Dimension]
    given.append(question.desks)
    for nth in range(2):
        group = question.groups[nth] if nth < len(question.groups) else None
        pieces = question.cuts[nth] if nth < len(question.cuts) else None
        given += ["time", list(pieces.starts)] if pieces else [group, None]
    return given
