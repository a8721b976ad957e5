"""Customers."""

from typing import Any

from pydantic import ConfigDict, Field

from schemas.api.shape import Said
from schemas.events.stamp import Moment
from schemas.words import CustomerId, CustomerState, LeadId, Money, OpportunityId, RepId

EXAMPLE: dict[str, Any] = {
    "id": "cus_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "lead_id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
    "opportunity_id": "opp_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "state": "onboarding",
    "closer": "rep_01jz8m4s1n9d2e4r8t6y5a7c9c",
    "since": "2026-07-24T16:30:00.000Z",
    "value": {"amount": 1250000, "currency": "GBP"},
    "deployed_at": None,
}


class CustomerOut(Said):
    """A customer: what a won opportunity became."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: CustomerId
    lead_id: LeadId
    opportunity_id: OpportunityId
    state: CustomerState
    closer: RepId | None = Field(description="The AE who won it, until it is deployed.")
    since: Moment
    value: Money
    deployed_at: None = None
