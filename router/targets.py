"""Targets: what a rep is meant to reach in a day or a week, and how far they have come. They limit nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from router.policy.compiled import Queue
from schemas.words import QueueName, TargetName


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` to before `until`, aware UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """When a rep spoke with somebody of a queue, or held a meeting there; a held meeting is both."""

    queue: QueueName
    at: datetime
    meeting: bool


@dataclass(frozen=True, slots=True)
class Aim:
    """One target of a queue, and how much of it is done in its day or week so far."""

    queue: QueueName
    name: TargetName
    target: int
    done: int
    span: Span


def day(now: datetime, zone: ZoneInfo) -> Span:
    """The day that it is there."""
    today = now.astimezone(zone).date()
    return Span(_midnight(today, zone), _midnight(today + timedelta(days=1), zone))


def week(now: datetime, zone: ZoneInfo) -> Span:
    """The week that it is there, from Monday on.

    >>> week(datetime(2026, 3, 29, 12, tzinfo=UTC), ZoneInfo("Europe/London")).until.isoformat()
    '2026-03-29T23:00:00+00:00'
    """
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    return Span(_midnight(monday, zone), _midnight(monday + timedelta(days=7), zone))


def aims(queue: Queue, done: Sequence[Done], now: datetime, zone: ZoneInfo) -> Iterator[Aim]:
    """The targets of a queue, counted in the rep's `zone`."""
    if queue.targets is None:
        return
    today, this_week = day(now, zone), week(now, zone)
    for name, target, span, meetings in (
        (TargetName.CONVERSATIONS_PER_DAY, queue.targets.conversations_per_day, today, False),
        (TargetName.MEETINGS_PER_DAY, queue.targets.meetings_per_day, today, True),
        (TargetName.MEETINGS_PER_WEEK, queue.targets.meetings_per_week, this_week, True),
    ):
        if target is not None:
            mine = [each for each in done if each.queue == queue.name and span.since <= each.at < span.until]
            yield Aim(queue.name, name, target, sum(each.meeting or not meetings for each in mine), span)


def _midnight(local: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(local, time(), zone).astimezone(UTC)
