"""Customers: deployed, enlarged, renewed, lost."""

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from schemas.api.shape import Ask, Said, example
from schemas.api.tasks import EXAMPLE as TASK_EXAMPLE
from schemas.api.tasks import TaskOut
from schemas.api.values import Happened, MoneyIn, day
from schemas.events.stamp import Moment
from schemas.words import Churn, CustomerId, CustomerState, LeadId, Money, OpportunityId, RepId

_MONEY = {"amount": 1250000, "currency": "GBP"}
EXAMPLE: dict[str, Any] = {
    "id": "cus_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "lead_id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
    "opportunity_id": "opp_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "state": "active",
    "closer": None,
    "since": "2026-07-24T16:30:00.000Z",
    "value": _MONEY,
    "deployed_at": "2026-08-03T08:00:00.000Z",
    "expansions": [{"at": "2026-11-02T10:00:00.000Z", "value": {"amount": 300000, "currency": "GBP"}}],
    "renewals": [{"at": "2027-07-01T09:00:00.000Z", "value": _MONEY, "until": "2028-07-24"}],
    "tasks": [{**TASK_EXAMPLE, "opportunity_id": None, "customer_id": "cus_01jz8m4s1n9d2e4r8t6y5a7c9b"}],
    "churned_at": None,
    "reason": None,
}


class ExpansionOut(Said):
    """What it bought more."""

    at: Moment
    value: Money


class RenewalOut(Said):
    """For how much it goes on, and until which day."""

    at: Moment
    value: Money
    until: date


class CustomerOut(Said):
    """A customer: what a won opportunity became."""

    model_config = example(EXAMPLE)

    id: CustomerId
    lead_id: LeadId
    opportunity_id: OpportunityId
    state: CustomerState
    closer: RepId | None = Field(description="The AE who won it, until it is deployed.")
    since: Moment
    value: Money = Field(description="Of the first sale.")
    deployed_at: Moment | None
    expansions: list[ExpansionOut]
    renewals: list[RenewalOut]
    tasks: list[TaskOut]
    churned_at: Moment | None
    reason: str | None = Field(description="Why it left.")


class DeployedIn(Ask):
    """What was sold is in use."""

    model_config = example({"at": None})

    at: Happened | None = Field(default=None, description="When; now, if not said.")


class ExpansionIn(Ask):
    """It buys more."""

    model_config = example({"value": {"amount": 300000, "currency": "GBP"}, "at": None})

    value: MoneyIn
    at: Happened | None = Field(default=None, description="When; now, if not said.")


class RenewalIn(Ask):
    """It goes on, through a day."""

    model_config = example({"value": _MONEY, "until": "2028-07-24"})

    value: MoneyIn
    until: Annotated[date, BeforeValidator(day)]


class ChurnIn(Ask):
    """It leaves."""

    model_config = example({"reason": "product", "at": None})

    reason: Churn
    at: Happened | None = Field(default=None, description="When; now, if not said.")


class CustomerChanged(Said):
    """The customer as it stands now."""

    model_config = example({"customer": EXAMPLE})

    customer: CustomerOut
