"""What every lifecycle event carries, and the event as it stands in the log: stamped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from schemas.words import LeadId, Role

E = TypeVar("E")
Word = Annotated[E | str, Field(union_mode="left_to_right")]
"""A closed list when we write; when we read, an unknown word of a newer version is kept as text."""


@lru_cache(maxsize=64)  # much happens at one moment
def text_of(moment: datetime) -> str:
    """Write a moment as the contract does: UTC, milliseconds.

    >>> from datetime import UTC
    >>> text_of(datetime(2026, 7, 6, 9, 30, 0, 123456, tzinfo=UTC))
    '2026-07-06T09:30:00.123Z'
    """
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


Moment = Annotated[datetime, PlainSerializer(text_of, return_type=str, when_used="json")]
"""Aware UTC; in JSON with milliseconds."""


class Tolerant(BaseModel):
    """A value in an event: fields of a newer version are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Actor(Tolerant):
    """Who did it; `id` of the rep, or of the manager's or admin's key; None for the system."""

    kind: Word[Role]
    id: str | None = None


SYSTEM = Actor(kind=Role.SYSTEM)


class Stamp(Tolerant):
    """Which lead, the how-manieth event of it (1, 2, 3 …), when, whether only a test, and who."""

    lead_id: LeadId
    seq: int = Field(ge=1)
    at: Moment
    test: bool
    actor: Actor


class LifecycleEvent(Tolerant):
    """Something that happened to a lead, its items, opportunity or customer. No personal data fits."""

    NAME: ClassVar[str]

    @classmethod
    def type(cls) -> str:
        """The CloudEvents type, `leadgate.<name>.v1`."""
        return f"leadgate.{cls.NAME}.v1"


class UnknownEvent(LifecycleEvent):
    """An event of a newer version: kept whole, never fatal."""

    NAME: ClassVar[str] = "unknown"
    name: str = Field(exclude=True)


@dataclass(frozen=True)
class Told:
    """An event in its place in a lead's story. This is what the lifecycle topic holds."""

    stamp: Stamp
    event: LifecycleEvent

    @property
    def name(self) -> str:
        return self.event.name if isinstance(self.event, UnknownEvent) else self.event.NAME

    def data(self) -> Mapping[str, Any]:
        """The JSON value of the record: stamp and event in one flat object."""
        return {**self.stamp.model_dump(mode="json"), **self.event.model_dump(mode="json")}

    @cached_property
    def json(self) -> bytes:
        """`data` as JSON, for timeline and log."""
        stamp, event = self.stamp.__pydantic_serializer__.to_json(self.stamp), self.event.model_dump_json().encode()
        return stamp if event == b"{}" else stamp[:-1] + b"," + event[1:]

    @classmethod
    def of(cls, event: LifecycleEvent, **stamp: Any) -> Self:
        return cls(Stamp(**stamp), event)
