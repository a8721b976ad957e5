"""Business time: open hours by local wall clock, right across daylight saving, holidays and midnight.

A moment is open when its local wall time lies in the hours of its local day, and that day is no holiday. Moments are
aware UTC; a result is too. `source: IANA zones; holidays by region from the library holidays`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

import holidays

DAY = timedelta(days=1)
_NAIVE_MIDNIGHT = time()
_LATEST = date(9990, 1, 1)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """So many open days of a calendar."""

    days: int


Duration: TypeAlias = timedelta | WorkingDays
"""Elapsed time; or working days, of the queue's calendar."""

Hours: TypeAlias = tuple[tuple[int, int], ...]
"""Spans of a local day in minutes from midnight, half open, ascending, apart: `((540, 1050),)` is 09:00-17:30."""


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """Hours for each weekday (Monday first) in a zone, less the holidays of a region (`GB-ENG`)."""

    name: str
    zone: ZoneInfo
    week: tuple[Hours, ...]
    region: str | None = None

    def spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """When a local day is open: ascending, half open, in UTC. Empty on a holiday."""
        return _spans(self, day)

    def local_day(self, moment: datetime) -> date:
        """The date there."""
        return moment.astimezone(self.zone).date()

    def open_time(self, day: date) -> timedelta:
        """How long a local day is open, really: 23 or 25 hours for a whole one that the clocks change in."""
        return sum((end - start for start, end in self.spans(day)), timedelta())

    def next_open_day(self, day: date) -> date:
        """The first open day after this one."""
        following = day + DAY
        while not self.spans(following):
            following += DAY
        return following

    def due(self, start: datetime, within: Duration) -> datetime:
        """The end of a promise in business time: the first moment by which it has been open for `within`."""
        if isinstance(within, WorkingDays):
            return self.after(start, within)
        left = within
        for opening, closing in self._from(start):
            begin = max(opening, start)
            if begin >= closing:
                continue
            if closing - begin >= left:
                return begin + left
            left -= closing - begin
        raise OverflowError("no calendar reaches so far")

    def after(self, start: datetime, by: Duration) -> datetime:
        """`start` plus elapsed time; or the same wall time on the n-th following open day, clamped to its hours.

        Between two spans of that day, it is the opening of the second.
        """
        if isinstance(by, timedelta):
            return start + by
        day = self.local_day(start)
        for _ in range(by.days):
            day = self.next_open_day(day)
        wall = start.astimezone(self.zone).time()
        same = self.at(day, wall)
        spans = self.spans(day)
        return next((max(same, opening) for opening, closing in spans if same <= closing), spans[-1][1])

    def at(self, day: date, wall: time) -> datetime:
        """The moment of a wall time on a local day: the first where it comes twice, an hour on where it is skipped."""
        return datetime.combine(day, wall.replace(fold=0), self.zone).astimezone(UTC)

    def started_day(self, moment: datetime, at: time) -> date:
        """The latest local day whose `at` has come, so that each day starts once, whatever the clocks do."""
        day = self.local_day(moment) + DAY
        while self.at(day, at) > moment:
            day -= DAY
        return day

    def _from(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = self.local_day(moment)
        while day < _LATEST:
            yield from self.spans(day)
            day += DAY


@lru_cache(maxsize=8192)
def _spans(calendar: Calendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
    hours = calendar.week[day.weekday()]
    if not hours or (calendar.region and day in holidays_of(calendar.region, day.year)):
        return ()
    pieces: list[tuple[datetime, datetime]] = []
    for begin, end, offset in _offsets(calendar.zone, day):
        midnight = datetime.combine(day, _NAIVE_MIDNIGHT, UTC) - offset
        for opening, closing in hours:
            start = max(begin, midnight + timedelta(minutes=opening))
            stop = min(end, midnight + timedelta(minutes=closing))
            if start >= stop:
                continue
            if pieces and pieces[-1][1] == start:
                pieces[-1] = (pieces[-1][0], stop)
            else:
                pieces.append((start, stop))
    return tuple(pieces)


def _offsets(zone: ZoneInfo, day: date) -> list[tuple[datetime, datetime, timedelta]]:
    """The stretches of constant offset around a local day, in UTC: one, or two where the clocks change."""
    begin = datetime.combine(day - DAY, _NAIVE_MIDNIGHT, UTC)
    end = begin + 3 * DAY
    before, later = _offset(zone, begin), _offset(zone, end)
    if before == later:
        return [(begin, end, before)]
    low, high = 0, int((end - begin).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, begin + timedelta(seconds=middle)) == before:
            low = middle
        else:
            high = middle
    change = begin + timedelta(seconds=high)
    return [(begin, change, before), (change, end, later)]


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


@lru_cache(maxsize=1024)
def holidays_of(region: str, year: int) -> frozenset[date]:
    """The public holidays of a region, `GB` or `GB-ENG`. Raises: NotImplementedError where it is not known."""
    country, _, subdivision = region.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
