"""What happens to a lead and to its items. Ids and non-personal features only."""

from typing import ClassVar

from schemas.events.stamp import LifecycleEvent, Moment, Tolerant, Word
from schemas.words import (
    AttemptId,
    AttemptOutcome,
    Cause,
    Channel,
    ClaimId,
    DecisionId,
    Direction,
    Escalation,
    Exempt,
    ItemId,
    ItemKind,
    LeadId,
    LeadOutcome,
    MatchedBy,
    Priority,
    Qualify,
    QueueName,
    RepId,
    Why,
)


class EventFeatures(Tolerant):
    """What is known of a lead that is not personal."""

    email_kind: str | None = None
    country: str | None = None
    language: str | None = None
    employees: int | None = None
    industry: str | None = None
    intent: str | None = None
    product: str | None = None
    has_phone: bool = False
    utm_source: str | None = None
    utm_medium: str | None = None


class LeadReceived(LifecycleEvent):
    """A submission under a new key was read from the intake topic."""

    NAME: ClassVar[str] = "lead.received"
    direction: Word[Direction]
    source: str
    list: bool
    captured_at: Moment
    occurred_at: Moment | None
    features: EventFeatures


class LeadDecided(LifecycleEvent):
    """A rule (or the named fallback) said where it goes; the receipt has the clauses."""

    NAME: ClassVar[str] = "lead.decided"
    decision_id: DecisionId
    policy_version: int
    rule: str
    fallback: bool
    action: str
    """`queue pool nurture merge reject`."""
    qualify: Word[Qualify] | None
    queue: QueueName | None
    priority: Word[Priority]
    segment: str | None
    stage: str
    """`captured`, or `handover` when a rep has qualified it."""


class LeadMerged(LifecycleEvent):
    NAME: ClassVar[str] = "lead.merged"
    into_lead_id: LeadId
    matched_by: Word[MatchedBy]


class LeadRejected(LifecycleEvent):
    NAME: ClassVar[str] = "lead.rejected"
    reason: str


class LeadNurtured(LifecycleEvent):
    """It sleeps until then, and is decided anew."""

    NAME: ClassVar[str] = "lead.nurtured"
    until: Moment


class LeadClosed(LifecycleEvent):
    NAME: ClassVar[str] = "lead.closed"
    outcome: Word[LeadOutcome]
    reason: str | None


class LeadConflictingSubmission(LifecycleEvent):
    """A second, different body came under the same key. It is kept; the first stands."""

    NAME: ClassVar[str] = "lead.conflicting_submission"


class LeadUnmerged(LifecycleEvent):
    """It was none of that person or account: it is decided anew."""

    NAME: ClassVar[str] = "lead.unmerged"


class LeadReleased(LifecycleEvent):
    """A manager wants it routed that was rejected: it is decided anew."""

    NAME: ClassVar[str] = "lead.released"


class LeadErased(LifecycleEvent):
    """Its person is forgotten, and all that they said."""

    NAME: ClassVar[str] = "lead.erased"


class ItemEvent(LifecycleEvent):
    """Something that happened to an item; claim and rep where it was held."""

    item_id: ItemId
    kind: Word[ItemKind]
    queue: QueueName
    claim_id: ClaimId | None = None
    rep_id: RepId | None = None


class ItemQueued(ItemEvent):
    """It can be pulled from now on."""

    NAME: ClassVar[str] = "item.queued"
    priority: Word[Priority]
    queued_at: Moment
    due_at: Moment | None
    reserved_for: RepId | None
    exception: Word[Exempt] | None = None
    """Why it is reserved, out of order."""
    cause: Word[Cause]


class ItemClaimed(ItemEvent):
    NAME: ClassVar[str] = "item.claimed"
    token: int
    why: Word[Why]
    exception: Word[Exempt] | None


class ItemAttempted(ItemEvent):
    NAME: ClassVar[str] = "item.attempted"
    attempt_id: AttemptId
    channel: Word[Channel]
    outcome: Word[AttemptOutcome]
    first: bool
    first_conversation: bool
    next_at: Moment | None
    promise: bool
    attempted_at: Moment | None = None
    """When it was made, where that is not when it was told."""


class ItemCompleted(ItemEvent):
    NAME: ClassVar[str] = "item.completed"
    outcome: str
    reason: str | None = None


class ItemReturned(ItemEvent):
    NAME: ClassVar[str] = "item.returned"
    reason: str


class ItemDeferred(ItemEvent):
    """The claim ended; the item sleeps until its next time, then is anyone's."""

    NAME: ClassVar[str] = "item.deferred"
    due_at: Moment


class ItemExpired(ItemEvent):
    NAME: ClassVar[str] = "item.expired"


class ItemRevoked(ItemEvent):
    NAME: ClassVar[str] = "item.revoked"
    reason: str


class ItemParked(ItemEvent):
    """It stands on the manager's list."""

    NAME: ClassVar[str] = "item.parked"
    reason: str


class ItemCancelled(ItemEvent):
    NAME: ClassVar[str] = "item.cancelled"
    reason: str


class ItemPromised(ItemEvent):
    NAME: ClassVar[str] = "item.promised"
    due_at: Moment


class ItemPromiseKept(ItemEvent):
    NAME: ClassVar[str] = "item.promise_kept"
    due_at: Moment


class ItemPromiseBroken(ItemEvent):
    NAME: ClassVar[str] = "item.promise_broken"
    due_at: Moment


class ItemOverdue(ItemEvent):
    """The next step's time has passed; the holder is warned, the grace runs."""

    NAME: ClassVar[str] = "item.overdue"
    due_at: Moment


class ItemSlaBreached(ItemEvent):
    """No attempt was made by `due_at`."""

    NAME: ClassVar[str] = "item.sla_breached"
    due_at: Moment


class ItemEscalated(ItemEvent):
    """A step of its queue was done, for still no attempt was made. With `notify` the manager is to know, no more."""

    NAME: ClassVar[str] = "item.escalated"
    step: int
    """Counted from 1."""
    does: Word[Escalation]
    due_at: Moment
    priority: Word[Priority] | None = None
    """To which it was raised."""
    to_queue: QueueName | None = None
