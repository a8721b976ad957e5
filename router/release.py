"""Release: fill a closing queue from the pool to its buffer, which hot leads may already exceed."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.words import ItemId, Zone


@dataclass(frozen=True, slots=True)
class Release:
    """A decision: move `items`, in this order; `shortage` is how many the pool could not give."""

    items: tuple[ItemId, ...]
    shortage: int
    zone: Zone


def release(pool: Sequence[ItemId], *, waiting: int, target: int) -> Release:
    """Fill a queue in which `waiting` items lie from the head of `pool`, which is in its order.

    >>> release([], waiting=1, target=4)
    Release(items=(), shortage=3, zone=<Zone.RED: 'red'>)
    """
    items = tuple(pool[: max(0, target - waiting)])
    depth = waiting + len(items)
    return Release(items, max(0, target - depth), zone(depth, target))


def zone(depth: int, target: int) -> Zone:
    """Tell which third of the buffer `depth` has reached (theory of constraints), exactly."""
    if 3 * depth < target:
        return Zone.RED
    return Zone.YELLOW if 3 * depth < 2 * target else Zone.GREEN
