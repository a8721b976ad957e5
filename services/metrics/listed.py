"""Lists: the customers that were won, and the facts behind a number. Newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from schemas.api.scorecards import CustomerLineOut, FactMetric, FactOut
from schemas.events.series import Metric
from schemas.words import Money
from services.metrics.catalogue import COUNT_OF, DeedKind
from services.metrics.question import Dimension, Question
from services.runtime.hot import driver
from services.runtime.tx import ReadTx

DAYS_A_YEAR = 365.2425
_ENLARGED = TypeAdapter(tuple[Money, ...])
_DEEDS = {
    FactMetric.PULLS: (DeedKind.PULLED,),
    FactMetric.RETURNS: (DeedKind.RETURNED,),
    FactMetric.EXCEPTIONS: (DeedKind.EXCEPTED,),
    FactMetric.ASSIGNMENTS: (DeedKind.ASSIGNED,),
    FactMetric.PROMISES_KEPT: (DeedKind.PROMISE_KEPT,),
    FactMetric.PROMISES_BROKEN: (DeedKind.PROMISE_BROKEN,),
    FactMetric.CREDITED_WON: (DeedKind.CREDITED, DeedKind.CO_CREDITED),
}

# Each takes: 1 start, 2 end, 3 to 8 what each dimension may be (null: anything), 9 desks (null: all).
_ASKED = """f.at >= $1 AND f.at < $2
  AND ($3::text[] IS NULL OR f.direction = ANY($3)) AND ($4::text[] IS NULL OR f.source = ANY($4))
  AND ($5::text[] IS NULL OR f.desk = ANY($5)) AND ($6::text[] IS NULL OR f.queue = ANY($6))
  AND ($7::text[] IS NULL OR f.segment = ANY($7)) AND ($8::text[] IS NULL OR f.rep = ANY($8))
  AND ($9::text[] IS NULL OR EXISTS (SELECT FROM metrics.leads AS l WHERE l.lead_id = f.lead_id AND l.desks && $9))"""
# Beside these: 10 kinds, 11 direction (null: any), 12 to 15 after which (null: from the newest), 16 how many.
_PAGE = f"""{_ASKED} AND f.kind = ANY($10::text[]) AND ($11::text IS NULL OR f.direction = $11)
  AND ($12::timestamptz IS NULL OR (f.at, f.lead_id, f.seq, f.kind) < ($12, $13::text, $14::int, $15::text))
ORDER BY f.at DESC, f.lead_id DESC, f.seq DESC, f.kind DESC LIMIT $16"""
FACTS_PAGE_SQL = f"""
SELECT f.lead_id, f.seq, f.kind, f.at, f.opportunity_id, f.customer_id, f.rep, f.actor, f.queue, f.source, f.amount,
  f.currency, NULL::text AS word, NULL::float8 AS share, f.voided_at
FROM metrics.facts AS f WHERE {_PAGE}
"""  # noqa: S608 - the columns are ours, here and below
DEEDS_PAGE_SQL = f"""
SELECT f.lead_id, f.seq, f.kind, f.at, f.opportunity_id, f.customer_id, f.rep, f.actor, f.queue, f.source, f.amount,
  f.currency, f.word, f.share, f.voided_at
FROM metrics.deeds AS f WHERE {_PAGE}
"""  # noqa: S608
_CUSTOMERS = f"""
SELECT f.lead_id, f.customer_id, f.at AS since, f.amount, f.currency,
  (SELECT min(gone.at) FROM metrics.facts AS gone
   WHERE gone.customer_id = f.customer_id AND gone.kind = 'churned' AND gone.voided_at IS NULL) AS churned_at
FROM metrics.deeds AS f WHERE f.kind = 'customer' AND f.voided_at IS NULL AND {_ASKED}
"""  # noqa: S608
# Beside these: 10 as of when.
CUSTOMERS_SQL = f"""
SELECT count(*) AS n, count(*) FILTER (WHERE churned_at IS NULL OR churned_at > $10) AS staying,
  avg(extract(epoch FROM greatest(since, least(churned_at, $10)) - since)) AS seconds
FROM ({_CUSTOMERS}) AS won
"""  # noqa: S608
# Beside these: 10 and 11 after which (null: from the newest), 12 how many.
CUSTOMERS_PAGE_SQL = f"""
SELECT won.lead_id, won.customer_id, won.since, won.amount, won.currency, won.churned_at, (
  SELECT coalesce(jsonb_agg(jsonb_build_object('amount', amount, 'currency', currency) ORDER BY currency), '[]')
  FROM (
    SELECT e.currency, sum(e.amount) AS amount FROM metrics.facts AS e
    WHERE e.customer_id = won.customer_id AND e.kind = 'expanded' AND e.voided_at IS NULL GROUP BY e.currency
  ) AS enlarged
)::text AS enlarged
FROM ({_CUSTOMERS}) AS won
WHERE $10::timestamptz IS NULL OR (won.since, won.customer_id) < ($10, $11::text)
ORDER BY won.since DESC, won.customer_id DESC LIMIT $12
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Listed:
    """A fact, and its place in the order."""

    fact: FactOut
    place: tuple[datetime, str, int, str]


@dataclass(frozen=True, slots=True)
class Stay:
    """How many customers there are, how many of them stay, and for how many months they stayed on average."""

    n: int
    staying: int
    months_mean: float | None


async def facts(
    tx: ReadTx, question: Question, metric: FactMetric, *, after: Sequence[str] | None, limit: int
) -> list[Listed]:
    """At most so many facts behind a number, those taken back too, past the one that `after` names."""
    count = None if metric in _DEEDS else COUNT_OF[Metric(metric)]
    kinds = _DEEDS[metric] if count is None else tuple(sorted(count.of))
    past = (None,) * 4 if after is None else (datetime.fromisoformat(after[0]), after[1], int(after[2]), after[3])
    statement = DEEDS_PAGE_SQL if count is None else FACTS_PAGE_SQL
    direction = count.direction if count else None
    rows = await driver(tx).fetch(statement, *_parameters(question), list(kinds), direction, *past, limit)
    return [_listed(row, metric) for row in rows]


async def stay(tx: ReadTx, question: Question, as_of: datetime) -> Stay:
    """Of all customers won in the period. Who still stays counts up to `as_of`."""
    row = await driver(tx).fetchrow(CUSTOMERS_SQL, *_parameters(question), as_of)
    assert row is not None, "an aggregate has a row"
    mean = None if row["seconds"] is None else _months(float(row["seconds"]))
    return Stay(row["n"], row["staying"], mean)


async def customers(
    tx: ReadTx, question: Question, as_of: datetime, *, after: Sequence[str] | None, limit: int
) -> list[CustomerLineOut]:
    """At most so many customers won in the period, past the one that `after` names."""
    past = (None, None) if after is None else (datetime.fromisoformat(after[0]), after[1])
    rows = await driver(tx).fetch(CUSTOMERS_PAGE_SQL, *_parameters(question), *past, limit)
    return [_customer(row, as_of) for row in rows]


def _listed(row: Any, metric: FactMetric) -> Listed:
    return Listed(
        FactOut(
            id=f"{row['lead_id']}.{row['seq']}.{row['kind']}",
            metric=metric,
            at=row["at"],
            lead_id=row["lead_id"],
            opportunity_id=row["opportunity_id"],
            customer_id=row["customer_id"],
            rep_id=row["rep"],
            actor=row["actor"],
            queue=row["queue"],
            source=row["source"],
            value=_money(row),
            word=row["word"],
            share=row["share"],
            restated_at=row["voided_at"],
        ),
        (row["at"], row["lead_id"], row["seq"], row["kind"]),
    )


def _customer(row: Any, as_of: datetime) -> CustomerLineOut:
    churned_at = row["churned_at"] if row["churned_at"] and row["churned_at"] <= as_of else None
    seconds = max(0.0, ((churned_at or as_of) - row["since"]).total_seconds())
    return CustomerLineOut(
        customer_id=row["customer_id"],
        since=row["since"],
        churned_at=churned_at,
        months=_months(seconds),
        years=round(seconds / 86400 / DAYS_A_YEAR, 1),
        value=_money(row),
        enlarged=_ENLARGED.validate_json(row["enlarged"]),
    )


def _months(seconds: float) -> float:
    """A mean month is a twelfth of a Gregorian year."""
    return round(seconds / 86400 / DAYS_A_YEAR * 12, 1)


def _money(row: Any) -> Money | None:
    return None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"])


def _parameters(question: Question) -> list[Any]:
    given: list[Any] = [question.period.start, question.period.end]
    given += [question.filters.get(dimension) for dimension in Dimension]
    return [*given, question.desks]
