"""How much a rep may hold of one queue."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from router.policy.compiled import Queue


@dataclass(frozen=True, slots=True)
class Held:
    """What a rep holds of a queue, test items apart: `in_hand` is due now, `open` is all."""

    in_hand: int
    open: int


@dataclass(frozen=True, slots=True)
class LimitReached:
    """Which limit allows no further pull, its size, and what stands against it."""

    limit: Literal["in_hand", "open"]
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
