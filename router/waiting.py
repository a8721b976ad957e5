"""Why open work still waits, and who could take it: in words, of how things stand now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from router.limits import Held, reached
from router.policy.compiled import Queue
from schemas.events.stamp import text_of
from schemas.words import ItemState, QueueName, RepId


class Bar(StrEnum):
    """Why a rep may not have an item."""

    AWAY = "away"
    SKILLS = "skills"
    RETURNED = "returned"
    IN_HAND = "in_hand"
    OPEN = "open"
    RESERVED = "reserved"
    HOLDS = "holds"
    HELD = "held"


class Because(StrEnum):
    """Why an item waits."""

    CLAIMED = "claimed"
    SNOOZED = "snoozed"
    PARKED = "parked"
    NO_QUEUE = "no_queue"
    OUT_OF_HOURS = "out_of_hours"
    BUFFER_FULL = "buffer_full"
    TO_BE_RELEASED = "to_be_released"
    RESERVED = "reserved"
    BEHIND = "behind"
    NO_REPS = "no_reps"
    NOBODY_MAY = "nobody_may"
    NOBODY_PULLED = "nobody_pulled"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rep of the item's queue, with what they hold of it; `back_at`: when one who is away is there again."""

    rep: RepId
    name: str
    present: bool
    back_at: datetime | None
    held: Held
    skills: frozenset[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open item and what stands around it. `queue` of None: the policy has it no more.

    `ahead` counts what comes before it in its queue or pool; `depth`, of `target`, is what is released and unclaimed.
    """

    name: QueueName
    queue: Queue | None
    state: ItemState
    holder: RepId | None
    held_until: datetime | None
    next_at: datetime | None
    reserved_for: RepId | None
    """None too where the reservation has passed."""
    reserved_until: datetime | None
    returned_by: frozenset[RepId]
    ahead: int
    depth: int
    target: int | None
    opens_at: datetime | None
    """When its person may be disturbed again; None: now."""


@dataclass(frozen=True, slots=True)
class Said:
    """A word of the closed list, and a sentence for people."""

    code: str
    detail: str


def bars(item: Waiting, rep: Candidate) -> tuple[Said, ...]:
    """All that keeps a rep from having the item; none: a pull may give it to them."""
    if item.holder == rep.rep:
        return (Said(Bar.HOLDS, "Has it in hand."),)
    found = []
    if item.holder is not None:
        found.append(Said(Bar.HELD, "Another rep has it in hand."))
    if not rep.present:
        back = "until they are back" if rep.back_at is None else f"until {text_of(rep.back_at)}"
        found.append(Said(Bar.AWAY, f"Away {back}."))
    missing = frozenset() if item.queue is None else item.queue.skills - rep.skills
    if missing:
        found.append(Said(Bar.SKILLS, f"Lacks what the queue asks for: {', '.join(sorted(missing))}."))
    if rep.rep in item.returned_by:
        found.append(Said(Bar.RETURNED, "Returned it, and is not offered it again."))
    if item.reserved_for not in (None, rep.rep):
        found.append(Said(Bar.RESERVED, "It is reserved for another rep."))
    limit = None if item.queue is None else reached(item.queue, rep.held)
    if limit is not None:
        found.append(Said(Bar(limit.limit), f"At the limit: {limit.current} of {limit.max} {_LIMITS[limit.limit]}."))
    return tuple(found)


def because(item: Waiting, reps: Sequence[Candidate]) -> Said:
    """The one thing that the item waits for now."""
    match item.state:
        case ItemState.CLAIMED:
            until = "" if item.held_until is None else f" Unless they act, it ends at {text_of(item.held_until)}."
            return Said(Because.CLAIMED, f"A rep has it in hand.{until}")
        case ItemState.SNOOZED:
            until = "" if item.next_at is None else f" until {text_of(item.next_at)}"
            return Said(Because.SNOOZED, f"It sleeps{until}, and is anyone's then.")
        case ItemState.PARKED:
            return Said(Because.PARKED, "It is parked: a manager has to put it into a queue, or give it to somebody.")
    if item.queue is None:
        return Said(Because.NO_QUEUE, f"The policy has no queue {item.name} any more: a manager has to move it.")
    if item.opens_at is not None:
        detail = f"It is no hour to disturb its person: they may be from {text_of(item.opens_at)} on."
        return Said(Because.OUT_OF_HOURS, detail)
    if item.state is ItemState.POOLED:
        return _pooled(item)
    return _queued(item, reps)


def _pooled(item: Waiting) -> Said:
    place = f"{item.ahead} are before it in the pool"
    if item.target is not None and item.depth >= item.target:
        full = f"the queue holds {item.depth} of the {item.target} that its reps can take"
        return Said(Because.BUFFER_FULL, f"It waits to be released: {full}, and {place}.")
    return Said(Because.TO_BE_RELEASED, f"It is released when its turn comes: {place}.")


def _queued(item: Waiting, reps: Sequence[Candidate]) -> Said:
    if item.reserved_for is not None:
        until = "" if item.reserved_until is None else f" until {text_of(item.reserved_until)}"
        return Said(Because.RESERVED, f"It is reserved for one rep{until}; then anyone may have it.")
    if not reps:
        return Said(Because.NO_REPS, f"Nobody works {item.name}: give a rep this queue.")
    able = sum(not bars(item, rep) for rep in reps)
    if not able:
        return Said(Because.NOBODY_MAY, f"None of the {len(reps)} who work {item.name} may have it now.")
    who = f"{able} of {len(reps)} may have it"
    if item.ahead:
        return Said(Because.BEHIND, f"{item.ahead} are before it in the queue; {who}.")
    return Said(Because.NOBODY_PULLED, f"It is next, and waits for a pull: {who}.")


_LIMITS = {"in_hand": "in hand", "open": "open"}
