"""Reps: who works which queues, and who is there."""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal
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
from schemas.words import ItemId, Presence, QueueName, RepId, TargetName

MOST = 100
"""Of queues, skills and territories of one rep."""
MOST_COVERS = 10
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
    "covers": [],
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
    covers: tuple[RepId, ...] = Field(description="The first of these who is there takes over what falls due.")
    created_at: Moment


class PresenceIn(Ask):
    """Whether a rep is there. Claims run on while they are away; pulls do not, and buffers do not count them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"status": "away", "until": "2026-07-20T08:00:00Z", "covers": ["rep_01jz8m4s1n9d2e4r8t6y5a7c9c"]},
                {"status": "present", "until": None},
            ]
        }
    )

    status: Literal[Presence.PRESENT, Presence.AWAY]
    until: Ahead | None = Field(default=None, description="Away until then; null: until changed.")
    covers: list[Word] = Field(
        default=[],
        max_length=MOST_COVERS,
        description="Ids of reps of the same queues: the first who is there takes over what falls due meanwhile.",
    )

    @field_validator("until")
    @classmethod
    def _of_one_away(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        if until is not None and info.data.get("status") == Presence.PRESENT:
            raise PydanticCustomError("not_allowed", "is only for one who is away", {"remedy": "Send null"})
        return until


class FallsDueOut(Said):
    """Something that falls due before a rep is back; `cover`: whose it is then, as things stand; null: nobody's."""

    item_id: ItemId
    what: Literal["promise", "meeting", "next_step"]
    at: Moment
    cover: RepId | None


class PresenceOut(Said):
    """The rep, as they are now; and while they are away what falls due, the soonest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rep": {
                        **_OUT,
                        "status": "away",
                        "until": "2026-07-20T08:00:00.000Z",
                        "covers": ["rep_01jz8m4s1n9d2e4r8t6y5a7c9c"],
                    },
                    "falls_due": [
                        {
                            "item_id": "itm_01jz8m4s1n9d2e4r8t6y5a7c9b",
                            "what": "promise",
                            "at": "2026-07-08T10:00:00.000Z",
                            "cover": "rep_01jz8m4s1n9d2e4r8t6y5a7c9c",
                        }
                    ],
                }
            ]
        }
    )

    rep: RepOut
    falls_due: list[FallsDueOut]


class TargetOut(Said):
    """A target of a queue, and what is done of it in the day or week from `since` to `until`."""

    queue: QueueName
    name: TargetName
    target: int
    done: int
    since: Moment
    until: Moment


class TargetsOut(Said):
    """How far a rep has come, today and this week, in their own zone. Targets limit nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rep_id": "rep_01jz8m4s1n9d2e4r8t6y5a7c9b",
                    "targets": [
                        {
                            "queue": "closing/uk",
                            "name": "conversations_per_day",
                            "target": 20,
                            "done": 7,
                            "since": "2026-07-05T23:00:00.000Z",
                            "until": "2026-07-06T23:00:00.000Z",
                        }
                    ],
                }
            ]
        }
    )

    rep_id: RepId
    targets: list[TargetOut]


class LeaveIn(Ask):
    """A rep goes for good."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"covers": ["rep_01jz8m4s1n9d2e4r8t6y5a7c9c"]}]})

    covers: list[Word] = Field(
        default=[], max_length=MOST_COVERS, description="Who keeps their promises and meetings: the first who is there."
    )


class LeaveOut(Said):
    """What they held: `moved` to their covers, `returned` for anyone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"moved": 2, "returned": 5}]})

    moved: int
    returned: int
