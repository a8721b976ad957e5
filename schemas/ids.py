"""Ids: a prefix that says the kind, and Crockford's base 32 in lower case (no i, l, o, u)."""

import re
from functools import lru_cache

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
"""What 10 bits are written as."""
PATTERN = re.compile(r"[a-z]{2,3}_[0-9a-hjkmnp-tv-z]{26,32}")
PREFIXES = frozenset("ld sub per acc itm clm att opp mtg prq prp cus tsk rep sup key dec evt req dlq".split())


def encode(raw: bytes) -> str:
    """Write `raw` in base 32, most significant bits first, so that order is kept.

    >>> encode(bytes(16))
    '00000000000000000000000000'
    """
    length = -(-len(raw) * 8 // 5)
    number = int.from_bytes(raw)
    text = ""
    for shift in range((length - 1) // 2 * 10, -1, -10):
        text += _PAIRS[number >> shift & 0x3FF]
    return text if length % 2 == 0 else text[1:]


def decode(text: str, size: int) -> bytes | None:
    """Read `size` bytes back; None where `text` is not what `encode` wrote.

    >>> decode(encode(b"0123456789abcdef"), 16)
    b'0123456789abcdef'
    """
    number = 0
    for char in text:
        digit = ALPHABET.find(char)
        if digit < 0:
            return None
        number = number << 5 | digit
    if len(text) != -(-size * 8 // 5) or number >> 8 * size:
        return None
    return number.to_bytes(size)


def uuid7(milliseconds: int, random: int) -> str:
    """Write the UUIDv7 of Unix time in milliseconds and 74 random bits. Source: RFC 9562, section 5.7.

    >>> decode(uuid7(1_783_330_200_123, 2**74 - 1), 16).hex()
    '019f36c35a3b7fffbfffffffffffffff'
    """
    after = 0x7000 << 64 | random >> 62 << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return _time(milliseconds) + encode(after.to_bytes(10))


@lru_cache(maxsize=16)
def _time(milliseconds: int) -> str:
    """The 48 bits of the time: ten characters, and what follows them in a UUID begins a new one."""
    return encode((milliseconds & (1 << 48) - 1).to_bytes(6))


def looks_like(prefix: str, text: str) -> bool:
    """Tell whether `text` could be an id of this kind."""
    return text.startswith(prefix + "_") and PATTERN.fullmatch(text) is not None
