"""The books: what was accepted, counted from the intake log, against what every state holds (law 7)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas.words import LeadState, SourceName


@dataclass(frozen=True, slots=True)
class Hour:
    """A source's hour (UTC, its beginning), by when leads were captured."""

    source: SourceName
    at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """What became of an hour's leads. `accepted` is what the intake log holds; the others, what we hold."""

    hour: Hour
    accepted: int
    states: Mapping[LeadState, int]
    dead_lettered: int

    @property
    def residual(self) -> int:
        """Leads that are lost (or, below 0, that nobody sent): it is 0."""
        return self.accepted - sum(self.states.values()) - self.dead_lettered


def hour_of(source: SourceName, at: datetime) -> Hour:
    """The hour in which a lead counts."""
    return Hour(source, at.replace(minute=0, second=0, microsecond=0))


def rows(
    accepted: Mapping[Hour, int], held: Iterable[tuple[Hour, LeadState]], dead_lettered: Mapping[Hour, int]
) -> list[Row]:
    """Draw the books up, by source and hour.

    >>> at = Hour("web", datetime(2026, 7, 6, 9))
    >>> [row.residual for row in rows({at: 2}, [(at, LeadState.QUEUED)], {})]
    [1]
    """
    states: dict[Hour, Counter[LeadState]] = {}
    for hour, state in held:
        states.setdefault(hour, Counter())[state] += 1
    hours = accepted.keys() | states.keys() | dead_lettered.keys()
    return [
        Row(hour, accepted.get(hour, 0), states.get(hour, {}), dead_lettered.get(hour, 0))
        for hour in sorted(hours, key=lambda hour: (hour.source, hour.at))
    ]
