"""Headers as the tables of schema `log` keep them: a list of pairs, readable in SQL, and whole whatever the bytes."""

import base64
from collections.abc import Sequence
from typing import Final

import pydantic_core

from schemas.envelope import Headers

_NUL: Final = "\\u0000"


def to_json(headers: Headers) -> list[list[str]]:
    """Write text as `[name, text]`, and bytes that are no text (or that JSON in PostgreSQL cannot hold) in base 64.

    >>> to_json((("a", b"1"), ("b", b"\\xff")))
    [['a', '1'], ['b', '/w==', 'base64']]
    """
    return [[name.replace("\0", "\N{REPLACEMENT CHARACTER}"), *_text(value)] for name, value in headers]


def text_of(headers: Headers) -> str:
    """`to_json` as text."""
    try:
        text = pydantic_core.to_json(headers).decode()  # it writes bytes as the text that they are
    except pydantic_core.PydanticSerializationError:
        text = _NUL
    return pydantic_core.to_json(to_json(headers)).decode() if _NUL in text else text


def from_json(pairs: Sequence[Sequence[str]]) -> Headers:
    """Read them back.

    >>> from_json([["a", "1"], ["b", "/w==", "base64"]])
    (('a', b'1'), ('b', b'\\xff'))
    """
    return tuple((name, base64.b64decode(value) if how else value.encode()) for name, value, *how in pairs)


def _text(value: bytes) -> list[str]:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    return [base64.b64encode(value).decode(), "base64"] if "\0" in text else [text]
