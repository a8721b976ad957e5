"""The headers that every request may carry."""

import random
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.types import Scope

from schemas.words import FencingToken
from services.runtime.http.problems import MalformedHeader
from services.runtime.ids import mint

CLAIM_TOKEN: Final = "Leadgate-Claim-Token"  # noqa: S105 - the name of a header
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
REQUEST_ID: Final = "X-Request-Id"
TRACEPARENT: Final = "traceparent"
CSRF: Final = "X-CSRF-Token"

_IDEMPOTENCY_KEY: Final = IDEMPOTENCY_KEY.lower().encode()
_CLAIM_TOKEN: Final = CLAIM_TOKEN.lower().encode()
_TOLD: Final = "leadgate.headers"
"""Where a request's headers are kept by their names."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_VISIBLE = re.compile(r"[!-~]{1,255}", re.ASCII)
_TOKEN = re.compile(r"[0-9]{1,18}", re.ASCII)


def given(scope: Scope, name: bytes) -> Sequence[str]:
    """The values of a header, by its name in lower case, as servers give names to applications."""
    told: dict[bytes, list[str]] | None = scope.get(_TOLD)
    if told is None:
        told = scope[_TOLD] = {}
        for each, value in scope["headers"]:
            told.setdefault(each, []).append(value.decode("latin-1"))
    return told.get(name, ())


def first(scope: Scope, name: bytes) -> str | None:
    """The first value of a header."""
    values = given(scope, name)
    return values[0] if values else None


def request_id_of(raw: str | None, now: datetime) -> str:
    """The caller's id of the request if it is a fit one, else a new one."""
    return raw if raw is not None and _REQUEST_ID.fullmatch(raw) else mint("req", now)


def traceparent_of(raw: str | None) -> str:
    """The caller's place in a trace if it is a fit one, else a new trace, not sampled. Source: W3C Trace Context."""
    if raw is not None and _TRACEPARENT.fullmatch(raw) and not raw.startswith("ff"):
        return raw
    trace, span = random.getrandbits(128), random.getrandbits(64)
    return f"00-{trace or 1:032x}-{span or 1:016x}-00"


def idempotency_key_of(request: Request) -> str | None:
    """The key, bare or quoted. Raises: MalformedHeader."""
    raw = _single(request, IDEMPOTENCY_KEY, _IDEMPOTENCY_KEY)
    if raw is None:
        return None
    key = raw[1:-1] if len(raw) > 1 and raw[0] == raw[-1] == '"' else raw
    if not _VISIBLE.fullmatch(key) or (key is raw and '"' in key):
        raise MalformedHeader(IDEMPOTENCY_KEY, "Idempotency-Key is 1 to 255 visible ASCII characters, bare or quoted.")
    return key


def claim_token_of(request: Request) -> FencingToken | None:
    """The claim's token. Raises: MalformedHeader."""
    raw = _single(request, CLAIM_TOKEN, _CLAIM_TOKEN)
    if raw is None:
        return None
    if not _TOKEN.fullmatch(raw):
        raise MalformedHeader(CLAIM_TOKEN, "Leadgate-Claim-Token is the integer that came with the claim.")
    return FencingToken(int(raw))


def bearer_of(request: Request) -> str | None:
    """The key that the request shows, empty where Authorization says something else."""
    told = given(request.scope, b"authorization")
    if not told:
        return None
    scheme, _, key = told[0].strip().partition(" ")
    return key.strip() if scheme.lower() == "bearer" and len(told) == 1 else ""


def _single(request: Request, name: str, key: bytes) -> str | None:
    told = given(request.scope, key)
    if len(told) > 1:
        raise MalformedHeader(name, f"{name} is given more than once.")
    return told[0].strip() if told else None
