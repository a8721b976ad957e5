"""Items: what a rep pulls, with all that is known of it."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from schemas.api.customers import CustomerOut
from schemas.api.leads import COMPANY_EXAMPLE, CONTACT_EXAMPLE, CompanyOut, ContactOut
from schemas.api.opportunities import EXAMPLE as OPPORTUNITY_EXAMPLE
from schemas.api.opportunities import OpportunityOut
from schemas.api.page import ListQuery
from schemas.api.shape import Ask, Said
from schemas.api.tasks import TaskOut
from schemas.api.values import LongText, Text
from schemas.events.stamp import Moment
from schemas.words import (
    AccountId,
    Channel,
    Direction,
    Exempt,
    ItemId,
    ItemKind,
    ItemState,
    LeadId,
    PersonId,
    Priority,
    QueueName,
    Side,
)

EXAMPLE: dict[str, Any] = {
    "id": "itm_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "kind": "opportunity",
    "queue": "closing/uk",
    "state": "claimed",
    "priority": "hot",
    "queued_at": "2026-07-06T09:30:00.181Z",
    "due_at": None,
    "next_at": None,
    "rank_at": "2026-06-29T09:30:00.181Z",
    "claims": 1,
    "test": False,
    "channels": ["phone", "sms", "email"],
    "next_step": None,
    "lead": {
        "id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
        "person_id": "per_01jz8m4s1n9d2e4r8t6y5a7c9b",
        "account_id": "acc_01jz8m4s1n9d2e4r8t6y5a7c9c",
        "direction": "inbound",
        "source": "web",
        "received_at": "2026-07-06T09:30:00.123Z",
        "contact": CONTACT_EXAMPLE,
        "company": COMPANY_EXAMPLE,
        "intent": "demo",
        "product": "fleet",
        "message": "We have 40 vans and lose an hour a day on each.",
        "custom": {"seats": 40},
    },
    "opportunity": {
        **OPPORTUNITY_EXAMPLE,
        "stage": "qualified",
        "qualified_by": "auto",
        "accepted_at": None,
        "qualification": None,
        "estimate": None,
        "meetings": [],
        "proposal_requests": [],
        "proposals": [],
        "tasks": [],
    },
    "customer": None,
    "task": None,
    "history": [{"at": "2026-07-06T09:30:00.140Z", "what": "lead.received", "by": None, "note": None}],
}
ENQUIRY_EXAMPLE: dict[str, Any] = {
    **EXAMPLE,
    "kind": "enquiry",
    "queue": "inbound/main",
    "priority": "normal",
    "rank_at": "2026-07-06T08:30:00.181Z",
    "due_at": "2026-07-06T09:35:00.181Z",
    "opportunity": None,
}


class NextStepOut(Said):
    """What happens next, when, and on whose side it lies; a promise was told to the buyer."""

    what: str
    at: Moment
    side: Side
    promise: bool


class ItemLeadOut(Said):
    """Who it is, and what they want."""

    id: LeadId
    person_id: PersonId | None
    account_id: AccountId | None
    direction: Direction
    source: str
    received_at: Moment
    contact: ContactOut
    company: CompanyOut
    intent: str | None
    product: str | None
    message: str | None
    custom: dict[str, Any]


class HistoryOut(Said):
    """Something that happened: a lifecycle event, who did it (null: the system), and what they wrote."""

    at: Moment
    what: str
    by: str | None
    note: str | None


class ItemOut(Said):
    """An item as whoever holds it sees it. By kind: `opportunity`, `customer`, `task`."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: ItemId
    kind: ItemKind
    queue: QueueName
    state: ItemState
    priority: Priority
    queued_at: Moment
    due_at: Moment | None = Field(description="By when the first attempt is due.")
    next_at: Moment | None = Field(description="Of one that is snoozed: it comes back then.")
    rank_at: Moment = Field(description="Its place in the order: the earliest first.")
    claims: int = Field(description="How often it was claimed.")
    test: bool
    channels: list[Channel] = Field(description="On which the person may be reached.")
    next_step: NextStepOut | None
    lead: ItemLeadOut
    opportunity: OpportunityOut | None
    customer: CustomerOut | None
    task: TaskOut | None
    history: list[HistoryOut]


class RequeueIn(Ask):
    """Where it goes, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"queue": "closing/uk", "reason": "Ann has left us"}]})

    queue: Text = Field(description="A queue of a desk that works this kind of item.")
    reason: LongText = Field(min_length=1, description="It stands in the history.")


class RequeueOut(Said):
    """It is back in a queue, for anyone; its age is kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item": {**EXAMPLE, "state": "queued"}}]})

    item: ItemOut


class AssignIn(Ask):
    """Who gets it next, and why out of order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"rep_id": "rep_01jz8m4s1n9d2e4r8t6y5a7c9b", "reason": "named_referral", "note": "They asked"}]
        }
    )

    rep_id: Text = Field(description="A rep of the item's queue who is there.")
    reason: Literal[Exempt.MANAGER, Exempt.NAMED_REFERRAL, Exempt.CONFLICT]
    note: LongText | None = Field(default=None, description="It stands in the history.")


class AssignOut(Said):
    """It is reserved for the rep for a day; its age is kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item": {**EXAMPLE, "state": "queued"}}]})

    item: ItemOut


class ItemsQuery(ListQuery):
    """Which items: the manager's list."""

    state: Literal[ItemState.PARKED]
