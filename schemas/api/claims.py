"""Claims: what a rep holds, until when, and what happens next with it."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from schemas.api.items import EXAMPLE as ITEM_EXAMPLE
from schemas.api.items import ItemOut
from schemas.api.shape import Ask, Said, example
from schemas.api.values import Ahead, LongText
from schemas.events.stamp import Moment
from schemas.words import ClaimId, ClaimState, Exempt, MeetingId, OpportunityId, RepId, Returned, Side

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
ENQUIRY_EXAMPLE = {**EXAMPLE, "expires_at": "2026-07-06T09:45:41.002Z", "heartbeat_every_ms": 300000}


class ClaimOut(Said):
    """A rep's hold of an item. Every write under it sends `token` as `Leadgate-Claim-Token`."""

    model_config = example(EXAMPLE)

    id: ClaimId
    token: int
    state: ClaimState
    rep_id: RepId
    exception: Exempt | None = Field(description="Why it was given out of order.")
    granted_at: Moment
    expires_at: Moment = Field(description="From then on the system may end it, and soon does.")
    heartbeat_every_ms: int | None = Field(description="A heartbeat so often keeps it; null: none is needed.")


class AskOut(Said):
    """Something that the holder has not said: what came of a meeting, an hour after its end."""

    what: Literal["meeting_outcome"]
    opportunity_id: OpportunityId
    meeting_id: MeetingId
    at: Moment = Field(description="When the meeting was.")


class HeldOut(Said):
    """An item and the claim on it; `asks`: what its holder should say now."""

    model_config = example({"item": ITEM_EXAMPLE, "claim": EXAMPLE, "asks": []})

    item: ItemOut
    claim: ClaimOut
    asks: list[AskOut]


class HeartbeatOut(Said):
    """The claim goes on."""

    model_config = example({"claim": ENQUIRY_EXAMPLE})

    claim: ClaimOut


class NextStepIn(Ask):
    """What happens next with an opportunity or customer; it replaces what was to happen."""

    model_config = example(
        {"what": "send the contract", "at": "2026-07-08T10:00:00Z", "side": "theirs", "promise": False}
    )

    what: LongText = Field(min_length=1)
    at: Ahead
    side: Side = Field(description="On whose side it lies.")
    promise: bool = Field(default=False, description="The buyer was told so.")


class ReturnIn(Ask):
    """It goes back to its queue, with its age, and is not offered to this rep again."""

    model_config = example({"reason": "wrong_queue", "note": None}, {"reason": "other", "note": "I know them"})

    reason: Returned
    note: LongText | None = Field(default=None, validate_default=True)

    @field_validator("note")
    @classmethod
    def _other_is_explained(cls, note: str | None, info: ValidationInfo) -> str | None:
        if not (note and note.strip()) and info.data.get("reason") == Returned.OTHER:
            raise PydanticCustomError("required", "`other` is explained in a note", {"remedy": "Write why"})
        return note
