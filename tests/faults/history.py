"""The history of a run: what callers asked and were told, what went wrong, and what stands at last. All of it values.

`Call` is a line of the history. `Final` is what stands once all is quiet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from schemas.events.stamp import Told

STALE = "stale"
"""What the note of an attempt under an old token begins with."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, and what came of it. Times are seconds since the epoch; `status` None: no answer came."""

    by: str
    what: str
    key: str
    asked: float
    answered: float
    status: int | None
    ask: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Spell:
    """A fault as it was: until `mended` all that was needed to mend it was done."""

    name: str
    began: float
    mended: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A record of the lifecycle topic: the id of its event, and what it says."""

    event: str
    told: Told


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim as it stands. Times are seconds since the epoch."""

    id: str
    item: str
    rep: str
    token: int
    expires: float
    ended: float | None
    state: str


@dataclass(frozen=True, slots=True)
class Final:
    """What stands at last."""

    leads: Mapping[str, str]
    """State of each."""
    lifecycle: Sequence[Seen]
    """All that the topic holds, in its order for each lead."""
    claims: Sequence[Claimed]
    notes: Sequence[str]
    """Of all attempts."""
    waiting: int
    """Records that the relay has not forwarded."""
    lags: Mapping[str, int]
    """How far each consumer is behind."""
    stopped: Sequence[str]
    """Partitions that stand still."""
    dead: Mapping[str, int]
    """How many dead letters each consumer has."""
    balanced: bool
    shown: Mapping[tuple[str, ...], Mapping[str, int]]
    """The numbers by metrics: of each group (of none: all), its counts."""
    published: Mapping[str, int]
    """The same, added up from the series topic alone."""
    open_items: Mapping[str, int]
    """How many items that reps should have done stand in which state."""
    died: Sequence[str]
    """Processes that ended by themselves, and how."""
    now: float


def once(final: Final) -> Iterator[Told]:
    """Each event once: a repeat in the topic is the same event."""
    seen: set[tuple[str, int]] = set()
    for one in final.lifecycle:
        at = (one.told.stamp.lead_id, one.told.stamp.seq)
        if at not in seen:
            seen.add(at)
            yield one.told


def waits(final: Final) -> Iterator[tuple[str, float, float]]:
    """When each lead was captured, and when it was decided."""
    captured: dict[str, float] = {}
    for told in once(final):
        lead = told.stamp.lead_id
        if told.name == "lead.received":
            captured[lead] = told.event.captured_at.timestamp()  # type: ignore[attr-defined]
        elif lead in captured:
            yield lead, captured.pop(lead), told.stamp.at.timestamp()


def whole(spells: Sequence[Spell], since: float, until: float) -> float:
    """Seconds of a time in which nothing was broken."""
    left, at = 0.0, since
    for spell in sorted(spells, key=lambda one: one.began):
        left += max(0.0, min(spell.began, until) - at)
        at = max(at, spell.mended)
    return left + max(0.0, until - at)


@dataclass(frozen=True, slots=True)
class Stall:
    """The longest that anybody waited from a fault's begin to the next one's, in seconds."""

    fault: str
    lasted: float
    accept: float
    """Between two posts that were acknowledged."""
    decide: float
    """From capture to decision."""
    work: float
    """Between two calls of reps that were answered well."""


def stalls(history: Sequence[Call], spells: Sequence[Spell], final: Final) -> list[Stall]:
    """One for each fault."""
    posts = sorted(call.answered for call in history if call.what == "post" and call.done)
    works = sorted(call.answered for call in history if call.by.startswith("rep") and call.status in (200, 201, 204))
    decided = list(waits(final))
    ordered = sorted(spells, key=lambda one: one.began)
    found = []
    for spell, after in zip(ordered, [*(one.began for one in ordered), final.now][1:], strict=True):
        until = max(spell.mended, after)
        found.append(
            Stall(
                spell.name,
                spell.mended - spell.began,
                _longest(posts, spell.began, until),
                max((end - since for _, since, end in decided if since <= until and end >= spell.began), default=0.0),
                _longest(works, spell.began, until),
            )
        )
    return found


def _longest(moments: Sequence[float], since: float, until: float) -> float:
    """The longest time between two moments of which the later lies in between."""
    return max((b - a for a, b in pairwise(moments) if since <= b <= until), default=0.0)
