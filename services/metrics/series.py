"""The definition of each number: folds over what happened. SQL only groups and sorts for them.

A fact, or a lead, is a tally of one: folding the tallies of any grouping gives what folding each alone gives.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import permutations

from schemas.events.series import Bands, ClockName, Metric
from schemas.events.stamp import text_of
from schemas.words import Money
from services.metrics.catalogue import COUNT_OF, COUNTS, STEPS, FactKind

RULE_OF = 20
"""Under so many there is no rate."""
_BANDS_MS = (60_000, 300_000, 900_000, 3_600_000)


@dataclass(frozen=True, slots=True)
class Tally:
    """So many facts of a kind and direction, and what they were worth together."""

    kind: FactKind
    direction: str | None
    n: int = 1
    currency: str | None = None
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many leads of a direction that have reached the same (`catalogue.BIT`)."""

    mask: int
    direction: str | None
    n: int = 1


@dataclass(frozen=True, slots=True)
class Conversion:
    """Of `have_from` leads that came to a step, `have_both` came to the other as well."""

    source: Metric
    target: Metric
    have_from: int
    have_both: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class ClockFigures:
    """How long so many waits were. A percentile of None falls on one that still runs: not yet."""

    n: int
    waiting: int
    p50_ms: int | None
    p90_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    bands: Bands


def count(tallies: Iterable[Tally]) -> Mapping[Metric, int]:
    """The funnel by event: each fact counts."""
    found: Counter[Metric] = Counter()
    for tally in tallies:
        for one in COUNTS:
            if tally.kind in one.of and one.direction in (None, tally.direction):
                found[one.metric] += tally.n
    return found


def count_leads(crowds: Iterable[Crowd]) -> Mapping[Metric, int]:
    """The funnel by cohort: each lead counts once for each step that it has reached."""
    found: Counter[Metric] = Counter()
    for crowd in crowds:
        for one in COUNTS:
            if crowd.mask & one.mask and one.direction in (None, crowd.direction):
                found[one.metric] += crowd.n
    return found


def conversions(crowds: Sequence[Crowd], *, small: bool) -> list[Conversion]:
    """Between each ordered pair of steps. `small`: with a rate even where fewer than 20 came to the first."""
    found = []
    for source, target in permutations(STEPS, 2):
        came = [crowd for crowd in crowds if crowd.mask & COUNT_OF[source].mask]
        have_from = sum(crowd.n for crowd in came)
        have_both = sum(crowd.n for crowd in came if crowd.mask & COUNT_OF[target].mask)
        told = have_from >= (1 if small else RULE_OF)
        found.append(Conversion(source, target, have_from, have_both, have_both / have_from if told else None))
    return found


def worth(tallies: Iterable[Tally], kind: FactKind) -> tuple[Money, ...]:
    """What facts of a kind were worth: one sum for each currency, by its code."""
    sums: Counter[str] = Counter()
    for tally in tallies:
        if tally.kind == kind and tally.currency is not None:
            sums[tally.currency] += tally.amount
    return tuple(Money(amount=amount, currency=currency) for currency, amount in sorted(sums.items()))


def clock(ended_ms: Sequence[int], waiting: int) -> ClockFigures:
    """Fold waits: those that have ended, ascending, and how many still run.

    Percentiles are by nearest rank, value number ⌈p·n⌉, over all of them, those that run being longer than any.

    >>> clock([1000, 90_000], waiting=1).p50_ms, clock([1000, 90_000], waiting=1).p90_ms
    (90000, None)
    """
    n = len(ended_ms) + waiting
    ranks = (-(-percent * n // 100) for percent in (50, 90, 95, 99))
    p50, p90, p95, p99 = (ended_ms[rank - 1] if 0 < rank <= len(ended_ms) else None for rank in ranks)
    le_1m, le_5m, le_15m, le_60m = (bisect_right(ended_ms, limit) for limit in _BANDS_MS)
    bands = Bands(
        le_1m=le_1m,
        le_5m=le_5m - le_1m,
        le_15m=le_15m - le_5m,
        le_60m=le_60m - le_15m,
        gt_60m=len(ended_ms) - le_60m,
        waiting=waiting,
    )
    return ClockFigures(n, waiting, p50, p90, p95, p99, bands)


def cell_key(metric: Metric, start: datetime, dimensions: Mapping[str, str]) -> str:
    """The key of a funnel cell: its parts in the order of the contract, unset ones left out."""
    return ";".join([f"metric={metric}", f"start={text_of(start)}", *(f"{k}={v}" for k, v in dimensions.items())])


def clock_key(name: ClockName, day: date, zone: str, dimensions: Mapping[str, str]) -> str:
    """The key of a clock's record."""
    return ";".join([f"clock={name}", f"day={day}", f"tz={zone}", *(f"{k}={v}" for k, v in dimensions.items())])
