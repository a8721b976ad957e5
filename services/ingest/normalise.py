"""Normalise: what was posted, as it is kept; what of it is not understood; and what is wrong with it. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from router.identifiers.emails import Email, is_free, read_email
from router.identifiers.links import NETWORKS, domain_of, profile, registrable, web
from router.identifiers.phones import read_phone
from schemas.api.intake import CompanyIn, LeadIn, Warned
from schemas.api.normal import clean
from schemas.api.problem import MistakeCode
from schemas.events.intake import Campaign, Company, CustomValue
from schemas.person import Consent, Contact
from schemas.words import EmailKind, Frozen
from services.runtime.http.mistakes import body_mistakes
from services.runtime.http.problems import Invalid, Mistake

_DERIVED: Final = frozenset({"email_kind", "email_valid", "phone_valid", "profile_valid"})
"""What lists tell that get better: it is no part of what was said, so it does not make another body of the same."""
_DOMAIN: Final = frozenset({"domain"})
_CLICK_IDS: Final = frozenset({"click_ids"})
_AT: Final = frozenset({"at"})
_NOTHING: Final[frozenset[str]] = frozenset()
_NO_COMPANY: Final = CompanyIn()
_ENCODER: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Normal:
    """A posted lead in its normal form. `said` is the text of all of it but times: the same for the same body."""

    contact: Contact
    company: Company
    campaign: Campaign
    consent: Consent | None
    intent: str | None
    product: str | None
    message: str | None
    custom: Mapping[str, CustomValue]
    test: bool
    list: bool
    occurred_at: datetime | None
    submission_id: str | None
    warnings: tuple[Warned, ...]
    said: bytes


def normalise(posted: Mapping[str, Any], *, default_region: str | None, now: datetime) -> Normal:
    """Check and normalise a body of JSON. `default_region` is where a number without a country code is dialled.

    Raises: Invalid, with all mistakes at once.
    """
    try:
        lead = LeadIn.model_validate(posted, context={"now": now})
    except ValidationError as error:
        mistakes = body_mistakes(error, LeadIn, posted)
        told = {mistake.pointer for mistake in mistakes}
        raise Invalid(
            [*mistakes, *(found for found in _of_raw(posted, default_region) if found.pointer not in told)]
        ) from None
    return normal_of(lead, default_region)


def normal_of(lead: LeadIn, default_region: str | None) -> Normal:
    """Normalise a lead that is in order by itself. Raises: Invalid, with all mistakes at once."""
    sender = lead.contact
    known = _identify(sender.email, sender.phone, sender.profile_url, (sender.country, default_region))
    links = _Links()
    company = _company(lead.company or _NO_COMPANY, known.email, links)
    campaign = _campaign(lead, links)
    if mistakes := [*known.mistakes, *links.mistakes]:
        raise Invalid(mistakes)
    contact = Contact(
        **{
            **sender.__dict__,
            "email": known.email.address if known.email else sender.email,
            "email_kind": known.email.kind if known.email else None,
            "email_valid": known.email is not None,
            "phone": known.phone or sender.phone,
            "phone_valid": known.phone is not None,
            "profile_url": known.profile or sender.profile_url,
            "profile_valid": known.profile is not None,
        }
    )
    consent = Consent(**lead.consent.__dict__) if lead.consent else None
    return Normal(
        contact=contact,
        company=company,
        campaign=campaign,
        consent=consent,
        intent=lead.intent,
        product=lead.product,
        message=lead.message,
        custom=lead.custom or {},
        test=bool(lead.test),
        list=bool(lead.list),
        occurred_at=lead.occurred_at,
        submission_id=lead.submission_id,
        warnings=known.warnings,
        said=_said(lead, contact, company, campaign, consent),
    )


def _said(lead: LeadIn, contact: Contact, company: Company, campaign: Campaign, consent: Consent | None) -> bytes:
    """Write what was said, the same for the same: sorted, without what is empty, so that new fields change nothing."""
    domain = domain_of(lead.company.domain) if lead.company and lead.company.domain else None
    said = {
        "contact": _told(contact, _DERIVED),
        "company": {**_told(company, _DOMAIN), **({"domain": domain} if domain else {})},
        "campaign": _told(campaign, _NOTHING if campaign.click_ids else _CLICK_IDS),
        "consent": _told(consent, _AT) if consent else None,
        "intent": lead.intent,
        "product": lead.product,
        "message": lead.message,
        "custom": {key: value for key, value in (lead.custom or {}).items() if value is not None},
        "test": bool(lead.test),
        "list": bool(lead.list),
    }
    kept = {key: value for key, value in said.items() if value not in (None, {}, False)}
    return _ENCODER.encode(kept).encode()


def _told(of: Frozen, but: frozenset[str]) -> dict[str, Any]:
    """The fields that are told, but for some."""
    return {name: value for name, value in of.__dict__.items() if value is not None and name not in but}


@dataclass(frozen=True, slots=True)
class _Known:
    """Who it is: the identities that could be read; of the others, `warnings`, or `mistakes` where none could."""

    email: Email | None
    phone: str | None
    profile: str | None
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Warned, ...]


def _identify(email: str | None, phone: str | None, profile_url: str | None, regions: Iterable[str | None]) -> _Known:
    read = (
        read_email(email) if email else None,
        read_phone(phone, regions) if phone else None,
        profile(profile_url) if profile_url else None,
    )
    wrong = [
        each for each, text, got in zip(_IDENTITIES, (email, phone, profile_url), read, strict=True) if text and not got
    ]
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[Warned, ...] = ()
    if any(read):
        warnings = tuple(Warned(pointer=pointer, code=code, detail="kept as sent") for pointer, code, _, _ in wrong)
    elif wrong:
        mistakes = tuple(
            Mistake(code, detail, pointer=pointer, remedy=remedy) for pointer, code, detail, remedy in wrong
        )
    else:
        mistakes = (Mistake("required", "one of email, phone and profile_url is required", pointer="#/contact"),)
    return _Known(*read, mistakes, warnings)


_IDENTITIES: Final[tuple[tuple[str, MistakeCode, str, str], ...]] = (
    ("#/contact/email", "invalid_email", "is no e-mail address", "Write it as ann@example.com"),
    (
        "#/contact/phone",
        "invalid_phone",
        "is no telephone number",
        "Write it with its country code, as +44 20 7946 0123",
    ),
    (
        "#/contact/profile_url",
        "invalid_url",
        "is no address of a person's page",
        "Write it as https://linkedin.com/in/ann",
    ),
)


def _of_raw(posted: Mapping[str, Any], default_region: str | None) -> tuple[Mistake, ...]:
    """Look at the identities of a body that is wrong elsewhere, so that all mistakes are told at once."""
    contact = posted.get("contact")
    if not isinstance(contact, Mapping):
        return ()
    said = (contact.get("email"), contact.get("phone"), contact.get("profile_url"))
    email, phone, profile_url = (clean(value) if isinstance(value, str) else None for value in said)
    if not (email or phone or profile_url) and any(value is not None for value in said):
        return ()  # of the wrong type, which is told already
    country = contact.get("country")
    regions = (country.strip().upper() if isinstance(country, str) else None, default_region)
    return _identify(email, phone, profile_url, regions).mistakes


class _Links:
    """Reads addresses, and notes those that are none."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def read(self, pointer: str, text: str | None) -> str | None:
        found = web(text) if text else None
        if text and not found:
            self.mistakes.append(Mistake("invalid_url", "there can be no such host", pointer=pointer))
        return found


def _company(posted: CompanyIn, email: Email | None, links: _Links) -> Company:
    website = links.read("#/company/website", posted.website)
    domain: str | None = None
    if posted.domain:
        domain = domain_of(posted.domain)
        if domain is None:
            remedy = "Write it as example.com"
            links.mistakes.append(
                Mistake("bad_format", "is no domain of a company", pointer="#/company/domain", remedy=remedy)
            )
    else:
        of_website = domain_of(website) if website else None
        if of_website and of_website not in NETWORKS:
            domain = of_website
        elif email and email.kind is EmailKind.BUSINESS:
            domain = registrable(email.domain)
    return Company(**{**vars(posted), "website": website, "domain": None if domain and is_free(domain) else domain})


def _campaign(lead: LeadIn, links: _Links) -> Campaign:
    if lead.campaign is None:
        return Campaign()
    pages = {
        name: links.read(f"#/campaign/{name}", getattr(lead.campaign, name)) for name in ("page_url", "referrer_url")
    }
    click_ids = {name: value for name, value in (lead.campaign.click_ids or {}).items() if value is not None}
    return Campaign(**{**vars(lead.campaign), **pages, "click_ids": click_ids})
