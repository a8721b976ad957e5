"""Periods: from when to when, and the days, weeks and months in between, by the wall clock of a zone."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


class Grain(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """Half open, `start` belongs to it and `end` does not; both aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Cut:
    """A period cut into days, ISO weeks or months. `starts` ascend; the first is not after the period's own start."""

    grain: Grain
    starts: tuple[datetime, ...]
    labels: tuple[str, ...]
    """`2026-07-06`, `2026-W28`, `2026-07`."""

    def slot(self, at: datetime) -> int:
        """Which piece a moment of the period lies in, counted from 0."""
        return bisect_right(self.starts, at) - 1

    def end(self, slot: int, period: Period) -> datetime:
        """Where a piece ends, at the latest with the period."""
        return min(self.starts[slot + 1], period.end) if slot + 1 < len(self.starts) else period.end


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, also where midnight is skipped.

    >>> day_start(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo")).isoformat()
    '2018-11-04T03:00:00+00:00'
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def today(now: datetime, zone: ZoneInfo) -> Period:
    """The local day of `now`."""
    return day_of(now.astimezone(zone).date(), zone)


def day_of(day: date, zone: ZoneInfo) -> Period:
    """A local day: 23, 24 or 25 hours."""
    return Period(day_start(day, zone), day_start(day + _DAY, zone))


def cut(period: Period, zone: ZoneInfo, grain: Grain) -> Cut:
    """Cut a period at local midnights."""
    day = _first(period.start.astimezone(zone).date(), grain)
    starts, labels = [day_start(day, zone)], [_label(day, grain)]
    while (start := day_start(day := _next(day, grain), zone)) < period.end:
        starts.append(start)
        labels.append(_label(day, grain))
    return Cut(grain, tuple(starts), tuple(labels))


def quarter(at: datetime) -> datetime:
    """The start of the quarter of an hour, UTC, that a moment lies in."""
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def days_of(quarters: Sequence[datetime], zone: ZoneInfo) -> list[date]:
    """The local days that these quarters of an hour lie in, ascending. No zone parts days within one."""
    return sorted({at.astimezone(zone).date() for at in quarters})


def _first(day: date, grain: Grain) -> date:
    match grain:
        case Grain.DAY:
            return day
        case Grain.WEEK:
            return day - _DAY * day.weekday()
        case Grain.MONTH:
            return day.replace(day=1)


def _next(day: date, grain: Grain) -> date:
    match grain:
        case Grain.DAY:
            return day + _DAY
        case Grain.WEEK:
            return day + _DAY * 7
        case Grain.MONTH:
            return (day + _DAY * 31).replace(day=1)


def _label(day: date, grain: Grain) -> str:
    match grain:
        case Grain.DAY:
            return day.isoformat()
        case Grain.WEEK:
            year, week, _ = day.isocalendar()
            return f"{year:04}-W{week:02}"
        case Grain.MONTH:
            return f"{day.year:04}-{day.month:02}"
