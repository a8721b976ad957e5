"""Normalise: what was posted, as it is kept; what of it is not understood; and what is wrong with it. Pure."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from router.identifiers.emails import Email, is_free, read_email
from router.identifiers.links import NETWORKS, Link, domain_of, profile, read_link, registrable
from router.identifiers.phones import read_phone
from schemas.api.intake import CampaignIn, CompanyIn, LeadIn, Warned
from schemas.api.normal import clean
from schemas.api.problem import MistakeCode
from schemas.events.intake import Campaign, Company
from schemas.person import Consent, Contact
from schemas.words import EmailKind
from services.runtime.http.mistakes import body_mistakes
from services.runtime.http.problems import Invalid, Mistake

Fields = Mapping[str, Any]


def _names(of: type[BaseModel], *, but: Iterable[str] = ()) -> tuple[str, ...]:
    return tuple(sorted(of.model_fields.keys() - set(but)))


# What was said, in an order that new fields do not change. What lists tell that get better is no part of it, or a new
# list would make another body of the same.
_OF_CONTACT: Final = _names(Contact, but=["email_kind", "email_valid", "phone_valid", "profile_valid"])
_OF_COMPANY: Final = _names(Company)
_OF_CAMPAIGN: Final = _names(Campaign)
_OF_CONSENT: Final = _names(Consent, but=["at"])
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_NO_COMPANY: Final = CompanyIn()
_NO_CAMPAIGN: Final = CampaignIn()


class Normal(NamedTuple):
    """A posted lead in its normal form: what of `lead` became of it as fields of the models of those names.

    `said` is the text of all of it but times: the same for the same body.
    """

    lead: LeadIn
    contact: Fields
    company: Fields
    campaign: Fields
    consent: Fields | None
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
    email = known.email
    links = _Links()
    company = _company(lead.company or _NO_COMPANY, email, links)
    campaign = _campaign(lead.campaign or _NO_CAMPAIGN, links)
    if known.mistakes or links.mistakes:
        raise Invalid([*known.mistakes, *links.mistakes])
    contact = {
        **vars(sender),
        "email": email.address if email else sender.email,
        "email_kind": email.kind if email else None,
        "email_valid": email is not None,
        "phone": known.phone or sender.phone,
        "phone_valid": known.phone is not None,
        "profile_url": known.profile or sender.profile_url,
        "profile_valid": known.profile is not None,
    }
    consent = vars(lead.consent) if lead.consent else None
    said = _said(lead, contact, company, campaign, consent)
    return Normal(lead, contact, company, campaign, consent, known.warnings, said)


def _said(lead: LeadIn, contact: Fields, company: Fields, campaign: Fields, consent: Fields | None) -> bytes:
    """Write what was said, the same for the same: sorted, without what is empty, so that new fields change nothing."""
    domain = domain_of(lead.company.domain) if lead.company and lead.company.domain else None
    said = {
        "campaign": _told({**campaign, "click_ids": _in_order(campaign["click_ids"])}, _OF_CAMPAIGN),
        "company": _told({**company, "domain": domain}, _OF_COMPANY),
        "consent": _told(consent, _OF_CONSENT) if consent else None,
        "contact": _told(contact, _OF_CONTACT),
        "custom": _in_order(lead.custom or {}),
        "intent": lead.intent,
        "list": lead.list,
        "message": lead.message,
        "product": lead.product,
        "test": lead.test,
    }
    kept = {key: value for key, value in said.items() if value}
    if any(isinstance(value, float) for value in (lead.custom or {}).values()):
        return _ENCODER.encode(kept).encode()  # as ever: the other would write 0.00001 in other words
    return to_json(kept)


def _told(fields: Fields, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := fields[name]) is not None}


def _in_order(fields: Fields) -> dict[str, Any] | None:
    return {name: value for name, value in sorted(fields.items()) if value is not None} or None


class _Known(NamedTuple):
    """Who it is: the identities that could be read; of the others, `warnings`, or `mistakes` where none could."""

    email: Email | None
    phone: str | None
    profile: str | None
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Warned, ...]


def _identify(email: str | None, phone: str | None, profile_url: str | None, regions: Iterable[str | None]) -> _Known:
    said = (email, phone, profile_url)
    read = (
        read_email(email) if email else None,
        read_phone(phone, regions) if phone else None,
        profile(profile_url) if profile_url else None,
    )
    wrong = [each for each, text, got in zip(_IDENTITIES, said, read, strict=True) if text and not got]
    if any(read):
        return _Known(*read, (), tuple(_warned(pointer, code) for pointer, code, _, _ in wrong))
    if wrong:
        mistakes = [Mistake(code, detail, pointer=pointer, remedy=remedy) for pointer, code, detail, remedy in wrong]
    else:
        mistakes = [Mistake("required", "one of email, phone and profile_url is required", pointer="#/contact")]
    return _Known(*read, tuple(mistakes), ())


def _warned(pointer: str, code: MistakeCode) -> Warned:
    return Warned(pointer=pointer, code=code, detail="kept as sent")


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

    def read(self, pointer: str, text: str | None) -> Link | None:
        found = read_link(text) if text else None
        if text and not found:
            self.mistakes.append(Mistake("invalid_url", "there can be no such host", pointer=pointer))
        return found


def _company(posted: CompanyIn, email: Email | None, links: _Links) -> dict[str, Any]:
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
        of_website = registrable(website.host) if website else None
        if of_website and of_website not in NETWORKS:
            domain = of_website
        elif email and email.kind is EmailKind.BUSINESS:
            domain = registrable(email.domain)
    return {
        **vars(posted),
        "website": website.address if website else None,
        "domain": None if domain and is_free(domain) else domain,
    }


def _campaign(posted: CampaignIn, links: _Links) -> dict[str, Any]:
    page = links.read("#/campaign/page_url", posted.page_url)
    referrer = links.read("#/campaign/referrer_url", posted.referrer_url)
    return {
        **vars(posted),
        "click_ids": {name: value for name, value in (posted.click_ids or {}).items() if value is not None},
        "page_url": page.address if page else None,
        "referrer_url": referrer.address if referrer else None,
    }
