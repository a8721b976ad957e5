"""The brake: bad records in a flood stop their partition, before the dead letters fill with what one fix would mend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

RUN = 20
"""So many bad ones in a row."""
SHARE = 4
"""Or every how-manieth is bad, of `ENOUGH` or more."""
ENOUGH = 100
WINDOW = 400
"""Counts are halved at this many, so that old ones fade."""


@dataclass(frozen=True, slots=True)
class Brake:
    """How records of a partition went lately: bad ones in a row, and of how many since the first bad one."""

    run: int = 0
    bad: int = 0
    seen: int = 0

    def after(self, bad: bool) -> Self:
        """Count one more. Good records alone leave nothing to remember.

        >>> Brake().after(False), Brake().after(True).after(False)
        (Brake(run=0, bad=0, seen=0), Brake(run=0, bad=1, seen=2))
        """
        if not bad and not self.bad:
            return type(self)()
        run, total, seen = (self.run + 1 if bad else 0), self.bad + bad, self.seen + 1
        return type(self)(run, total // 2, seen // 2) if seen >= WINDOW else type(self)(run, total, seen)

    @property
    def tripped(self) -> bool:
        """Tell whether this is a flood."""
        return self.run >= RUN or (self.seen >= ENOUGH and self.bad * SHARE >= self.seen)

    def why(self) -> str:
        """Say it in words."""
        return f"{self.bad} bad records of the last {self.seen}, {self.run} of them in a row"


def apply(brake: Brake, bad: Sequence[bool]) -> tuple[Brake, int]:
    """Count records in order, as far as the brake lets: the brake then, and how many were counted."""
    for count, each in enumerate(bad, 1):
        brake = brake.after(each)
        if brake.tripped:
            return brake, count
    return brake, len(bad)
