"""A question: about which period, by what groups, of which part. And what a group is called in the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from services.metrics.periods import Cut, Grain, Period, cut


class Dimension(StrEnum):
    DIRECTION = "direction"
    SOURCE = "source"
    DESK = "desk"
    QUEUE = "queue"
    SEGMENT = "segment"
    REP = "rep"


Grouping = Grain | Dimension
Raw = tuple[str | None, str | None]
"""A group as SQL names it: a dimension's value, or the number (from 1) of a piece of time. None: of none; no group."""


@dataclass(frozen=True)
class Question:
    """`groups`: at most two. `desks`: only leads with a place, now or once, at one of these; None: all."""

    period: Period
    zone: ZoneInfo
    groups: tuple[Grouping, ...] = ()
    filters: Mapping[Dimension, tuple[str, ...]] = field(default_factory=dict)
    desks: tuple[str, ...] | None = None

    @cached_property
    def cuts(self) -> tuple[Cut | None, ...]:
        """For each group, the pieces of time that it means."""
        return tuple(cut(self.period, self.zone, group) if isinstance(group, Grain) else None for group in self.groups)

    def named(self, raw: Raw) -> Mapping[str, str | None]:
        """A group as the answer shows it."""
        return {
            str(group): pieces.labels[int(value or 0) - 1] if pieces else value
            for group, pieces, value in zip(self.groups, self.cuts, raw, strict=False)
        }

    def ends(self, raw: Raw) -> datetime:
        """When the period of a group's row ends."""
        ends = [
            pieces.end(int(value or 0) - 1, self.period)
            for pieces, value in zip(self.cuts, raw, strict=False)
            if pieces
        ]
        return min(ends, default=self.period.end)

    def order(self, raw: Raw) -> tuple[tuple[bool, int, str], ...]:
        """How rows stand: time ascending, names by the alphabet, what has none last."""
        return tuple(
            (value is None, int(value or 0) if pieces else 0, value or "")
            for pieces, value in zip(self.cuts, raw, strict=False)
        )
