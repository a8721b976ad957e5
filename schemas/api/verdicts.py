"""What is said of a whole opportunity: accepted, rejected, reopened, corrected."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from schemas.api.opportunities import EXAMPLE, OpportunityOut
from schemas.api.shape import Ask, Said, example
from schemas.api.values import LongText, MoneyIn
from schemas.words import Loss, Refusal


class RejectIn(Ask):
    """It is not what it was said to be."""

    model_config = example({"reason": "not_a_fit", "note": None}, {"reason": "other", "note": "they lease, not buy"})

    reason: Refusal
    note: LongText | None = Field(default=None, description="It stands in the history.")


class CorrectToOpen(Ask):
    """It was closed by mistake: it is open."""

    model_config = example({"state": "open", "value": None, "reason": None, "note": "the order was for another firm"})

    state: Literal["open"]
    value: None = None
    reason: None = None
    note: LongText | None = Field(default=None, description="It stands in the history.")


class CorrectToWon(Ask):
    """It is won, for this value."""

    model_config = example(
        {"state": "won", "value": {"amount": 1250000, "currency": "GBP"}, "note": "a nought too many"}
    )

    state: Literal["won"]
    value: MoneyIn
    reason: None = None
    note: LongText | None = Field(default=None, description="It stands in the history.")


class CorrectToLost(Ask):
    """It is lost, for this reason."""

    model_config = example({"state": "lost", "reason": "no_decision", "note": "they never signed"})

    state: Literal["lost"]
    value: None = None
    reason: Loss
    note: LongText | None = Field(default=None, description="It stands in the history.")


CorrectIn: TypeAlias = Annotated[CorrectToOpen | CorrectToWon | CorrectToLost, Field(discriminator="state")]
"""What it is, and was not said to be."""


class VerdictOut(Said):
    """The opportunity as it stands now."""

    model_config = example({"opportunity": EXAMPLE})

    opportunity: OpportunityOut
