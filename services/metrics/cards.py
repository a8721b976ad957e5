"""What SQL does for scorecards: filter, group, sort, by desk and rep. `figures` makes the numbers of it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.events.series import ClockName
from services.metrics.catalogue import DeedKind, FactKind
from services.metrics.question import Dimension, Question
from services.runtime.hot import driver
from services.runtime.tx import ReadTx


def _asked(row: str) -> str:
    """The rows of a table that a question is about: 1 start, 2 end, 3 to 8 the dimensions, 9 desks (null: all)."""
    return f"""{row}.at >= $1 AND {row}.at < $2 AND {_filtered(row)}"""


def _filtered(row: str) -> str:
    return f"""{row}.rep IS NOT NULL AND {row}.desk IS NOT NULL
  AND ($3::text[] IS NULL OR {row}.direction = ANY($3)) AND ($4::text[] IS NULL OR {row}.source = ANY($4))
  AND ($5::text[] IS NULL OR {row}.desk = ANY($5)) AND ($6::text[] IS NULL OR {row}.queue = ANY($6))
  AND ($7::text[] IS NULL OR {row}.segment = ANY($7)) AND ($8::text[] IS NULL OR {row}.rep = ANY($8))
  AND ($9::text[] IS NULL OR {row}.desk = ANY($9))"""


DEEDS_SQL = f"""
SELECT d.desk, d.rep, d.kind, d.word, count(*) AS n, sum(d.share) AS share FROM metrics.deeds AS d
WHERE d.voided_at IS NULL AND d.kind NOT IN ('assigned', 'customer', 'held') AND {_asked("d")}
GROUP BY d.desk, d.rep, d.kind, d.word
"""  # noqa: S608 - the columns are ours, here and below
FACTS_SQL = f"""
SELECT f.desk, f.rep, f.kind, f.currency, count(*) AS n, sum(f.amount) AS amount FROM metrics.facts AS f
WHERE f.voided_at IS NULL AND f.kind IN ('met', 'met_face_to_face', 'expanded') AND {_asked("f")}
GROUP BY f.desk, f.rep, f.kind, f.currency
"""  # noqa: S608
DAYS_SQL = f"""
SELECT d.desk, d.rep, count(DISTINCT (d.at AT TIME ZONE $10)::date) AS days,
  count(DISTINCT date_trunc('week', d.at AT TIME ZONE $10)) AS weeks, array_agg(DISTINCT d.queue) AS queues
FROM metrics.deeds AS d WHERE d.voided_at IS NULL AND d.kind = 'tried' AND {_asked("d")} GROUP BY d.desk, d.rep
"""  # noqa: S608
TAKEN_SQL = f"""
SELECT d.desk, d.rep, count(*) AS taken,
  array_agg(greatest(0, extract(epoch FROM won.at - d.at) * 1000)::bigint) FILTER (WHERE won.at IS NOT NULL) AS cycles
FROM metrics.deeds AS d
LEFT JOIN LATERAL (
  SELECT min(w.at) AS at FROM metrics.facts AS w
  WHERE w.lead_id = d.lead_id AND w.opportunity_id = d.opportunity_id AND w.kind = 'won' AND w.voided_at IS NULL
) AS won ON true
WHERE d.voided_at IS NULL AND d.kind = 'taken' AND {_asked("d")} GROUP BY d.desk, d.rep
"""  # noqa: S608
LOST_SQL = f"""
SELECT d.desk, d.rep, count(DISTINCT d.lead_id) AS n FROM metrics.deeds AS d
WHERE d.voided_at IS NULL AND d.kind = 'returned' AND {_asked("d")} AND EXISTS (
  SELECT FROM metrics.facts AS w
  WHERE w.lead_id = d.lead_id AND w.kind = 'won' AND w.voided_at IS NULL AND w.seq > d.seq AND w.rep <> d.rep
)
GROUP BY d.desk, d.rep
"""  # noqa: S608
WAITS_SQL = f"""
SELECT t.desk, t.rep, array_agg(t.took_ms) FILTER (WHERE t.took_ms IS NOT NULL) AS ended,
  count(*) FILTER (WHERE t.took_ms IS NULL) AS waiting
FROM metrics.timings AS t WHERE t.clock = $10 AND {_asked("t")} GROUP BY t.desk, t.rep
"""  # noqa: S608
# Who held a customer last before the end of the period has it in their figures, if it had not left before the period.
KEPT_SQL = f"""
SELECT d.desk, d.rep, count(*) AS held, count(*) FILTER (WHERE gone.at IS NULL OR gone.at >= $2) AS stayed
FROM (
  SELECT DISTINCT ON (h.customer_id) h.customer_id, h.lead_id, h.direction, h.source, h.desk, h.queue, h.segment, h.rep
  FROM metrics.deeds AS h
  WHERE h.kind = 'held' AND h.voided_at IS NULL AND h.at < $2 ORDER BY h.customer_id, h.at DESC, h.seq DESC
) AS d
LEFT JOIN LATERAL (
  SELECT min(c.at) AS at FROM metrics.facts AS c
  WHERE c.customer_id = d.customer_id AND c.kind = 'churned' AND c.voided_at IS NULL
) AS gone ON true
WHERE (gone.at IS NULL OR gone.at >= $1) AND {_filtered("d")} AND EXISTS (
  SELECT FROM metrics.deeds AS c
  WHERE c.lead_id = d.lead_id AND c.kind = 'customer' AND c.customer_id = d.customer_id AND c.voided_at IS NULL
)
GROUP BY d.desk, d.rep
"""  # noqa: S608
LEADERS_SQL = f"""
SELECT d.actor, d.word, count(*) AS n FROM metrics.deeds AS d
WHERE d.voided_at IS NULL AND d.kind = 'assigned' AND {_asked("d")} GROUP BY d.actor, d.word
"""  # noqa: S608


@dataclass(slots=True)
class Card:
    """What a rep did at a desk in a period. Cards add up to the card of the desk."""

    deeds: Counter[tuple[DeedKind, str | None]] = field(default_factory=Counter)
    shares: float = 0.0
    meetings: int = 0
    enlarged: Counter[str] = field(default_factory=Counter)
    """By currency, in minor units."""
    days: int = 0
    """On which the rep tried to reach anybody, by the zone that was asked for."""
    weeks: int = 0
    queues: set[str] = field(default_factory=set)
    taken: int = 0
    cycles_ms: list[int] = field(default_factory=list)
    """From the first claim of an opportunity to its win."""
    returned_then_won: int = 0
    ended_ms: list[int] = field(default_factory=list)
    """From captured to the first attempt."""
    waiting: int = 0
    held: int = 0
    stayed: int = 0

    def add(self, other: "Card") -> None:
        self.deeds.update(other.deeds)
        self.enlarged.update(other.enlarged)
        self.queues |= other.queues
        self.cycles_ms += other.cycles_ms
        self.ended_ms += other.ended_ms
        self.shares += other.shares
        for name in ("meetings", "days", "weeks", "taken", "returned_then_won", "waiting", "held", "stayed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


Whose = tuple[str, str]
"""A desk and a rep."""


async def cards(tx: ReadTx, question: Question) -> Mapping[Whose, Card]:
    """The cards of all who did something that the question is about."""
    asked = _parameters(question)
    found: dict[Whose, Card] = defaultdict(Card)
    for row in await driver(tx).fetch(DEEDS_SQL, *asked):
        card = found[row["desk"], row["rep"]]
        card.deeds[DeedKind(row["kind"]), row["word"]] += row["n"]
        card.shares += row["share"] or 0.0
    for row in await driver(tx).fetch(FACTS_SQL, *asked):
        card = found[row["desk"], row["rep"]]
        if row["kind"] == FactKind.EXPANDED:
            card.enlarged[row["currency"]] += int(row["amount"])
        else:
            card.meetings += row["n"]
    for row in await driver(tx).fetch(DAYS_SQL, *asked, question.zone.key):
        card = found[row["desk"], row["rep"]]
        card.days, card.weeks, card.queues = row["days"], row["weeks"], set(row["queues"])
    for row in await driver(tx).fetch(TAKEN_SQL, *asked):
        card = found[row["desk"], row["rep"]]
        card.taken, card.cycles_ms = row["taken"], row["cycles"] or []
    for row in await driver(tx).fetch(LOST_SQL, *asked):
        found[row["desk"], row["rep"]].returned_then_won = row["n"]
    for row in await driver(tx).fetch(WAITS_SQL, *asked, ClockName.CAPTURED_ATTEMPT.value):
        card = found[row["desk"], row["rep"]]
        card.ended_ms, card.waiting = row["ended"] or [], row["waiting"]
    for row in await driver(tx).fetch(KEPT_SQL, *asked):
        card = found[row["desk"], row["rep"]]
        card.held, card.stayed = row["held"], row["stayed"]
    return found


async def leaders(tx: ReadTx, question: Question) -> Mapping[str, Counter[str]]:
    """The exceptions that managers made, by their keys, by reason."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in await driver(tx).fetch(LEADERS_SQL, *_parameters(question)):
        found[row["actor"]][row["word"]] += row["n"]
    return found


def _parameters(question: Question) -> list[Any]:
    given: list[Any] = [question.period.start, question.period.end]
    given += [question.filters.get(dimension) for dimension in Dimension]
    return [*given, question.desks]
