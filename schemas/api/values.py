"""Values that many requests carry, with the contract's own words for what is wrong with them."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from schemas.currencies import CURRENCIES
from schemas.words import Money

AHEAD = timedelta(seconds=60)
"""How far the clock of a caller may be ahead of ours."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
LARGEST_AMOUNT = 10**15
"""Minor units of one sum of money: far more than any sale, and exact in JavaScript."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def instant(value: Any) -> datetime:
    """Read an RFC 3339 time as UTC, cut to milliseconds.

    >>> instant("2026-07-06T11:30:00.1239+02:00").isoformat()
    '2026-07-06T09:30:00.123000+00:00'

    Raises: PydanticCustomError `invalid_time`, `out_of_range`, `wrong_type`.
    """
    return _near(_read(value))


def _read(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "must be a text")
    remedy = {"remedy": "Write it as 2026-07-06T09:30:00Z"}
    if len(value) > 40 or not (shape := _RFC3339.fullmatch(value)):
        raise PydanticCustomError("invalid_time", "is not a time in RFC 3339", remedy)
    if not shape[2]:
        raise PydanticCustomError("invalid_time", "has no offset from UTC", remedy)
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("invalid_time", "there is no such time", remedy) from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _near(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise PydanticCustomError("out_of_range", "must lie between 1970 and 2200")
    return moment


def day(value: Any) -> date:
    """Read a date. Raises: PydanticCustomError `invalid_time`, `out_of_range`, `wrong_type`."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "must be a text")
    try:
        if len(value) != 10 or not _DAY.fullmatch(value):
            raise ValueError
        found = date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("invalid_time", "is not a date", {"remedy": "Write it as 2026-07-06"}) from None
    if not EARLIEST.year <= found.year < LATEST.year:
        raise PydanticCustomError("out_of_range", "must lie between 1970 and 2200")
    return found


def _happened(value: Any, info: ValidationInfo) -> datetime:
    moment = _read(value)
    assert info.context is not None, "whoever validates gives the context {'now': …}"
    if moment > info.context["now"] + AHEAD:
        raise PydanticCustomError(
            "in_future", "has not happened yet: it is over 60 s ahead", {"remedy": "Check your clock"}
        )
    return _near(moment)


def _ahead(moment: datetime, info: ValidationInfo) -> datetime:
    assert info.context is not None, "whoever validates gives the context {'now': …}"
    if moment <= info.context["now"]:
        raise PydanticCustomError("out_of_range", "must lie ahead")
    return moment


def _day_or_time(value: Any, info: ValidationInfo) -> date | datetime:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return day(value)
    return _ahead(instant(value), info)


def _written(moment: date | datetime) -> str:
    return moment.isoformat()


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise PydanticCustomError("invalid_currency", "is no currency of ISO 4217", {"remedy": "Write it as GBP"})
    return code


Instant = Annotated[datetime, BeforeValidator(instant)]
"""A time with an offset; aware UTC, whole milliseconds."""
Happened = Annotated[datetime, BeforeValidator(_happened)]
"""A time at which something has happened: at most 60 s ahead of now. Validate with the context `{"now": …}`."""
Ahead = Annotated[datetime, BeforeValidator(instant), AfterValidator(_ahead)]
"""A time that lies ahead. Validate with the context `{"now": …}`."""
Until = Annotated[
    date | datetime,
    PlainValidator(_day_or_time),
    PlainSerializer(_written, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
"""A date (its first moment, in the zone of whoever says when that is), or a time that lies ahead."""
Text = Annotated[str, StringConstraints(max_length=200)]
"""A short text."""
LongText = Annotated[str, StringConstraints(max_length=2000)]
"""A note, evidence, a next step."""


class MoneyIn(Money):
    """An amount of money that a caller sends: integer minor units."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"amount": 1250000, "currency": "GBP"}]}
    )

    amount: int = Field(ge=0, le=LARGEST_AMOUNT, description="Integer minor units.")
    currency: Annotated[str, AfterValidator(_currency)] = Field(max_length=200, description="ISO 4217.")
