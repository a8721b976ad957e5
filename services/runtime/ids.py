"""Ids that are made: UUIDv7, so that they sort by the time at which they were made."""

import secrets
from datetime import datetime

from schemas.ids import PREFIXES, encode, uuid7


def mint(prefix: str, now: datetime) -> str:
    """Make a new id of this kind, as `itm_01k3…`."""
    if prefix not in PREFIXES:
        raise ValueError(f"no kind of id: {prefix}")
    return f"{prefix}_{encode(uuid7(int(now.timestamp() * 1000), secrets.token_bytes(10)))}"
