"""What metrics is asked: about which period, of which part, by what groups."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from schemas.api.shape import Query
from schemas.api.values import day, instant
from schemas.words import Desk, Direction

_ZONES = available_timezones()


def _when(value: Any) -> Any:
    return day(value) if isinstance(value, str) and len(value) == 10 else instant(value)


def _later(end: datetime | date, info: ValidationInfo) -> datetime | date:
    """What can be told without the zone; a time beside a date is compared once that is known."""
    start = info.data.get("from_")
    if type(start) is type(end) and not start < end:
        raise PydanticCustomError("out_of_range", "must be after `from`: it is half open")
    return end


def _zone(key: str) -> str:
    if key not in _ZONES:
        raise PydanticCustomError("not_allowed", "is no zone", {"remedy": "Name an IANA zone, as Europe/London"})
    return key


def apart(value: Any) -> Any:
    """`source,day` is as good as the same parameter twice; naming a group again adds nothing."""
    return list(dict.fromkeys(name for text in value for name in text.split(","))) if isinstance(value, list) else value


def _no_basis(_: Any) -> None:
    raise PydanticCustomError(
        "not_allowed", "is not for clocks: each counts where it starts", {"remedy": "Leave it out"}
    )


When = Annotated[datetime | date, BeforeValidator(_when)]
"""A time with an offset, or a date: its first moment in `tz`."""
ZoneKey = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Named = Annotated[list[Annotated[str, StringConstraints(max_length=200)]], Field(max_length=100)]
"""Any of these; none named: all."""


PeriodName = Literal["today", "yesterday", "week", "7d", "month", "30d"]


class Basis(StrEnum):
    EVENT = "event"
    COHORT = "cohort"


class GroupBy(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    DIRECTION = "direction"
    SOURCE = "source"
    DESK = "desk"
    QUEUE = "queue"
    SEGMENT = "segment"
    REP = "rep"


class Filters(Query):
    """Which part of all. Each may be repeated: any of its values."""

    direction: list[Direction] = Field([], max_length=2)
    source: Named = []
    desk: list[Desk] = Field([], max_length=10)
    queue: Named = []
    segment: Named = []
    rep: Named = []


class Period(Query):
    """From when to when. The default is today."""

    from_: When | None = Field(None, alias="from", description="The first moment, or day.")
    to: Annotated[When, AfterValidator(_later)] | None = Field(
        None, description="Half open: the moment, or day, after the last."
    )
    tz: ZoneKey | None = Field(None, description="IANA; default: the policy's.")


class OwnTime(Filters, Period):
    """A part and a period, of what counts at its own time alone."""

    basis: Literal["event"] = Field("event", description="Each fact at its own time.")


class PeriodQuery(Filters, Period):
    """A period, and by what to group."""

    small: bool = Field(False, description="With rates even of fewer than 20.")
    group_by: Annotated[list[GroupBy], BeforeValidator(apart)] = Field([], max_length=2, description="Up to two.")


class FunnelQuery(PeriodQuery):
    basis: Basis = Field(Basis.EVENT, description="Each fact at its own time; or what became of the leads captured.")


class SpeedQuery(PeriodQuery):
    basis: Annotated[str | None, AfterValidator(_no_basis)] = Field(None, description="Refused.", deprecated=True)


class OpsQuery(Query):
    """What the ops page shows."""

    period: PeriodName = "today"
    basis: Basis = Basis.EVENT
    source: Named = []
    queue: Named = []


class QueuesQuery(Query):
    desk: list[Desk] = Field([], max_length=10)
    queue: Named = []
