"""Forecast: what a queue's next day start needs, what lies ready, and what is likely to come before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from router.calendar import Calendar
from schemas.words import Desk

WEEKS = 6
"""How far history is looked back upon: the same span of the week, so many times."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of a queue with a pool. `needs`: the buffer's target at the day start of `day`, which is at `by`."""

    day: date
    by: datetime
    needs: int
    depth: int
    """What lies in the queue already, released and unclaimed."""
    pool: int
    expected: int
    """What is likely to come by then."""

    @property
    def short(self) -> int:
        """How many will be missing."""
        return max(0, self.needs - self.depth - self.pool - self.expected)


def upstream_of(desk: Desk) -> frozenset[Desk]:
    """The desks that fill the pools of this one, and so see what it will need; none: leads come from outside."""
    return frozenset({Desk.INBOUND, Desk.OUTBOUND}) if desk is Desk.CLOSING else frozenset()


def spans(calendar: Calendar, now: datetime, by: datetime, since: datetime | None) -> list[tuple[datetime, datetime]]:
    """From `now` to `by`, on the same weekdays of the weeks before, by the clock there; none from before `since`.

    `since`: when the first lead ever was received; None: there was none.
    """
    weeks = [timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    found = [(_earlier(calendar, now, week), _earlier(calendar, by, week)) for week in weeks]
    return [span for span in found if since is not None and span[0] >= since]


def expected(came: Sequence[int]) -> int:
    """How many are likely to come, by how many came in each of the spans: the mean, halves down; none without history.

    >>> expected([3, 4, 2]), expected([1, 2]), expected([])
    (3, 1, 0)
    """
    if not came:
        return 0
    mean = Fraction(sum(came), len(came))
    return int(mean) + (mean - int(mean) > Fraction(1, 2))


def say(forecast: Forecast, queue: str, calendar: Calendar) -> str:
    """In a sentence, as upstream reads it."""
    at = forecast.by.astimezone(calendar.zone)
    lies = f"{forecast.depth} waiting there, " if forecast.depth else ""
    short = f"{forecast.short} short" if forecast.short else "enough"
    return (
        f"{queue}, {at:%A} at {at:%H:%M} ({calendar.zone.key}): needs {forecast.needs}; "
        f"{lies}the pool has {forecast.pool}, {forecast.expected} expected: {short}"
    )


def _earlier(calendar: Calendar, moment: datetime, by: timedelta) -> datetime:
    local = moment.astimezone(calendar.zone)
    return calendar.at(local.date() - by, local.time())
