"""The bodies that browsers send, and JSON of the same flat names, as fields in the order sent. Pure."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from services.runtime.http.body import JSON, JSON_LIMIT, json_object
from services.runtime.http.problems import Invalid, MalformedBody, Mistake, TooLarge

URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
FORM_MEDIA: Final = (URLENCODED, MULTIPART, JSON)
FORM_LIMIT: Final = 256 * 1024
"""Bytes of a form; of JSON as of every JSON body."""
MOST_FIELDS: Final = 100


def fields_of(content_type: str, raw: bytes) -> list[tuple[str, Any]]:
    """Read the fields of a body; files are dropped.

    Raises: MalformedBody, TooLarge, Invalid (over 100 fields, or U+0000 in JSON).
    """
    kind, parameters = parse_options_header(content_type)
    match kind.decode("latin-1").strip():
        case "application/json":
            if len(raw) > JSON_LIMIT:
                raise TooLarge(JSON_LIMIT)
            return _few(list(json_object(raw).items()))
        case "multipart/form-data":
            return _multipart(raw, parameters.get(b"boundary", b""))
        case _:
            return _urlencoded(raw)


def _urlencoded(raw: bytes) -> list[tuple[str, Any]]:
    """Source: WHATWG URL, section 5.1; but what is no UTF-8 is refused."""
    sent = _few([part.partition(b"=") for part in raw.split(b"&") if part])
    return [(_unquoted(name), _unquoted(value)) for name, _, value in sent]


def _unquoted(part: bytes) -> str:
    return _text(unquote_to_bytes(part.replace(b"+", b" ")))


class _Parts:
    """Collects the parts of a multipart body."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, Any]] = []
        self._count = 0
        self._begin()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": _into(lambda: self._header),
            "on_header_value": _into(lambda: self._value),
            "on_header_end": self._header_end,
            "on_part_data": _into(lambda: self._data),
            "on_part_end": self._part_end,
        }

    def _begin(self) -> None:
        self._header, self._value, self._data = bytearray(), bytearray(), bytearray()
        self._disposition: dict[bytes, bytes] = {}

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = parse_options_header(bytes(self._value))[1]
        self._header, self._value = bytearray(), bytearray()

    def _part_end(self) -> None:
        self._count += 1
        if self._count > MOST_FIELDS:
            raise _too_many()
        if b"name" not in self._disposition:
            raise MalformedBody("A part of the form has no name.")
        if b"filename" not in self._disposition:
            self.fields.append((_text(self._disposition[b"name"]), _text(bytes(self._data))))


def _multipart(raw: bytes, boundary: bytes) -> list[tuple[str, Any]]:
    """Source: RFC 7578; fields are UTF-8."""
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(raw)
    except FormParserError as error:
        raise MalformedBody(f"The form cannot be read: {error}.") from None
    if parser.state != MultipartState.END:
        raise MalformedBody("The form breaks off, or its boundary is not the one that Content-Type names.")
    return parts.fields


def _into(where: Callable[[], bytearray]) -> Callable[[bytes, int, int], None]:
    def collect(data: bytes, start: int, end: int) -> None:
        where().extend(data[start:end])

    return collect


def _few(fields: list[Any]) -> list[Any]:
    if len(fields) > MOST_FIELDS:
        raise _too_many()
    return fields


def _too_many() -> Invalid:
    return Invalid([Mistake("too_many", f"a form has at most {MOST_FIELDS} fields", pointer="#")])


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedBody('The form is not UTF-8: give it accept-charset="utf-8".') from None
