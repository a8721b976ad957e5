"""How much a rep may hold of one queue, and give back to it in a week."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from router.policy.compiled import Queue
from schemas.words import Returned

FREE = frozenset({Returned.WRONG_LANGUAGE, Returned.MISSING_SKILL, Returned.CONFLICT_OF_INTEREST})
"""Reasons to give something back that count against no limit: somebody else had better have it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a rep holds of a queue, test items apart: `in_hand` is due now, `open` is all."""

    in_hand: int
    open: int


@dataclass(frozen=True, slots=True)
class LimitReached:
    """Which limit allows no more, its size, and what stands against it."""

    limit: Literal["in_hand", "open", "returns"]
    max: int
    current: int


def held(next_steps: Iterable[datetime | None], now: datetime) -> Held:
    """Count a rep's claims, each given by its next step: in hand is what has none, or one whose time has come."""
    steps = list(next_steps)
    return Held(sum(step is None or step <= now for step in steps), len(steps))


def reached(queue: Queue, by: Held) -> LimitReached | None:
    """The limit that is reached; None while there is room. A limit lowered below what is held counts as reached."""
    if queue.in_hand is not None and by.in_hand >= queue.in_hand:
        return LimitReached("in_hand", queue.in_hand, by.in_hand)
    if queue.open is not None and by.open >= queue.open:
        return LimitReached("open", queue.open, by.open)
    return None


def returns_reached(queue: Queue, reason: Returned, returned: int) -> LimitReached | None:
    """The limit that allows no further return for this reason, by a rep who `returned` so many this week."""
    if queue.returns_per_week is None or reason in FREE or returned < queue.returns_per_week:
        return None
    return LimitReached("returns", queue.returns_per_week, returned)


def week_began(now: datetime, zone: ZoneInfo) -> datetime:
    """When the week began in this zone: Monday, midnight."""
    today = now.astimezone(zone).date()
    return datetime.combine(today - timedelta(days=today.weekday()), time(), zone).astimezone(UTC)
