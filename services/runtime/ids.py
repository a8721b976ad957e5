"""Ids that are made: UUIDv7, so that they sort by the time at which they were made; within a process exactly."""

import random
from datetime import datetime

from schemas.ids import PREFIXES, uuid7

_RANDOM_BITS = 74
"""Of a UUIDv7, beside time, version and variant."""
_STEP_BITS = 32


class _Sequence:
    """What follows the time in an id: random, and within one millisecond larger each time, by a random step.

    Source: RFC 9562, section 6.2, method 2.
    """

    def __init__(self) -> None:
        self._millisecond = -1
        self._last = 0

    def after(self, millisecond: int) -> int:
        following = self._last + 1 + random.getrandbits(_STEP_BITS)  # no secret: an id opens nothing
        if millisecond != self._millisecond or following >> _RANDOM_BITS:
            following = random.getrandbits(_RANDOM_BITS)
        self._millisecond, self._last = millisecond, following
        return following


_sequence = _Sequence()


def mint(prefix: str, now: datetime) -> str:
    """Make a new id of this kind, as `itm_01k3…`. Of those of one millisecond the later is the larger."""
    if prefix not in PREFIXES:
        raise ValueError(f"no kind of id: {prefix}")
    millisecond = int(now.timestamp() * 1000)
    return f"{prefix}_{uuid7(millisecond, _sequence.after(millisecond))}"
