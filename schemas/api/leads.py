"""A lead as it stands, what happened to it, and the list of leads."""

from typing import Any

from pydantic import ConfigDict, Field

from schemas.api.page import ListQuery
from schemas.api.shape import Query, Said
from schemas.api.values import Instant, Text
from schemas.events.stamp import Moment
from schemas.words import (
    AccountId,
    CustomerId,
    DecisionId,
    Direction,
    ItemId,
    LeadId,
    LeadState,
    OpportunityId,
    PersonId,
    SubmissionId,
)

LONGEST_WAIT = 30
"""Seconds that a receipt may be waited for."""


class SubmissionOut(Said):
    """One distinct body that came under the lead's key. The first one routed is applied."""

    id: SubmissionId
    received_at: Moment
    applied: bool


class DecisionOut(Said):
    """The last decision on it, and where that sent it."""

    id: DecisionId
    policy_version: int
    rule: str
    queue: str | None


class OpenItemOut(Said):
    """The work that is open for it."""

    id: ItemId
    kind: str
    queue: str
    state: str
    due_at: Moment | None


class ContactOut(Said):
    """Who it is, normalised."""

    email: str | None
    email_kind: str | None
    phone: str | None
    name: str | None
    first_name: str | None
    last_name: str | None
    job_title: str | None
    profile_url: str | None
    language: str | None
    country: str | None


class CompanyOut(Said):
    """Where they work."""

    name: str | None
    website: str | None
    domain: str | None
    employees: int | None
    industry: str | None
    country: str | None
    city: str | None
    postal_code: str | None


class MilestonesOut(Said):
    """When it first reached each step; null: not yet."""

    captured: str | None = None
    decided: str | None = None
    pullable: str | None = None
    pulled: str | None = None
    attempt: str | None = None
    conversation: str | None = None
    qualified: str | None = None
    released: str | None = None
    closer_pulled: str | None = None
    closer_conversation: str | None = None
    meeting: str | None = None
    proposal_requested: str | None = None
    proposal_presented: str | None = None
    won: str | None = None
    lost: str | None = None


CONTACT_EXAMPLE: dict[str, Any] = {
    "email": "Ann.Lee@example.com",
    "email_kind": "business",
    "phone": "+442079460123",
    "name": "Ann Lee",
    "first_name": None,
    "last_name": None,
    "job_title": "COO",
    "profile_url": None,
    "language": "en-GB",
    "country": "GB",
}
COMPANY_EXAMPLE: dict[str, Any] = {
    "name": "Example Ltd",
    "website": "https://www.example.com",
    "domain": "example.com",
    "employees": 120,
    "industry": "logistics",
    "country": "GB",
    "city": "Leeds",
    "postal_code": "LS1 1AA",
}
EXAMPLE: dict[str, Any] = {
    "id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
    "state": "claimed",
    "outcome": None,
    "reason": None,
    "direction": "inbound",
    "source": "web",
    "test": False,
    "list": False,
    "merged_into": None,
    "received_at": "2026-07-06T09:30:00.123Z",
    "priority": "normal",
    "conflict": False,
    "submissions": [{"id": "sub_7k2v9m4q8r1t6y3z5a0c2d4e", "received_at": "2026-07-06T09:30:00.123Z", "applied": True}],
    "person_id": "per_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "account_id": "acc_01jz8m4s1n9d2e4r8t6y5a7c9c",
    "data_deadline": None,
    "decision": {
        "id": "dec_01jz8m4s1n9d2e4r8t6y5a7c9d",
        "policy_version": 3,
        "rule": "enquiry",
        "queue": "inbound/main",
    },
    "open_item": {
        "id": "itm_01jz8m4s1n9d2e4r8t6y5a7c9e",
        "kind": "enquiry",
        "queue": "inbound/main",
        "state": "claimed",
        "due_at": "2026-07-06T09:35:00.123Z",
    },
    "opportunity_id": None,
    "customer_id": None,
    "nurture_until": None,
    "contact": CONTACT_EXAMPLE,
    "company": COMPANY_EXAMPLE,
    "message": "We have 40 vans and lose an hour a day on each.",
    "custom": {"seats": 40},
    "milestones": {
        "captured": "2026-07-06T09:30:00.123Z",
        "decided": "2026-07-06T09:30:00.180Z",
        "pullable": "2026-07-06T09:30:00.180Z",
        "pulled": "2026-07-06T09:30:41.002Z",
    },
}


class LeadOut(Said):
    """A lead's receipt. `received`: it is accepted and not yet routed; all else is null then.

    A source is told no `contact`, `company`, `message` and `custom`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: LeadId
    state: LeadState
    outcome: str | None = Field(default=None, description="Of a closed one: `won lost disqualified unreached`.")
    reason: str | None = Field(default=None, description="Why it was closed or rejected.")
    direction: str | None = None
    source: str | None = None
    test: bool | None = None
    list: bool | None = None
    merged_into: LeadId | None = None
    received_at: Moment | None = None
    priority: str | None = None
    conflict: bool | None = Field(
        default=None, description="Another body came under the same key; the first one stands."
    )
    submissions: tuple[SubmissionOut, ...] | None = None
    person_id: PersonId | None = None
    account_id: AccountId | None = None
    data_deadline: Moment | None = None
    decision: DecisionOut | None = None
    open_item: OpenItemOut | None = None
    opportunity_id: OpportunityId | None = None
    customer_id: CustomerId | None = None
    nurture_until: Moment | None = None
    contact: ContactOut | None = None
    company: CompanyOut | None = None
    message: str | None = None
    custom: dict[str, Any] | None = None
    milestones: MilestonesOut | None = None


class LeadQuery(Query):
    """How a receipt is asked for."""

    wait: int = Field(default=0, ge=0, le=LONGEST_WAIT, description="Seconds to wait until it is decided.")


class LeadsQuery(ListQuery):
    """Which leads."""

    state: LeadState | None = None
    source: Text | None = None
    queue: Text | None = Field(
        default=None, description="Of its open item, else where it was last sent; as `closing/uk`."
    )
    direction: Direction | None = None
    since: Instant | None = Field(default=None, alias="from", description="Received then or later.")
    until: Instant | None = Field(default=None, alias="to", description="Received before then.")


class TimelineEventOut(Said):
    """One lifecycle event of a lead, as it stands in `leads.lifecycle.v1`; `name` says which."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "name": "lead.nurtured",
                    "lead_id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
                    "seq": 3,
                    "at": "2026-07-06T09:30:00.180Z",
                    "test": False,
                    "actor": {"kind": "system", "id": None},
                    "until": "2026-10-04T09:30:00.180Z",
                }
            ]
        },
    )

    name: str = Field(examples=["item.claimed"])
    lead_id: LeadId
    seq: int = Field(ge=1)
    at: str
    test: bool
    actor: dict[str, Any]
