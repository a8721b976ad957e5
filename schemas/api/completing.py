"""Completing an enquiry or prospect: how it ends, and where what is qualified goes."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from schemas.api.claims import ENQUIRY_EXAMPLE as CLAIM_EXAMPLE
from schemas.api.claims import ClaimOut
from schemas.api.items import ENQUIRY_EXAMPLE, ItemOut
from schemas.api.leads import EXAMPLE as LEAD_EXAMPLE
from schemas.api.leads import LeadOut
from schemas.api.normal import MOST_CUSTOM, MOST_EMPLOYEES, Country, CustomKey, CustomValue, Language, Line, Slug
from schemas.api.opportunities import QUALIFICATION_EXAMPLE
from schemas.api.shape import Ask, Said, example
from schemas.api.tasks import ResultIn
from schemas.api.values import Ahead, LongText, MoneyIn, Until
from schemas.words import Disqualified, Influence, MeetingMode, OpportunityId, QueueName, RepId


class QualificationIn(Ask):
    """What the qualifier found out."""

    model_config = example(QUALIFICATION_EXAMPLE)

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

    model_config = example({"company": {"country": "GB"}})

    contact: ContactCorrection = Field(default_factory=ContactCorrection)
    company: CompanyCorrection = Field(default_factory=CompanyCorrection)
    intent: Slug = None
    product: Slug = None
    custom: dict[CustomKey, CustomValue] = Field(default_factory=dict, max_length=MOST_CUSTOM)


class BookedIn(Ask):
    """A meeting that was booked with the buyer, for the one who gets them to keep."""

    model_config = example({"at": "2026-07-08T10:00:00Z", "mode": "video"})

    at: Ahead
    mode: MeetingMode


class QualifiedIn(Ask):
    """It is one for the closing desk. All but `outcome` is optional."""

    model_config = example(
        {
            "outcome": "qualified",
            "handover": "pool",
            "booked": None,
            "product": None,
            "qualification": QUALIFICATION_EXAMPLE,
            "estimate": {"amount": 1250000, "currency": "GBP"},
            "lead": {"company": {"country": "GB"}},
        },
        {"outcome": "qualified", "handover": "live"},
        {"outcome": "qualified", "handover": "booked", "booked": {"at": "2026-07-08T10:00:00Z", "mode": "video"}},
    )

    outcome: Literal["qualified"]
    handover: Literal["pool", "live", "booked"] = Field(
        default="pool",
        description="`live`: who has waited longest at the closing desk takes them now; nobody: as `pool`.",
    )
    booked: BookedIn | None = Field(default=None, validate_default=True)
    product: Slug = Field(default=None, description="The lead's, if not said.")
    qualification: QualificationIn | None = None
    estimate: MoneyIn | None = None
    lead: LeadCorrection | None = None

    @field_validator("booked")
    @classmethod
    def _goes_with_its_handover(cls, booked: BookedIn | None, info: ValidationInfo) -> BookedIn | None:
        handover = info.data.get("handover")
        if booked is None and handover == "booked":
            raise PydanticCustomError("required", "is what was booked", {"remedy": "Send at and mode"})
        if booked is not None and handover in ("pool", "live"):
            raise PydanticCustomError("not_allowed", "goes with another handover", {"remedy": "Leave it out"})
        return booked


class DisqualifiedIn(Ask):
    """It is none for sales."""

    model_config = example({"outcome": "disqualified", "reason": "no_need"})

    outcome: Literal["disqualified"]
    reason: Disqualified


class NurtureIn(Ask):
    """It sleeps until then, and is decided anew."""

    model_config = example({"outcome": "nurture", "until": "2026-10-01"})

    outcome: Literal["nurture"]
    until: Until | None = Field(default=None, description="A day, in the policy's zone, or a time; null: 90 days.")


class UnreachedIn(Ask):
    """Nobody could be reached."""

    model_config = example({"outcome": "unreached"})

    outcome: Literal["unreached"]


class DoneIn(Ask):
    """What was asked for is done; whoever raised the task sees the result."""

    model_config = example(
        {
            "outcome": "done",
            "result": {"note": "40 vans", "value": {"amount": 1250000, "currency": "GBP"}, "url": None},
        },
        {"outcome": "done"},
    )

    outcome: Literal["done"]
    result: ResultIn | None = None


class DeclinedIn(Ask):
    """What was asked for will not be done; whoever raised the task sees why."""

    model_config = example({"outcome": "declined", "reason": "we do not sell that abroad"})

    outcome: Literal["declined"]
    reason: LongText = Field(min_length=1)


CompleteIn: TypeAlias = Annotated[
    QualifiedIn | DisqualifiedIn | NurtureIn | UnreachedIn | DoneIn | DeclinedIn, Field(discriminator="outcome")
]
"""How an enquiry or prospect ends, or a task."""


class HandedOut(Said):
    """Where the opportunity went: `pool`; `queue` (past the pool, or there is none); `rep`, who took it."""

    queue: QueueName
    to: Literal["pool", "queue", "rep"]
    taken_by: RepId | None = None


class CompleteOut(Said):
    """It is done; the claim has ended."""

    model_config = example(
        {
            "item": {**ENQUIRY_EXAMPLE, "state": "done"},
            "claim": {**CLAIM_EXAMPLE, "state": "completed"},
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
