"""Ids that are made: UUIDv7, so that they sort by the time at which they were made; within a process exactly."""

import secrets
from datetime import datetime

from schemas.ids import PREFIXES, encode, uuid7

_RANDOM_BITS = 74
"""Of a UUIDv7, beside time, version and variant: 12 of them stand before the variant."""
_STEP_BITS = 32


class _Sequence:
    """What follows the time in an id: random, and within one millisecond larger each time, by a random step.

    Source: RFC 9562, section 6.2, method 2.
    """

    def __init__(self) -> None:
        self._millisecond = -1
        self._last = 0

    def after(self, millisecond: int) -> bytes:
        following = self._last + 1 + secrets.randbits(_STEP_BITS)
        if millisecond != self._millisecond or following >> _RANDOM_BITS:
            following = secrets.randbits(_RANDOM_BITS)
        self._millisecond, self._last = millisecond, following
        return (following >> 62 << 64 | following & (1 << 62) - 1).to_bytes(10)


_sequence = _Sequence()


def mint(prefix: str, now: datetime) -> str:
    """Make a new id of this kind, as `itm_01k3…`. Of those of one millisecond the later is the larger."""
    if prefix not in PREFIXES:
        raise ValueError(f"no kind of id: {prefix}")
    millisecond = int(now.timestamp() * 1000)
    return f"{prefix}_{encode(uuid7(millisecond, _sequence.after(millisecond)))}"
