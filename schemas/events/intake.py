"""The submission as it stands in the intake topics: the contract's body, normalised. It holds a person."""

from datetime import datetime
from typing import Any, ClassVar

from schemas.events.stamp import Moment, Tolerant, Word
from schemas.person import Consent, Contact
from schemas.words import Direction, Frozen, LeadId, SourceName, SubmissionId


class Company(Frozen):
    """Where they work. `domain`: of the account, under its public suffix; None for free mail."""

    name: str | None = None
    website: str | None = None
    domain: str | None = None
    employees: int | None = None
    industry: str | None = None
    country: str | None = None
    city: str | None = None
    postal_code: str | None = None


class Campaign(Frozen):
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    click_ids: dict[str, str] = {}
    page_url: str | None = None
    referrer_url: str | None = None


CustomValue = str | int | float | bool | None | list[str]


class LeadSubmitted(Tolerant):
    """One accepted body. The same lead id may come again, with the same body or another."""

    NAME: ClassVar[str] = "lead.submitted"

    id: LeadId
    submission_id: SubmissionId
    source: SourceName
    direction: Word[Direction]
    received_at: Moment
    """When it was captured: the clocks start here."""
    occurred_at: datetime | None = None
    """The sender's time."""
    test: bool = False
    list: bool = False
    contact: Contact
    company: Company = Company()
    intent: str | None = None
    product: str | None = None
    message: str | None = None
    campaign: Campaign = Campaign()
    consent: Consent | None = None
    custom: dict[str, CustomValue] = {}
    flag: str | None = None
    """`spam` (the trap was filled) or `review` (a form post from an unlisted Origin): kept, and rejected visibly."""

    @classmethod
    def type(cls) -> str:
        return f"leadgate.{cls.NAME}.v1"

    def data(self) -> dict[str, Any]:
        """The JSON value of the record."""
        return self.model_dump(mode="json")

    @property
    def hand_raiser(self) -> bool:
        """They asked for something: inbound, and not of a list."""
        return self.direction == Direction.INBOUND and not self.list
