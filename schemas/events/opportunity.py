"""What happens to an opportunity."""

from typing import ClassVar

from pydantic import ConfigDict, Field

from schemas.events.stamp import LifecycleEvent, Moment, Tolerant, Word
from schemas.words import (
    Desk,
    MeetingId,
    MeetingMode,
    Money,
    OpportunityId,
    OpportunityState,
    QueueName,
    ReleaseCause,
    RepId,
)


class OpportunityEvent(LifecycleEvent):
    """`queue` is its closing queue; `rep_id` its holder, where it has one."""

    opportunity_id: OpportunityId
    queue: QueueName
    rep_id: RepId | None = None


class OpportunityCreated(OpportunityEvent):
    NAME: ClassVar[str] = "opportunity.created"
    product: str | None
    qualified_by: str | None
    """`auto`, the rep's id, or None: not qualified (bypass)."""
    handover: str
    """`pool queue rep`: where it went."""
    estimate: Money | None
    acceptance: str | None = None
    """As the policy then in force had it: `none`, or `required` (it counts as qualified only once accepted)."""


class OpportunityAccepted(OpportunityEvent):
    NAME: ClassVar[str] = "opportunity.accepted"


class OpportunityReleased(OpportunityEvent):
    """From the pool to the queue; `depth_after` never exceeds `target` (law 5)."""

    NAME: ClassVar[str] = "opportunity.released"
    cause: Word[ReleaseCause]
    depth_after: int
    target: int


class OpportunityMeeting(OpportunityEvent):
    NAME: ClassVar[str] = "opportunity.meeting"
    meeting_id: MeetingId
    mode: Word[MeetingMode]
    scheduled_for: Moment
    state: str
    """`booked moved held no_show cancelled`."""
    face_to_face: bool | None = None
    """Whether the policy then in force counts this mode so; None: only `in_person`."""


class OpportunityProposalRequested(OpportunityEvent):
    NAME: ClassVar[str] = "opportunity.proposal_requested"
    request_id: str


class OpportunityProposalPresented(OpportunityEvent):
    NAME: ClassVar[str] = "opportunity.proposal_presented"
    proposal_id: str
    value: Money


class Credit(Tolerant):
    """A share of a win; the shares of one win sum to one."""

    desk: Word[Desk]
    rep_id: RepId | None
    share: float


class OpportunityWon(OpportunityEvent):
    NAME: ClassVar[str] = "opportunity.won"
    value: Money
    won_at: Moment
    credit: tuple[Credit, ...]


class OpportunityLost(OpportunityEvent):
    NAME: ClassVar[str] = "opportunity.lost"
    reason: str
    reopen_after: Moment | None


class OpportunityReopened(OpportunityEvent):
    NAME: ClassVar[str] = "opportunity.reopened"


class OpportunityRejected(OpportunityEvent):
    """The closer gave it back: its lead is again what it was before it was qualified."""

    NAME: ClassVar[str] = "opportunity.rejected"
    reason: str


class OpportunityCorrected(OpportunityEvent):
    """A manager says that it was closed by mistake, or otherwise: what it counted as until now never was.

    What it is from now on (`to`) is told here alone: a win has `value`, `won_at` and `credit`, a loss a `reason`. It
    counts for its closer, whom `rep_id` names: nobody holds what is closed.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    NAME: ClassVar[str] = "opportunity.corrected"
    from_: Word[OpportunityState] = Field(alias="from")
    to: Word[OpportunityState]
    value: Money | None
    reason: str | None
    won_at: Moment | None = None
    credit: tuple[Credit, ...] = ()
