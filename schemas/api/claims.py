"""Claims: what a rep holds, and all that may be done with it."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from schemas.api.intake import MOST_CUSTOM, MOST_EMPLOYEES, Country, CustomKey, CustomValue, Language, Line, Slug
from schemas.api.items import ENQUIRY_EXAMPLE, ItemOut
from schemas.api.items import EXAMPLE as ITEM_EXAMPLE
from schemas.api.leads import EXAMPLE as LEAD_EXAMPLE
from schemas.api.leads import LeadOut
from schemas.api.opportunities import QUALIFICATION_EXAMPLE
from schemas.api.shape import Ask, Said
from schemas.api.values import Ahead, Happened, LongText, MoneyIn, Until
from schemas.events.stamp import Moment
from schemas.words import (
    AttemptId,
    AttemptOutcome,
    Channel,
    ClaimId,
    ClaimState,
    Disqualified,
    Exempt,
    Influence,
    OpportunityId,
    QueueName,
    RepId,
    Returned,
    Side,
)

EXAMPLE: dict[str, Any] = {
    "id": "clm_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "token": 1,
    "state": "active",
    "rep_id": "rep_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "exception": None,
    "granted_at": "2026-07-06T09:30:41.002Z",
    "expires_at": "2026-07-09T09:30:41.002Z",
    "heartbeat_every_ms": None,
}
_ENQUIRY_CLAIM = {**EXAMPLE, "expires_at": "2026-07-06T09:45:41.002Z", "heartbeat_every_ms": 300000}
_ATTEMPT: dict[str, Any] = {
    "channel": "phone",
    "outcome": "no_answer",
    "at": None,
    "note": None,
    "next_at": None,
    "promise": False,
    "evidence": None,
}


def _example(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


class ClaimOut(Said):
    """A rep's hold of an item. Every write under it sends `token` as `Leadgate-Claim-Token`."""

    model_config = _example(EXAMPLE)

    id: ClaimId
    token: int
    state: ClaimState
    rep_id: RepId
    exception: Exempt | None = Field(description="Why it was given out of order.")
    granted_at: Moment
    expires_at: Moment = Field(description="From then on the system may end it, and soon does.")
    heartbeat_every_ms: int | None = Field(description="A heartbeat so often keeps it; null: none is needed.")


class HeldOut(Said):
    """An item and the claim on it."""

    model_config = _example({"item": ITEM_EXAMPLE, "claim": EXAMPLE})

    item: ItemOut
    claim: ClaimOut


class HeartbeatOut(Said):
    """The claim goes on."""

    model_config = _example({"claim": _ENQUIRY_CLAIM})

    claim: ClaimOut


class AttemptIn(Ask):
    """One try to reach the person, and what came of it.

    Of an enquiry or prospect: `next_at` with `promise` keeps the claim, and the next pull after then gives it first;
    `next_at` alone gives it back until then, for anyone. Of an opportunity or customer: `next_at` is the next step.
    """

    model_config = _example(
        _ATTEMPT,
        {
            "channel": "phone",
            "outcome": "callback",
            "note": "in a meeting",
            "next_at": "2026-07-06T14:00:00Z",
            "promise": True,
        },
        {"channel": "email", "outcome": "opt_out", "suppress": "all"},
    )

    channel: Channel
    outcome: AttemptOutcome
    at: Happened | None = Field(default=None, description="When; from the claim's grant to now. Now, if not said.")
    note: LongText | None = None
    promise: bool = Field(default=False, description="The person was told that `next_at` is when you call.")
    next_at: Ahead | None = Field(default=None, validate_default=True)
    evidence: LongText | None = Field(default=None, description="A recording's address, say.")
    suppress: Literal["all"] | None = Field(
        default=None, description="With `opt_out`: of all channels, not only of this one."
    )

    @field_validator("next_at")
    @classmethod
    def _there_is_a_next(cls, next_at: datetime | None, info: ValidationInfo) -> datetime | None:
        if next_at is None and info.data.get("promise"):
            raise PydanticCustomError("required", "a promise has a time", {"remedy": "Say when, or promise nothing"})
        if next_at is not None and info.data.get("outcome") == AttemptOutcome.OPT_OUT:
            raise PydanticCustomError("not_allowed", "nothing comes after an opt-out", {"remedy": "Leave it out"})
        return next_at

    @field_validator("suppress")
    @classmethod
    def _they_opted_out(cls, suppress: str | None, info: ValidationInfo) -> str | None:
        if suppress is not None and info.data.get("outcome") != AttemptOutcome.OPT_OUT:
            raise PydanticCustomError("not_allowed", "goes with the outcome opt_out alone", {"remedy": "Leave it out"})
        return suppress


class AttemptOut(Said):
    """The attempt, and what it left. `first`, `first_conversation`: of this item."""

    model_config = _example(
        {
            **_ATTEMPT,
            "id": "att_01jz8m4s1n9d2e4r8t6y5a7c9b",
            "at": "2026-07-06T09:31:12.400Z",
            "first": True,
            "first_conversation": False,
            "item": ENQUIRY_EXAMPLE,
            "claim": _ENQUIRY_CLAIM,
        }
    )

    id: AttemptId
    channel: Channel
    outcome: AttemptOutcome
    at: Moment
    note: str | None
    next_at: Moment | None
    promise: bool
    evidence: str | None
    first: bool
    first_conversation: bool
    item: ItemOut
    claim: ClaimOut


class NextStepIn(Ask):
    """What happens next with an opportunity or customer; it replaces what was to happen."""

    model_config = _example(
        {"what": "send the contract", "at": "2026-07-08T10:00:00Z", "side": "theirs", "promise": False}
    )

    what: LongText = Field(min_length=1)
    at: Ahead
    side: Side = Field(description="On whose side it lies.")
    promise: bool = Field(default=False, description="The buyer was told so.")


class QualificationIn(Ask):
    """What the qualifier found out."""

    model_config = _example(QUALIFICATION_EXAMPLE)

    need: LongText | None = None
    willing_to_meet: bool | None = None
    influence: Influence | None = None
    next_step: LongText | None = None
    budget: LongText | None = None
    timing: LongText | None = None
    competitor: LongText | None = None


class ContactCorrection(Ask):
    """What is known better of the person. What identifies them stays as they gave it."""

    name: Line = None
    first_name: Line = None
    last_name: Line = None
    job_title: Line = None
    language: Language = None
    country: Country = None


class CompanyCorrection(Ask):
    """What is known better of their company."""

    name: Line = None
    employees: int | None = Field(default=None, ge=0, le=MOST_EMPLOYEES)
    industry: Line = None
    country: Country = None
    city: Line = None
    postal_code: Line = None


class LeadCorrection(Ask):
    """What is known better of the lead; the handover rules see it so. What is not named stays; null takes it away."""

    model_config = _example({"company": {"country": "GB"}})

    contact: ContactCorrection = Field(default_factory=ContactCorrection)
    company: CompanyCorrection = Field(default_factory=CompanyCorrection)
    intent: Slug = None
    product: Slug = None
    custom: dict[CustomKey, CustomValue] = Field(default_factory=dict, max_length=MOST_CUSTOM)


def _not_here(value: Any) -> Any:
    if value is not None:
        raise PydanticCustomError("not_allowed", "goes with another handover", {"remedy": "Leave it out"})
    return value


class QualifiedIn(Ask):
    """It is one for the closing desk. All but `outcome` is optional."""

    model_config = _example(
        {
            "outcome": "qualified",
            "handover": "pool",
            "booked": None,
            "product": None,
            "qualification": QUALIFICATION_EXAMPLE,
            "estimate": {"amount": 1250000, "currency": "GBP"},
            "lead": {"company": {"country": "GB"}},
        },
        {"outcome": "qualified"},
    )

    outcome: Literal["qualified"]
    handover: Literal["pool"] = "pool"
    booked: Annotated[None, BeforeValidator(_not_here)] = None
    product: Slug = Field(default=None, description="The lead's, if not said.")
    qualification: QualificationIn | None = None
    estimate: MoneyIn | None = None
    lead: LeadCorrection | None = None


class DisqualifiedIn(Ask):
    """It is none for sales."""

    model_config = _example({"outcome": "disqualified", "reason": "no_need"})

    outcome: Literal["disqualified"]
    reason: Disqualified


class NurtureIn(Ask):
    """It sleeps until then, and is decided anew."""

    model_config = _example({"outcome": "nurture", "until": "2026-10-01"})

    outcome: Literal["nurture"]
    until: Until | None = Field(default=None, description="A day, in the policy's zone, or a time; null: 90 days.")


class UnreachedIn(Ask):
    """Nobody could be reached."""

    model_config = _example({"outcome": "unreached"})

    outcome: Literal["unreached"]


CompleteIn: TypeAlias = Annotated[
    QualifiedIn | DisqualifiedIn | NurtureIn | UnreachedIn, Field(discriminator="outcome")
]
"""How an enquiry or prospect ends."""


class HandedOut(Said):
    """Where the opportunity went: `pool`, or `queue` (past the pool, or there is none)."""

    queue: QueueName
    to: Literal["pool", "queue"]
    taken_by: None = None


class CompleteOut(Said):
    """It is done; the claim has ended."""

    model_config = _example(
        {
            "item": {**ENQUIRY_EXAMPLE, "state": "done"},
            "claim": {**_ENQUIRY_CLAIM, "state": "completed"},
            "lead": {**LEAD_EXAMPLE, "state": "pooled", "opportunity_id": "opp_01jz8m4s1n9d2e4r8t6y5a7c9b"},
            "opportunity_id": "opp_01jz8m4s1n9d2e4r8t6y5a7c9b",
            "handed": {"queue": "closing/uk", "to": "pool", "taken_by": None},
        }
    )

    item: ItemOut
    claim: ClaimOut
    lead: LeadOut
    opportunity_id: OpportunityId | None
    handed: HandedOut | None


class ReturnIn(Ask):
    """It goes back to its queue, with its age, and is not offered to this rep again."""

    model_config = _example({"reason": "wrong_queue", "note": None}, {"reason": "other", "note": "I know them"})

    reason: Returned
    note: LongText | None = Field(default=None, validate_default=True)

    @field_validator("note")
    @classmethod
    def _other_is_explained(cls, note: str | None, info: ValidationInfo) -> str | None:
        if not (note and note.strip()) and info.data.get("reason") == Returned.OTHER:
            raise PydanticCustomError("required", "`other` is explained in a note", {"remedy": "Write why"})
        return note
