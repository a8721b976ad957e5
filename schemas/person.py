"""The only personal fields there are. They stand in intake records and in schema `routing`, nowhere else (law 8)."""

from datetime import datetime

from schemas.words import Frozen


class Contact(Frozen):
    """Who it is, normalised: NFC, trimmed, empty is None."""

    email: str | None = None
    """As written, its domain in lower-case IDNA; persons match on it case-insensitively."""
    email_kind: str | None = None
    """`business free disposable`."""
    phone: str | None = None
    """E.164; or as sent, where it does not parse and another identity is valid (then `phone_valid` is false)."""
    phone_valid: bool = False
    email_valid: bool = False
    profile_valid: bool = False
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    job_title: str | None = None
    profile_url: str | None = None
    language: str | None = None
    country: str | None = None


class Consent(Frozen):
    """What the person agreed to, with the words they saw."""

    contact: bool | None = None
    marketing: bool | None = None
    text: str | None = None
    at: datetime | None = None
