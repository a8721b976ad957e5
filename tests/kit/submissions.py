"""Submissions as ingest appends them, made by hand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from schemas.events.intake import Campaign, Company, LeadSubmitted
from schemas.person import Contact
from schemas.topics import INBOUND, OUTBOUND
from schemas.words import Direction, SourceName
from services.runtime.edge import Edge
from services.runtime.log.messages import message
from services.runtime.log.port import Message
from services.runtime.secret import Keyring


def submission(
    keyring: Keyring,
    at: datetime,
    key: str | None = None,
    *,
    source: str = "web",
    direction: Direction = Direction.INBOUND,
    email: str | None = "ann.lee@example.com",
    phone: str | None = None,
    profile: str | None = None,
    company: Company | None = None,
    utm_source: str | None = None,
    contact: dict[str, Any] | None = None,
    **said: Any,
) -> LeadSubmitted:
    """A lead's body, normalised. Without a `key` it is a new lead each time."""
    lead = keyring.lead_id(SourceName(source), key)
    who = Contact(
        email=email,
        email_valid=email is not None,
        email_kind="business" if email else None,
        phone=phone,
        phone_valid=phone is not None,
        profile_url=profile,
        profile_valid=profile is not None,
        **{"name": "Ann Lee", "country": "GB", **(contact or {})},
    )
    body = repr((who, company, sorted(said.items(), key=str))).encode()
    return LeadSubmitted(
        id=lead,
        submission_id=keyring.submission_id(lead, body),
        source=SourceName(source),
        direction=direction,
        received_at=at,
        contact=who,
        company=company or Company(),
        campaign=Campaign(utm_source=utm_source),
        **said,
    )


def as_message(submitted: LeadSubmitted, key: str | None = None) -> Message:
    """A record's worth; `key` places it."""
    topic = OUTBOUND if submitted.direction == Direction.OUTBOUND else INBOUND
    place = key or str(submitted.contact.email or submitted.id)
    return message(topic, place, submitted.type(), submitted.data(), subject=place, at=submitted.received_at)


async def submit(edge: Edge, submissions: Sequence[LeadSubmitted], key: str | None = None) -> None:
    """Append them to the intake topics; with a `key`, all to one partition, in this order."""
    await edge.log.append([as_message(one, key) for one in submissions])
