"""Reps: who works which queues, and who is there."""

from datetime import datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    validate_email,
)
from pydantic_core import PydanticCustomError

from schemas.api.shape import Ask, Said
from schemas.api.values import Ahead
from schemas.events.stamp import Moment
from schemas.words import Presence, QueueName, RepId

MOST = 100
"""Of queues, skills and territories of one rep."""
_zones = cache(available_timezones)


def _zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError(
            "not_allowed", "is no time zone of the IANA database", {"remedy": "Write it as Europe/London"}
        )
    return name


def _email(address: str) -> str:
    try:
        validate_email(address)
    except PydanticCustomError:
        raise PydanticCustomError(
            "invalid_email", "is no e-mail address", {"remedy": "Write it as ann@example.com"}
        ) from None
    return address


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Zone = Annotated[str, StringConstraints(max_length=200), AfterValidator(_zone)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_email)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]

_REP: dict[str, Any] = {
    "name": "Ann Archer",
    "email": "ann@example.com",
    "queues": ["closing/uk"],
    "skills": ["de"],
    "territories": ["london"],
    "zone": "Europe/London",
}
_OUT: dict[str, Any] = {
    "id": "rep_01jz8m4s1n9d2e4r8t6y5a7c9b",
    **_REP,
    "status": "present",
    "until": None,
    "created_at": "2026-07-06T09:30:00.123Z",
}


class RepIn(Ask):
    """A new rep."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REP]})

    name: Name
    email: Email | None = None
    queues: list[Word] = Field(
        min_length=1, max_length=MOST, description="Queues of the policy: pulls take from these, and no others."
    )
    skills: list[Word] = Field(default=[], max_length=MOST)
    territories: list[Word] = Field(default=[], max_length=MOST)
    zone: Zone | None = Field(default=None, description="IANA; the policy's, if not said.")


class RepPatch(Ask):
    """What is to be changed of a rep; what is not named stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"queues": ["closing/uk", "closing/ie"]}]})

    name: Name = Field(default_factory=str)
    email: Email | None = None
    queues: list[Word] = Field(
        default_factory=list,
        max_length=MOST,
        description="All of them, the new and the old. None: off every queue, as one who left; a new rep has one, or"
        " nobody's managers would see them.",
    )
    skills: list[Word] = Field(default_factory=list, max_length=MOST)
    territories: list[Word] = Field(default_factory=list, max_length=MOST)
    zone: Zone = Field(default_factory=str)


class RepOut(Said):
    """A rep."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OUT]})

    id: RepId
    name: str
    email: str | None
    queues: tuple[QueueName, ...]
    skills: tuple[str, ...]
    territories: tuple[str, ...]
    zone: str
    status: Presence
    until: Moment | None = Field(description="Of one who is away: back then; null: until changed.")
    created_at: Moment


class PresenceIn(Ask):
    """Whether a rep is there. Claims run on while they are away; pulls do not, and buffers do not count them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "away", "until": "2026-07-20T08:00:00Z"}, {"status": "present", "until": None}]
        }
    )

    status: Presence
    until: Ahead | None = Field(default=None, description="Away until then; null: until changed.")

    @field_validator("until")
    @classmethod
    def _of_one_away(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        if until is not None and info.data.get("status") == Presence.PRESENT:
            raise PydanticCustomError("not_allowed", "is only for one who is away", {"remedy": "Send null"})
        return until


class PresenceOut(Said):
    """The rep, as they are now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rep": {**_OUT, "status": "away", "until": "2026-07-20T08:00:00.000Z"}}]}
    )

    rep: RepOut
