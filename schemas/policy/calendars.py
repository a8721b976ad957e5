"""Durations, calendars and their hours, as a policy writes them."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from schemas.policy.written import Name, Written

DurationText = Annotated[str, StringConstraints(pattern=r"^([0-9]{1,6}(s|m|h|d)|[0-9]{1,3} working days?)$")]
"""`90s 15m 2h 90d`, or `3 working days` of the queue's calendar."""
ElapsedText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(s|m|h|d)$")]
"""`90s 15m 2h 90d`"""
TimeText = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""`"08:30"`, by the wall clock of the calendar's zone."""
SpanText = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""`"08:00-20:00"`"""
ZoneText = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""IANA, as `Europe/London`."""


class CalendarModel(Written):
    """When a queue is open, less a region's holidays."""

    zone: ZoneText
    hours: Any = Field(description='`always`, or spans by day: `{mon-fri: "09:00-17:30", sat: ["10:00-12:00"]}`')
    holidays: Annotated[str, StringConstraints(max_length=16)] | None = Field(
        default=None, description="ISO 3166, as `GB` or `GB-ENG`"
    )


Calendars = Annotated[dict[Name, CalendarModel], Field(min_length=1, max_length=200)]
