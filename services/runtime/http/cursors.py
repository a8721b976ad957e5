"""Cursors of lists: opaque, of our making, good only for the list and the filters that they came from."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from services.runtime.http.problems import InvalidCursor
from services.runtime.secret import Keyring

Place = tuple[str, ...]
"""Where in a list: what it is ordered by, of the last row shown."""

_TAG = 12


def filters_of(path: str, parameters: Mapping[str, Sequence[str]]) -> bytes:
    """What a cursor is bound to: the list, and how it was filtered."""
    chosen = {name: sorted(values) for name, values in parameters.items() if name not in ("cursor", "limit") and values}
    return json.dumps([path, chosen], sort_keys=True).encode()


def seal(keyring: Keyring, filters: bytes, place: Sequence[str]) -> str:
    """Make a cursor."""
    said = json.dumps(list(place), separators=(",", ":")).encode()
    return urlsafe_b64encode(_tag(keyring, filters, said) + said).decode().rstrip("=")


def unseal(keyring: Keyring, filters: bytes, cursor: str) -> Place:
    """Read a cursor. Raises: InvalidCursor, it is not one of ours, or of another list or filter."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raise InvalidCursor from None
    if not hmac.compare_digest(raw[:_TAG], _tag(keyring, filters, raw[_TAG:])):
        raise InvalidCursor
    place: list[Any] = json.loads(raw[_TAG:])
    return tuple(place)


def _tag(keyring: Keyring, filters: bytes, said: bytes) -> bytes:
    return keyring.digest("cursor", filters, said, size=_TAG)
