"""Durations and hours, from what a policy writes."""

import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

from router.calendar import Duration, Hours, WorkingDays
from router.policy.mistakes import Mistakes, Path

ELAPSED = re.compile(r"[0-9]{1,6}[smhd]")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"^(?:([01]\d|2[0-3]):([0-5]\d))-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))$")
_HOURS = 'Write always, or {mon-fri: "09:00-17:30", sat: ["09:00-12:00", "13:00-15:00"]}.'
_WHOLE_DAY: Hours = ((0, 24 * 60),)


def elapsed(text: str) -> timedelta:
    """`90s 15m 2h 90d`.

    >>> elapsed("15m")
    datetime.timedelta(seconds=900)
    """
    return int(text[:-1]) * _UNITS[text[-1]]


def duration(text: str) -> Duration:
    """As `elapsed`, or `3 working days`."""
    number, _, days = text.partition(" ")
    return WorkingDays(int(number)) if days else elapsed(text)


def week(raw: Any, path: Path, mistakes: Mistakes) -> tuple[Hours, ...] | None:
    """The hours of each weekday, Monday first; None after a mistake, which is noted."""
    if raw == "always":
        return (_WHOLE_DAY,) * 7
    if not isinstance(raw, dict) or not raw:
        mistakes.add(path, raw, "no hours", _HOURS)
        return None
    before, found = len(mistakes), dict[int, Hours]()
    for key, written in raw.items():
        days, spans = _days(key), _spans(written)
        if days is None:
            mistakes.add((*path, key), key, "no day or range of days", "Write mon, mon-fri or mon,wed,fri.")
        elif twice := [_DAYS[day] for day in days if day in found]:
            mistakes.add((*path, key), key, f"{twice[0]} stands here twice", "Give a day its hours once, as a list.")
        if spans is None:
            remedy = (
                'Write "09:00-17:30", or a list of such, ascending; a night as two: "22:00-24:00" and "00:00-06:00".'
            )
            mistakes.add((*path, key), written, "not hours of a day", remedy)
        found |= dict.fromkeys(days or (), spans or ())
    return tuple(found.get(day, ()) for day in range(7)) if len(mistakes) == before else None


def _days(key: str) -> list[int] | None:
    days: list[int] = []
    for part in key.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            return None
        start, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        days += [day % 7 for day in range(start, end + 1 + (7 if end < start else 0))]
    return days if len(days) == len(set(days)) else None


def _spans(written: Any) -> Hours | None:
    spans: list[tuple[int, int]] = []
    for text in written if isinstance(written, list) else [written]:
        said = _SPAN.match(text) if isinstance(text, str) else None
        if said is None:
            return None
        hour, minute, to_hour, to_minute = (int(part) for part in said.groups() if part is not None)
        spans.append((hour * 60 + minute, to_hour * 60 + to_minute))
    if not spans or any(start >= end for start, end in spans):
        return None
    return tuple(spans) if all(one[1] <= other[0] for one, other in pairwise(spans)) else None
