"""A browser's session: a signed cookie that names a key, which must be live at each request."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from schemas.ids import encode
from schemas.words import PrincipalKind
from services.runtime.secret import Keyring

COOKIE: Final = "leadgate_session"
LASTS: Final = timedelta(hours=12)
PEOPLE: Final = frozenset({PrincipalKind.REP, PrincipalKind.MANAGER, PrincipalKind.ADMIN})
"""Who may sign in."""


@dataclass(frozen=True, slots=True)
class Session:
    """Which key is signed in, and what its pages send back with each write, as `X-CSRF-Token`."""

    key_id: str
    csrf: str


def begin(keyring: Keyring, key_id: str, now: datetime) -> str:
    """The value of a new session's cookie."""
    said = f"{key_id}.{int((now + LASTS).timestamp())}"
    return f"{said}.{_mark(keyring, 'session', said)}"


def session_of(keyring: Keyring, request: Request, now: datetime) -> Session | None:
    """The session that the request's cookie tells, if we made it and it has not ended."""
    cookie = request.cookies.get(COOKIE, "")
    said, _, mark = cookie.rpartition(".")
    if not cookie.isascii() or not hmac.compare_digest(mark, _mark(keyring, "session", said)):
        return None
    key_id, _, ends = said.partition(".")
    return Session(key_id, _mark(keyring, "csrf", said)) if now.timestamp() < int(ends) else None


def is_own_page(session: Session, told: str | None) -> bool:
    """Tell whether a write with a session's cookie came from a page of ours."""
    return told is not None and told.isascii() and hmac.compare_digest(told, session.csrf)


def set_cookie(response: Response, value: str, *, secure: bool) -> None:
    """Sign in, or with an empty value out."""
    seconds = int(LASTS.total_seconds()) if value else 0
    response.set_cookie(COOKIE, value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=secure)


def beyond_loopback(public_url: str, request: Request) -> bool:
    """Tell whether cookies must be `Secure`: both we and the browser are not known to be on this machine alone."""
    return not (_is_loopback(public_url) and _is_loopback(f"//{request.headers.get('host', '')}"))


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _mark(keyring: Keyring, purpose: str, said: str) -> str:
    return encode(keyring.digest(purpose, said))
