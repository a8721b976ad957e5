"""A lead as it is posted, and what is answered."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from schemas.api.normal import (
    MOST_CUSTOM,
    MOST_EMPLOYEES,
    Clean,
    Country,
    CustomKey,
    CustomValue,
    Language,
    Line,
    Slug,
    Web,
)
from schemas.api.problem import MistakeCode
from schemas.api.shape import Ask, Said
from schemas.api.values import Happened
from schemas.events.stamp import Moment
from schemas.words import LeadId

MOST_CLICK_IDS = 10
FIRST_YEAR = 2000


def _since_2000(moment: Any) -> Any:
    if moment is not None and moment.year < FIRST_YEAR:
        raise PydanticCustomError("out_of_range", f"must not lie before {FIRST_YEAR}")
    return moment


class ContactIn(Ask):
    """Who it is. One of `email`, `phone` and `profile_url` is required."""

    email: Annotated[Annotated[str, StringConstraints(max_length=254)] | None, Clean] = None
    phone: Line = Field(
        default=None, description="As people write it; without a country code, of `country` or the source's region."
    )
    name: Line = None
    first_name: Line = None
    last_name: Line = None
    job_title: Line = None
    profile_url: Annotated[Annotated[str, StringConstraints(max_length=2000)] | None, Clean] = None
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
    text: Annotated[Annotated[str, StringConstraints(max_length=2000)] | None, Clean] = None
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

    submission_id: Annotated[Annotated[str, StringConstraints(max_length=255)] | None, Clean] = Field(
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
    message: Annotated[Annotated[str, StringConstraints(max_length=10_000)] | None, Clean] = None
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
