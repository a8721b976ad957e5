"""Attempts: one try to reach the person, and what came of it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from schemas.api.claims import ENQUIRY_EXAMPLE as CLAIM_EXAMPLE
from schemas.api.claims import ClaimOut
from schemas.api.items import ENQUIRY_EXAMPLE, ItemOut
from schemas.api.shape import Ask, Said, example
from schemas.api.values import Ahead, Happened, LongText
from schemas.events.stamp import Moment
from schemas.words import AttemptId, AttemptOutcome, Channel

_ATTEMPT: dict[str, Any] = {
    "channel": "phone",
    "outcome": "no_answer",
    "at": None,
    "note": None,
    "next_at": None,
    "promise": False,
    "evidence": None,
}


class AttemptIn(Ask):
    """One try to reach the person, and what came of it.

    Of an enquiry or prospect: `next_at` with `promise` keeps the claim, and the next pull after then gives it first;
    `next_at` alone gives it back until then, for anyone. Of an opportunity or customer: `next_at` is the next step.
    """

    model_config = example(
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

    model_config = example(
        {
            **_ATTEMPT,
            "id": "att_01jz8m4s1n9d2e4r8t6y5a7c9b",
            "at": "2026-07-06T09:31:12.400Z",
            "first": True,
            "first_conversation": False,
            "item": ENQUIRY_EXAMPLE,
            "claim": CLAIM_EXAMPLE,
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
