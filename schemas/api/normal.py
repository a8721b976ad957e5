"""What people write of themselves, in its normal form.

Text is NFC, trimmed, and null when empty, before anything else of it is checked.
"""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.countries import COUNTRIES, MEANT

MOST_EMPLOYEES = 10_000_000
MOST_CUSTOM = 50
MOST_IN_LIST = 20
LONGEST_CUSTOM = 2000
LARGEST_WHOLE = 2**63 - 1
"""Whole numbers in `custom` are at most of 64 bits, as other systems' ids are."""

_EDGES = "".join(char for char in map(chr, range(0x3001)) if char.isspace()) + "\u200b\u200c\u200d\u2060\ufeff"
"""What is trimmed: white space, and what is as invisible when pasted along."""
_CUSTOM_KEY = r"^[A-Za-z0-9_.-]{1,64}$"
WEB = re.compile(
    r"(https?://([^\s/?#@\\:]+|\[[0-9a-f:.]+\])|[^\s/?#@\\:.]+\.[^\s/?#@\\:]+)(:\d{1,5})?([/?#]\S*)?", re.IGNORECASE
)
"""What an address of a page looks like: with a scheme, or as people write it, `example.com/page`."""
_LANGUAGE = re.compile(
    r"(?P<language>[a-z]{2,3}(-[a-z]{3}){0,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|\d{3}))?"
    r"(-([a-z0-9]{5,8}|\d[a-z0-9]{3}))*(-[a-wyz0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?",
    re.IGNORECASE | re.ASCII,
)


def clean(value: Any) -> Any:
    """Bring text into its normal form; None where nothing is left. What is no text stays as it is.

    >>> clean("  Zoe\\u0308 ")
    'Zoë'
    >>> clean(" ") is None
    True
    """
    if not isinstance(value, str):
        return value
    text = value.strip(_EDGES)
    return (text if text.isascii() else unicodedata.normalize("NFC", text)) or None


def _country(code: str) -> str:
    upper = code.upper()
    if upper in COUNTRIES:
        return upper
    remedy = f"Did you mean {MEANT[upper]}?" if upper in MEANT else "Write the two letters of ISO 3166-1, as GB"
    raise PydanticCustomError("invalid_country", "is no country of ISO 3166-1", {"remedy": remedy})


def _language(tag: str) -> str:
    """Bring a language tag into the usual case. Source: RFC 5646, sections 2.1 and 2.1.1."""
    if not (shape := _LANGUAGE.fullmatch(tag.replace("_", "-"))):
        raise PydanticCustomError("bad_format", "is no language tag of BCP 47", {"remedy": "Write it as en-GB"})
    parts = shape[0].lower()
    for name, cased in (("script", str.title), ("region", str.upper)):
        if shape[name]:
            start, end = shape.span(name)
            parts = parts[:start] + cased(parts[start:end]) + parts[end:]
    return parts


def _web(url: str) -> str:
    if not WEB.fullmatch(url):
        raise PydanticCustomError(
            "invalid_url", "is no address of a page", {"remedy": "Write it as https://example.com/page"}
        )
    return url


def _custom(value: Any) -> Any:
    """Check one value of `custom`: text, a number, a boolean, null, or up to 20 texts."""
    if isinstance(value, str):
        return _custom_text(value)
    if isinstance(value, list):
        if len(value) > MOST_IN_LIST:
            raise PydanticCustomError("too_many", f"a list has at most {MOST_IN_LIST} texts")
        if not all(isinstance(text, str) for text in value):
            raise PydanticCustomError("wrong_type", "a list holds texts only")
        return [text for text in map(_custom_text, value) if text is not None]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_WHOLE:
            raise PydanticCustomError(
                "out_of_range", "a whole number has at most 64 bits", {"remedy": "Send it as text"}
            )
        return value
    if isinstance(value, float):
        return value
    raise PydanticCustomError(
        "wrong_type",
        "must be a text, a number, a boolean, null or a list of texts",
        {"remedy": "Flatten it: one key for each value"},
    )


def _custom_text(value: str) -> str | None:
    text: str | None = clean(value)
    if text is not None and len(text) > LONGEST_CUSTOM:
        raise PydanticCustomError("too_long", f"a text has at most {LONGEST_CUSTOM:,} characters")
    return text


Clean = BeforeValidator(clean)
_Short = Annotated[str, StringConstraints(max_length=200)]
Line = Annotated[_Short | None, Clean]
Web = Annotated[Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web)] | None, Clean]
Country = Annotated[Annotated[str, StringConstraints(max_length=200), AfterValidator(_country)] | None, Clean]
Language = Annotated[Annotated[str, StringConstraints(max_length=200), AfterValidator(_language)] | None, Clean]
Slug = Annotated[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")] | None, Clean]
CustomKey = Annotated[str, StringConstraints(pattern=_CUSTOM_KEY)]
CustomValue = Annotated[
    Any,
    PlainValidator(_custom),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": LONGEST_CUSTOM},
                {"type": "number"},
                {"type": "boolean"},
                {"type": "null"},
                {"type": "array", "maxItems": MOST_IN_LIST, "items": {"type": "string", "maxLength": LONGEST_CUSTOM}},
            ]
        }
    ),
]
