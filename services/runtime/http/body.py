"""Bodies: read up to the limit and no further, and parsed as strictly as the contract says."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn
from urllib.parse import quote

from starlette.requests import Request

from services.runtime.http.headers import first
from services.runtime.http.problems import (
    MOST_MISTAKES,
    Invalid,
    MalformedBody,
    Mistake,
    TooLarge,
    UnsupportedMediaType,
)

JSON: Final = "application/json"
JSON_LIMIT: Final = 64 * 1024
"""Bytes of every JSON body."""
DEEPEST: Final = 8
"""Objects and arrays within each other, the outermost counted."""

_ODD = re.compile("[\x00\ud800-\udfff]")


class ClientGone(Exception):
    """The caller hung up before its body was here: there is nobody to answer."""


async def read(request: Request, limit: int) -> bytes:
    """The whole body. Raises: TooLarge as soon as it is known to be over `limit` bytes; ClientGone."""
    announced = first(request.scope, b"content-length")
    if announced is not None:
        whole = announced.isascii() and announced.isdigit() and len(announced.lstrip("0")) < 19
        if not whole or int(announced) > limit:
            raise TooLarge(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def media_type_of(request: Request, accepted: tuple[str, ...], *, required: bool) -> str | None:
    """The media type of the body, one of `accepted`; None where none is told and none is `required`.

    Raises: UnsupportedMediaType, for a content encoding and for a charset other than UTF-8 too.
    """
    encoding = first(request.scope, b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in ("identity", ""):
        raise UnsupportedMediaType(accepted, "A compressed body is not read: send it without Content-Encoding.")
    told = (first(request.scope, b"content-type") or "").strip()
    if told in accepted:
        return told
    if not told:
        if required:
            raise UnsupportedMediaType(accepted)
        return None
    kind, *parameters = (part.strip() for part in told.split(";"))
    if kind.lower() not in accepted:
        raise UnsupportedMediaType(accepted)
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(accepted, "The body must be UTF-8.")
    return kind.lower()


def json_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object strictly. Raises: MalformedBody; Invalid, with all places of odd characters."""
    parsed, mistakes = parse(raw)
    if mistakes:
        raise Invalid(mistakes)
    return parsed


def parse(raw: bytes) -> tuple[dict[str, Any], list[Mistake]]:
    """The JSON object, and where in it are texts with U+0000 or a lone surrogate (`invalid_character`).

    Raises: MalformedBody: not UTF-8, not JSON, not an object, a key repeated, NaN or an infinity, nested over 8 deep.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"The body is not UTF-8: byte {error.start} is wrong.") from None
    try:
        parsed = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedBody(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise MalformedBody(_TOO_DEEP) from None
    if not isinstance(parsed, dict):
        raise MalformedBody("The body is not a JSON object: { … }.")
    return parsed, list(_walk(parsed, check=_suspect(raw)))


_TOO_DEEP = f"The body nests objects and arrays over {DEEPEST} deep."


def _suspect(raw: bytes) -> bool:
    """Whether an odd character can be in it at all: only an escape can write one, NUL unescaped being no JSON."""
    return b"\\u" in raw


def _walk(parsed: dict[str, Any], *, check: bool) -> Iterator[Mistake]:
    """Find texts with odd characters, keys included, at most so many. Raises: MalformedBody, nested too deep."""
    found = 0
    level: list[tuple[str, Any]] = [("#", parsed)]
    for _depth in range(DEEPEST):
        inner: list[tuple[str, Any]] = []
        for pointer, value in level:
            children: Iterator[tuple[str | int, Any]]
            children = iter(value.items()) if isinstance(value, dict) else iter(enumerate(value))
            for key, child in children:
                odd = check and (
                    (isinstance(key, str) and _ODD.search(key)) or (isinstance(child, str) and _ODD.search(child))
                )
                if odd and found < MOST_MISTAKES:
                    found += 1
                    yield odd_character(pointer=f"{pointer}/{escaped(key)}")
                if isinstance(child, dict | list):
                    inner.append((f"{pointer}/{escaped(key)}" if check else "", child))
        if not inner:
            return
        level = inner
    raise MalformedBody(_TOO_DEEP)


def escaped(key: str | int) -> str:
    """A key as a part of a JSON pointer in a fragment. Source: RFC 6901, sections 3 and 6.

    >>> escaped("a/b c")
    'a~1b%20c'
    """
    part = _ODD.sub("\N{REPLACEMENT CHARACTER}", str(key)).replace("~", "~0").replace("/", "~1")
    return quote(part, safe="~!$&'()*+,;=:@?")


def odd(text: str) -> bool:
    """Tell whether U+0000 or a lone surrogate is in it: PostgreSQL and UTF-8 have no place for them."""
    return _ODD.search(text) is not None


def odd_character(*, pointer: str | None = None, parameter: str | None = None) -> Mistake:
    return Mistake("invalid_character", "has U+0000 or a lone surrogate in it", pointer=pointer, parameter=parameter)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise MalformedBody(f"The key {json.dumps(twice[:64])} is repeated in one object.")
    return made


def _constant(name: str) -> NoReturn:
    raise MalformedBody(f"{name} is not a JSON number.")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise MalformedBody("A number is too large.")
    return number


def _int(text: str) -> int:
    if len(text) > 400:
        raise MalformedBody("A number is too large.")
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float, parse_int=_int)
