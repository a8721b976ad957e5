"""A lead as it is posted, and what is answered.

Text is NFC, trimmed, and null when empty, before anything else of it is checked.
"""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from schemas.api.problem import MistakeCode
from schemas.api.shape import Ask, Said
from schemas.api.values import Happened
from schemas.countries import COUNTRIES, MEANT
from schemas.events.stamp import Moment
from schemas.words import LeadId

MOST_EMPLOYEES = 10_000_000
MOST_CUSTOM = 50
MOST_CLICK_IDS = 10
MOST_IN_LIST = 20
LONGEST_CUSTOM = 2000
LARGEST_WHOLE = 2**63 - 1
"""Whole numbers in `custom` are at most of 64 bits, as other systems' ids are."""
FIRST_YEAR = 2000

_EDGES = "".join(char for char in map(chr, range(0x3001)) if char.isspace()) + "\u200b\u200c\u200d\u2060\ufeff"
"""What is trimmed: white space, and what is as invisible when pasted along."""
_CUSTOM_KEY = r"^[A-Za-z0-9_.-]{1,64}$"
WEB = re.compile(
    r"(https?://([^\s/?#@\\:]+|\[[0-9a-f:.]+\])|[^\s/?#@\\:.]+\.[^\s/?#@\\:]+)(:\d{1,5})?([/?#]\S*)?", re.IGNORECASE
)
"""What an address of a page looks like: with a scheme, or as people write it, `example.com/page`."""
_LANGUAGE = re.compile(
    r"(?P<language>[a-z]{2,3}(-[a-z]{3}){0,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|\d{3}))?"
    r"(-([a-z0-9]{5,8}|\d[a-z0-9]{3}))*(-[a-wyz0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?",
    re.IGNORECASE | re.ASCII,
)


def clean(value: Any) -> Any:
    """Bring text into its normal form; None where nothing is left. What is no text stays as it is.

    >>> clean("  Zoe\\u0308 ")
    'Zoë'
    >>> clean(" ") is None
    True
    """
    if not isinstance(value, str):
        return value
    text = value.strip(_EDGES)
    return (text if text.isascii() else unicodedata.normalize("NFC", text)) or None


def _country(code: str) -> str:
    upper = code.upper()
    if upper in COUNTRIES:
        return upper
    remedy = f"Did you mean {MEANT[upper]}?" if upper in MEANT else "Write the two letters of ISO 3166-1, as GB"
    raise PydanticCustomError("invalid_country", "is no country of ISO 3166-1", {"remedy": remedy})


def _language(tag: str) -> str:
    """Bring a language tag into the usual case. Source: RFC 5646, sections 2.1 and 2.1.1."""
    if not (shape := _LANGUAGE.fullmatch(tag.replace("_", "-"))):
        raise PydanticCustomError("bad_format", "is no language tag of BCP 47", {"remedy": "Write it as en-GB"})
    parts = shape[0].lower()
    for name, cased in (("script", str.title), ("region", str.upper)):
        if shape[name]:
            start, end = shape.span(name)
            parts = parts[:start] + cased(parts[start:end]) + parts[end:]
    return parts


def _web(url: str) -> str:
    if not WEB.fullmatch(url):
        raise PydanticCustomError(
            "invalid_url", "is no address of a page", {"remedy": "Write it as https://example.com/page"}
        )
    return url


def _custom(value: Any) -> Any:
    """Check one value of `custom`: text, a number, a boolean, null, or up to 20 texts."""
    if isinstance(value, str):
        return _custom_text(value)
    if isinstance(value, list):
        if len(value) > MOST_IN_LIST:
            raise PydanticCustomError("too_many", f"a list has at most {MOST_IN_LIST} texts")
        if not all(isinstance(text, str) for text in value):
            raise PydanticCustomError("wrong_type", "a list holds texts only")
        return [text for text in map(_custom_text, value) if text is not None]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_WHOLE:
            raise PydanticCustomError(
                "out_of_range", "a whole number has at most 64 bits", {"remedy": "Send it as text"}
            )
        return value
    if isinstance(value, float):
        return value
    raise PydanticCustomError(
        "wrong_type",
        "must be a text, a number, a boolean, null or a list of texts",
        {"remedy": "Flatten it: one key for each value"},
    )


def _custom_text(value: str) -> str | None:
    text: str | None = clean(value)
    if text is not None and len(text) > LONGEST_CUSTOM:
        raise PydanticCustomError("too_long", f"a text has at most {LONGEST_CUSTOM:,} characters")
    return text


def _since_2000(moment: Any) -> Any:
    if moment is not None and moment.year < FIRST_YEAR:
        raise PydanticCustomError("out_of_range", f"must not lie before {FIRST_YEAR}")
    return moment


_Clean = BeforeValidator(clean)
_Short = Annotated[str, StringConstraints(max_length=200)]
Line = Annotated[_Short | None, _Clean]
Web = Annotated[Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web)] | None, _Clean]
Country = Annotated[Annotated[str, StringConstraints(max_length=200), AfterValidator(_country)] | None, _Clean]
Language = Annotated[Annotated[str, StringConstraints(max_length=200), AfterValidator(_language)] | None, _Clean]
Slug = Annotated[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")] | None, _Clean]
CustomKey = Annotated[str, StringConstraints(pattern=_CUSTOM_KEY)]
CustomValue = Annotated[
    Any,
    PlainValidator(_custom),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": LONGEST_CUSTOM},
                {"type": "number"},
                {"type": "boolean"},
                {"type": "null"},
                {"type": "array", "maxItems": MOST_IN_LIST, "items": {"type": "string", "maxLength": LONGEST_CUSTOM}},
            ]
        }
    ),
]


class ContactIn(Ask):
    """Who it is. One of `email`, `phone` and `profile_url` is required."""

    email: Annotated[Annotated[str, StringConstraints(max_length=254)] | None, _Clean] = None
    phone: Line = Field(
        default=None, description="As people write it; without a country code, of `country` or the source's region."
    )
    name: Line = None
    first_name: Line = None
    last_name: Line = None
    job_title: Line = None
    profile_url: Annotated[Annotated[str, StringConstraints(max_length=2000)] | None, _Clean] = None
    language: Language = Field(default=None, description="BCP 47, as en-GB.")
    country: Country = Field(default=None, description="ISO 3166-1 alpha-2.")


class CompanyIn(Ask):
    """Where they work."""

    name: Line = None
    website: Web = None
    domain: Line = Field(default=None, description="Else taken from the website, else from a business e-mail.")
    employees: int | None = Field(default=None, ge=0, le=MOST_EMPLOYEES)
    industry: Line = None
    country: Country = Field(default=None, description="ISO 3166-1 alpha-2.")
    city: Line = None
    postal_code: Line = None


class CampaignIn(Ask):
    """What brought them."""

    utm_source: Line = None
    utm_medium: Line = None
    utm_campaign: Line = None
    utm_term: Line = None
    utm_content: Line = None
    click_ids: dict[CustomKey, Line] | None = Field(default=None, max_length=MOST_CLICK_IDS)
    page_url: Web = None
    referrer_url: Web = None


class ConsentIn(Ask):
    """What they agreed to, and the words they saw."""

    contact: bool | None = None
    marketing: bool | None = None
    text: Annotated[Annotated[str, StringConstraints(max_length=2000)] | None, _Clean] = None
    at: Happened | None = None


EXAMPLE: dict[str, Any] = {
    "submission_id": "typeform-8f2c",
    "occurred_at": "2026-07-06T09:29:58Z",
    "test": False,
    "list": False,
    "contact": {
        "email": "Ann.Lee@Example.com",
        "phone": "020 7946 0123",
        "name": "Ann Lee",
        "first_name": None,
        "last_name": None,
        "job_title": "COO",
        "profile_url": None,
        "language": "en-GB",
        "country": "GB",
    },
    "company": {
        "name": "Example Ltd",
        "website": "https://www.example.com",
        "domain": None,
        "employees": 120,
        "industry": "logistics",
        "country": "GB",
        "city": "Leeds",
        "postal_code": "LS1 1AA",
    },
    "intent": "demo",
    "product": "fleet",
    "message": "We have 40 vans and lose an hour a day on each.",
    "campaign": {
        "utm_source": "google",
        "utm_medium": "cpc",
        "utm_campaign": "q3",
        "utm_term": None,
        "utm_content": None,
        "click_ids": {"gclid": "x"},
        "page_url": "https://example.com/demo",
        "referrer_url": None,
    },
    "consent": {"contact": True, "marketing": False, "text": "You may ring me.", "at": "2026-07-06T09:29:58Z"},
    "custom": {"seats": 40, "trial": True, "regions": ["north", "south"]},
}


class LeadIn(Ask):
    """A lead. Only one of `contact.email`, `contact.phone` and `contact.profile_url` is required."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE, {"contact": {"email": "Ann.Lee@Example.com"}}]})

    submission_id: Annotated[Annotated[str, StringConstraints(max_length=255)] | None, _Clean] = Field(
        default=None,
        description="Your key, where there is no `Idempotency-Key`. The same key is the same lead, for ever.",
    )
    occurred_at: Annotated[Happened | None, AfterValidator(_since_2000)] = Field(
        default=None, description="By your clock."
    )
    test: bool | None = Field(default=None, description="Goes all the way, and is in no count.")
    list: bool | None = Field(default=None, description="From a list: nobody raised a hand.")
    contact: ContactIn
    company: CompanyIn | None = None
    intent: Slug = None
    product: Slug = None
    message: Annotated[Annotated[str, StringConstraints(max_length=10_000)] | None, _Clean] = None
    campaign: CampaignIn | None = None
    consent: ConsentIn | None = None
    custom: dict[CustomKey, CustomValue] | None = Field(default=None, max_length=MOST_CUSTOM)


class Warned(Said):
    """Something that was kept, but not understood."""

    pointer: str = Field(examples=["#/contact/phone"])
    code: MistakeCode = Field(examples=["invalid_phone"])
    detail: str = Field(examples=["kept as sent"])


class LeadAccepted(Said):
    """It is durable. The same key gives the same id, for ever."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
                    "status": "accepted",
                    "received_at": "2026-07-06T09:30:00.123Z",
                    "receipt_url": "/v1/leads/ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
                    "warnings": [{"pointer": "#/contact/phone", "code": "invalid_phone", "detail": "kept as sent"}],
                }
            ]
        }
    )

    id: LeadId
    status: str = "accepted"
    received_at: Moment
    receipt_url: str
    warnings: list[Warned]


class LineAccepted(Said):
    """The answer to a line of a batch that was taken."""

    line: int = Field(ge=1)
    status: int = 202
    id: LeadId
    warnings: list[Warned]


class LineRefused(Said):
    """The answer to a line of a batch that was not taken, with the problem that the line alone would have got."""

    line: int = Field(ge=1)
    status: int = Field(examples=[422])
    problem: dict[str, Any]
