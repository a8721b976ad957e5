"""Opportunities: meetings, proposals, won and lost."""

from typing import Any, Literal

from pydantic import Field

from schemas.api.shape import Ask, Said, example
from schemas.api.tasks import EXAMPLE as TASK_EXAMPLE
from schemas.api.tasks import TaskOut
from schemas.api.values import Happened, Instant, LongText, MoneyIn, Text, Until
from schemas.events.stamp import Moment
from schemas.words import (
    CustomerId,
    Influence,
    LeadId,
    Loss,
    MeetingId,
    MeetingMode,
    MeetingState,
    Money,
    OpportunityId,
    OpportunityState,
    QueueName,
    RepId,
    Stage,
)

_MONEY = {"amount": 1250000, "currency": "GBP"}
_MEETING: dict[str, Any] = {
    "id": "mtg_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "state": "booked",
    "at": "2026-07-16T13:00:00.000Z",
    "mode": "in_person",
    "moves": 0,
}
_PROPOSAL: dict[str, Any] = {
    "id": "prp_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "at": "2026-07-20T15:12:00.000Z",
    "request_id": "prq_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "value": _MONEY,
}
_REQUEST: dict[str, Any] = {
    "id": "prq_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "at": "2026-07-17T10:00:00.000Z",
    "note": "two depots, forty vans",
}
QUALIFICATION_EXAMPLE: dict[str, Any] = {
    "need": "drivers lose an hour a day",
    "willing_to_meet": True,
    "influence": "decides",
    "next_step": "demo with her fleet manager",
    "budget": None,
    "timing": "before October",
    "competitor": None,
}
EXAMPLE: dict[str, Any] = {
    "id": "opp_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "lead_id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
    "queue": "closing/uk",
    "state": "open",
    "stage": "proposal_presented",
    "product": "fleet",
    "qualified_by": "rep_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "closer": "rep_01jz8m4s1n9d2e4r8t6y5a7c9c",
    "created_at": "2026-07-06T09:41:00.000Z",
    "accepted_at": "2026-07-16T13:00:00.000Z",
    "qualification": QUALIFICATION_EXAMPLE,
    "estimate": _MONEY,
    "meetings": [{**_MEETING, "state": "held"}],
    "proposal_requests": [_REQUEST],
    "proposals": [_PROPOSAL],
    "tasks": [TASK_EXAMPLE],
    "value": None,
    "closed_at": None,
    "reason": None,
    "reopen_after": None,
    "customer_id": None,
}


class QualificationOut(Said):
    """What the qualifier found out."""

    model_config = example(QUALIFICATION_EXAMPLE)

    need: str | None = None
    willing_to_meet: bool | None = None
    influence: Influence | None = None
    next_step: str | None = None
    budget: str | None = None
    timing: str | None = None
    competitor: str | None = None


class MeetingOut(Said):
    """A meeting. `moves`: how often it was put off or brought forward."""

    model_config = example(_MEETING)

    id: MeetingId
    state: MeetingState
    at: Moment
    mode: MeetingMode
    moves: int


class ProposalRequestOut(Said):
    """The buyer asked for a proposal."""

    model_config = example(_REQUEST)

    id: str
    at: Moment
    note: str | None


class ProposalOut(Said):
    """A proposal, or a further version of one, was presented."""

    model_config = example(_PROPOSAL)

    id: str
    at: Moment
    request_id: str | None
    value: Money


class OpportunityOut(Said):
    """An opportunity as it stands."""

    model_config = example(EXAMPLE)

    id: OpportunityId
    lead_id: LeadId
    queue: QueueName
    state: OpportunityState
    stage: Stage
    product: str | None
    qualified_by: str | None = Field(description="The rep, `auto` (by the rule), or null: nobody.")
    closer: RepId | None = Field(description="Who holds it, or held it last.")
    created_at: Moment
    accepted_at: Moment | None
    qualification: QualificationOut | None
    estimate: Money | None
    meetings: list[MeetingOut]
    proposal_requests: list[ProposalRequestOut]
    proposals: list[ProposalOut]
    tasks: list[TaskOut]
    value: Money | None = Field(description="Of one that is won.")
    closed_at: Moment | None
    reason: str | None = Field(description="Why it was lost.")
    reopen_after: Moment | None
    customer_id: CustomerId | None


class MeetingIn(Ask):
    """A meeting to book; it may have been already."""

    model_config = example({"at": "2026-07-16T13:00:00Z", "mode": "in_person"})

    at: Instant
    mode: MeetingMode


class MeetingEnded(Ask):
    """How it went."""

    model_config = example({"state": "held"}, {"state": "no_show"}, {"state": "cancelled"})

    state: Literal["held", "no_show", "cancelled"]


class MeetingMoved(Ask):
    """To when it was moved. It stays booked."""

    model_config = example({"state": "moved", "at": "2026-07-17T13:00:00Z"})

    state: Literal["moved"]
    at: Instant


class ProposalRequestIn(Ask):
    """The buyer asks for a proposal."""

    model_config = example({"note": "two depots, forty vans"})

    note: LongText | None = None


class ProposalIn(Ask):
    """A proposal was presented; each version anew."""

    model_config = example({"request_id": "prq_01jz8m4s1n9d2e4r8t6y5a7c9b", "value": _MONEY})

    request_id: Text | None = Field(default=None, description="Which request it answers.")
    value: MoneyIn


class WonIn(Ask):
    """The sale is closed."""

    model_config = example({"value": _MONEY, "at": None})

    value: MoneyIn
    at: Happened | None = Field(default=None, description="When; now, if not said.")


class WonOut(Said):
    """It is won, and a customer."""

    model_config = example(
        {
            "opportunity": {
                **EXAMPLE,
                "state": "won",
                "value": _MONEY,
                "customer_id": "cus_01jz8m4s1n9d2e4r8t6y5a7c9b",
            },
            "customer_id": "cus_01jz8m4s1n9d2e4r8t6y5a7c9b",
        }
    )

    opportunity: OpportunityOut
    customer_id: CustomerId


class LostIn(Ask):
    """The sale is lost; with `reopen_after` it opens again by itself then."""

    model_config = example(
        {"reason": "timing", "reopen_after": "2026-10-01"}, {"reason": "price", "reopen_after": None}
    )

    reason: Loss
    reopen_after: Until | None = Field(default=None, description="A day, in the policy's zone, or a time.")


class LostOut(Said):
    """It is lost."""

    model_config = example({"opportunity": {**EXAMPLE, "state": "lost", "reason": "price"}})

    opportunity: OpportunityOut
