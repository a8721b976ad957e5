"""What comes of a decision: a closed set of outcomes, and the receipt that says why."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from router.policy.rule import Features
from router.world import Known
from schemas.features import SCORE
from schemas.words import (
    ItemKind,
    LeadId,
    MatchedBy,
    OpportunityId,
    PersonId,
    Priority,
    Qualify,
    QueueName,
    Rejection,
    SubmissionId,
)

CAPTURED = "captured"
HANDOVER = "handover"


class Data(StrEnum):
    """What came of asking the policy's hook."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Enqueue:
    """An item that can be pulled at once. `queued_at` is the receipt's `now`, for a `Pool` too."""

    queue: QueueName
    kind: ItemKind
    qualify: Qualify
    priority: Priority
    segment: str | None
    rank_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pool:
    """An item that waits in its queue's pool for a release."""

    queue: QueueName
    kind: ItemKind
    qualify: Qualify
    priority: Priority
    segment: str | None
    rank_at: datetime
    due_at: datetime | None


def past_pool(place: Enqueue | Pool) -> Enqueue:
    """The same, past the pool: for a buyer who is handed over to somebody, or is booked."""
    return Enqueue(**{field.name: getattr(place, field.name) for field in fields(Enqueue)})


@dataclass(frozen=True, slots=True)
class Merge:
    """It joins an open lead of the same person, or the one of its account's open opportunity.

    `redecide`: that one was nurturing, and is decided anew. `reopens`: its opportunity was lost, and opens again.
    """

    into: LeadId
    matched_by: MatchedBy
    redecide: bool
    reopens: OpportunityId | None = None


@dataclass(frozen=True, slots=True)
class Nurture:
    """It sleeps, and is decided anew then."""

    until: datetime
    segment: str | None


@dataclass(frozen=True, slots=True)
class Await:
    """The policy's hook is asked about it first: it is decided anew with the answer, or without one at `until`."""

    until: datetime
    segment: None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """Kept, visible, and nobody's work."""

    reason: Rejection
    segment: str | None


Outcome: TypeAlias = Enqueue | Pool | Merge | Nurture | Await | Reject


@dataclass(frozen=True, slots=True)
class Receipt:
    """Why: all that the decision read, and what each clause made of it. `receipt.recompute` comes to the same.

    `saw` holds what the policy's rules look at, no more; no name, address or number. `clauses` has one text for each
    rule examined, in order, with one letter for each of its clauses (`rule.Verdict`).
    """

    lead: LeadId
    engine: int
    """The semantics: `decide.ENGINE` at that time."""
    policy: int
    now: datetime
    stage: str
    """`captured`, or `handover` when a rep has qualified it."""
    direction: str
    list: bool
    flag: str | None
    priority: Priority
    """The lead's before this decision; a handover may keep it."""
    saw: Features
    knew: Known
    clauses: tuple[str, ...]
    rule: str
    """The rule that matched, or one of `policy.rule.RESERVED_RULES`."""
    due_at: datetime | None
    """What the calendar said: calendars may say otherwise years later."""
    person: PersonId
    """Whose lead it is: `knew.person`, or where that is None a new person of this id."""
    released: bool = False
    """A manager wants it routed: neither flags nor rules reject it."""
    data: Data | None = None
    """What came of asking the policy's hook, whose answer is in `saw`. None: it has not been asked."""
    hook: str = ""
    """What the clauses said that tell whether the hook is to be asked, where they were tested."""
    score: int | None = None
    """The sum of the policy's scores; None: it has none, or they were not needed."""
    scores: tuple[str, ...] = ()
    """For each score one letter for each of its clauses."""

    @property
    def features(self) -> Features:
        """What the rules saw: the inputs, and what was derived of them."""
        return self.saw if self.score is None else {**self.saw, SCORE: self.score}


@dataclass(frozen=True, slots=True)
class Decision:
    """A value; `services.store.leads` carries it out."""

    outcome: Outcome
    receipt: Receipt

    @property
    def person(self) -> PersonId:
        return self.receipt.person

    @property
    def new_person(self) -> bool:
        """Whether nobody known is the same person."""
        return self.receipt.knew.person is None

    @property
    def action(self) -> str:
        """As the event says it: `queue pool nurture merge reject`; `await` is told by no event."""
        match self.outcome:
            case Enqueue():
                return "queue"
            case Pool():
                return "pool"
            case Merge():
                return "merge"
            case Nurture():
                return "nurture"
            case Await():
                return "await"
            case Reject():
                return "reject"


@dataclass(frozen=True, slots=True)
class Repeat:
    """The lead's id is known already: nothing is decided. `conflict`: a body not seen before came under it."""

    lead: LeadId
    submission: SubmissionId
    conflict: bool


Routed: TypeAlias = Decision | Repeat
