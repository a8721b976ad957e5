"""Bodies are parsed as strictly as the contract says, whatever they are."""

import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.requests import Request

from services.runtime.http.body import ClientGone, json_object, media_type_of, parse, read
from services.runtime.http.problems import Invalid, MalformedBody, TooLarge, UnsupportedMediaType


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    """An object, and `depth - 1` more in it."""
    return b'{"a":' + (opening * (depth - 1) + closing * (depth - 1)).encode() + b"}"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"hello", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"a"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"1", "not a JSON object"),
        (b'{"a":1}{"b":2}', "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":NaN}', "NaN is not a JSON number"),
        (b'{"a":[Infinity]}', "Infinity is not a JSON number"),
        (b'{"a":-Infinity}', "-Infinity is not a JSON number"),
        (b'{"a":1e999}', "too large"),
        (b'{"a":' + b"9" * 5000 + b"}", "too large"),
        (b'{"a":1,"a":2}', 'The key "a" is repeated'),
        (b'{"b":{"a":1,"\\u0061":2}}', 'The key "a" is repeated'),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xc0\x80"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        (b'{"a":"\x00"}', "not JSON"),
        (b'{"a":"\n"}', "not JSON"),
        (nested(9), "nests"),
        (nested(100_000), "nests"),
        (b'{"a":' * 50_000, "n"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nests"),
    ],
)
def test_what_cannot_be_parsed_is_malformed(raw: bytes, said: str) -> None:
    with pytest.raises(MalformedBody, match=said):
        json_object(raw)


def test_eight_levels_are_read() -> None:
    assert json_object(nested(8)) == json.loads(nested(8))
    assert json_object(b'{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}')


@pytest.mark.parametrize(
    ("raw", "pointers"),
    [
        (b'{"a":"\\u0000"}', ["#/a"]),
        (b'{"a":"x\\ud800y"}', ["#/a"]),
        (b'{"a":{"b":["ok","\\udc00"]}}', ["#/a/b/1"]),
        (b'{"a\\u0000":1}', ["#/a\N{REPLACEMENT CHARACTER}".replace("\N{REPLACEMENT CHARACTER}", "%EF%BF%BD")]),
        (b'{"a":"\\u0000","b/c~d e":"\\ud83d"}', ["#/a", "#/b~1c~0d%20e"]),
    ],
)
def test_odd_characters_are_told_with_their_places(raw: bytes, pointers: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        json_object(raw)
    assert [(one.pointer, one.code) for one in caught.value.mistakes] == [(at, "invalid_character") for at in pointers]


def test_a_pair_of_surrogates_is_one_character_and_fine() -> None:
    assert json_object(b'{"a":"\\ud83d\\ude00","b":"\\\\u0000"}') == {"a": "\U0001f600", "b": "\\u0000"}


def test_at_most_fifty_places_are_told() -> None:
    raw = json.dumps({f"k{i}": "\x00" for i in range(200)}).encode()
    assert len(parse(raw)[1]) == 50


def request(
    chunks: list[bytes], headers: dict[str, str] | None = None, *, gone: bool = False
) -> tuple[Request, list[bytes]]:
    """A request whose body comes in these chunks; what was not read stays in the list."""

    async def receive() -> MutableMapping[str, Any]:
        if not chunks and gone:
            return {"type": "http.disconnect"}
        body = chunks.pop(0) if chunks else b""
        return {"type": "http.request", "body": body, "more_body": bool(chunks) or gone}

    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return Request({"type": "http", "headers": lines, "method": "POST"}, receive), chunks


async def test_a_body_is_read_whole_up_to_its_limit() -> None:
    assert await read(request([b"ab", b"", b"cd"])[0], 4) == b"abcd"
    assert await read(request([])[0], 4) == b""


async def test_reading_stops_at_the_limit() -> None:
    asked, left = request([b"abc"] * 100)
    with pytest.raises(TooLarge):
        await read(asked, 4)
    assert len(left) == 98


@pytest.mark.parametrize(
    "length", ["5", "00000000000005", "99999999999999999999999999", "-1", "+3", "five", "3, 3", "\xb3"]
)
async def test_an_announced_length_over_the_limit_or_none_at_all_is_refused_unread(length: str) -> None:
    asked, left = request([b"abc"], {"Content-Length": length})
    with pytest.raises(TooLarge):
        await read(asked, 4)
    assert left == [b"abc"]


async def test_a_length_that_lies_is_found_out() -> None:
    with pytest.raises(TooLarge):
        await read(request([b"abc", b"def"], {"Content-Length": "3"})[0], 4)


async def test_a_caller_who_hangs_up_is_not_answered() -> None:
    with pytest.raises(ClientGone):
        await read(request([b"abc"], gone=True)[0], 10)


JSON = ("application/json",)


@pytest.mark.parametrize(
    "told", ["application/json", "Application/JSON ; charset=UTF-8", 'application/json;charset="utf8"; x=y']
)
def test_json_is_read(told: str) -> None:
    assert media_type_of(request([], {"Content-Type": told})[0], JSON, required=True) == "application/json"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": ";;;"},
        {"Content-Type": "\xff\xfe"},
    ],
)
def test_other_kinds_are_not(headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        media_type_of(request([], headers)[0], JSON, required=True)
    assert caught.value.extensions == {"accepted": ["application/json"]}
