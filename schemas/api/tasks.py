"""Tasks: what one desk asks of another, and what came of it."""

from typing import Any

from pydantic import Field

from schemas.api.normal import Web
from schemas.api.shape import Ask, Said, example
from schemas.api.values import LongText, MoneyIn, Until
from schemas.events.stamp import Moment
from schemas.words import CustomerId, Money, OpportunityId, TaskId, TaskKind, TaskState

_RESULT: dict[str, Any] = {
    "note": "40 vans, three years",
    "value": {"amount": 1250000, "currency": "GBP"},
    "url": "https://files.example.com/quotes/7",
}
EXAMPLE: dict[str, Any] = {
    "id": "tsk_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "kind": "quote",
    "state": "done",
    "summary": "40 vans, three years, with telematics",
    "needed_by": "2026-07-18T22:59:59.999Z",
    "raised_by": "rep_01jz8m4s1n9d2e4r8t6y5a7c9c",
    "raised_at": "2026-07-16T14:10:00.000Z",
    "opportunity_id": "opp_01jz8m4s1n9d2e4r8t6y5a7c9b",
    "customer_id": None,
    "closed_at": "2026-07-17T09:30:00.000Z",
    "lead_time_ms": 69600000,
    "result": _RESULT,
    "reason": None,
}


class ResultIn(Ask):
    """What came of a task."""

    model_config = example(_RESULT)

    note: LongText | None = None
    value: MoneyIn | None = None
    url: Web = None


class ResultOut(Said):
    """What came of a task."""

    model_config = example(_RESULT)

    note: str | None = None
    value: Money | None = None
    url: str | None = None


class TaskIn(Ask):
    """What is asked for. The policy's `tasks` says which queue does it."""

    model_config = example(
        {"kind": "quote", "summary": "40 vans, three years, with telematics", "needed_by": "2026-07-18"},
        {"kind": "solution_design", "summary": "two depots, one network", "needed_by": None},
    )

    kind: TaskKind
    summary: LongText = Field(min_length=1)
    needed_by: Until | None = Field(default=None, description="By the end of a day, in the policy's zone, or a time.")


class TaskOut(Said):
    """A task as it stands. `lead_time_ms`: from raised to closed."""

    model_config = example(EXAMPLE)

    id: TaskId
    kind: TaskKind
    state: TaskState
    summary: str
    needed_by: Moment | None
    raised_by: str = Field(description="The rep, or the manager's key.")
    raised_at: Moment
    opportunity_id: OpportunityId | None
    customer_id: CustomerId | None
    closed_at: Moment | None
    lead_time_ms: int | None
    result: ResultOut | None
    reason: str | None = Field(description="Why it was declined.")
