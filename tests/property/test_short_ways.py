"""The short ways of ingest, which nearly all leads take, say nothing that the long ways would not."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import phonenumbers
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat
from pydantic import ValidationError

from router.identifiers import links, phones
from schemas.api.intake import EXAMPLE, LeadIn
from services.ingest.reading import read_lead
from services.runtime.http.body import parse
from services.runtime.http.problems import MalformedBody

NOW = datetime(2026, 7, 6, 9, 30, tzinfo=UTC)
TEXT = json.dumps(EXAMPLE)


def the_long_way(raw: bytes) -> LeadIn | None:
    try:
        parsed, odd = parse(raw)
        return None if odd else LeadIn.model_validate(parsed, context={"now": NOW})
    except (MalformedBody, ValidationError):
        return None


def agreed(raw: bytes) -> bool:
    """Whether it was read the short way, and then as the long way reads it."""
    lead = read_lead(raw, NOW)
    assert lead is None or lead == the_long_way(raw), raw
    return lead is not None


pieces = st.sampled_from(
    [
        "", " ", "\n", "\t", "\0", "{", "}", "[", "]", ",", ":", '"', "\\", '\\"', "\\u0000", "\\u00e9", "\\ud800", "é",
        "1", "-0", "01", "1.0", "1e5", "1e999", "-1e999", "1" * 401, "NaN", "Infinity", "true", "null", "x",
        '"test":true,', '"test" :true,', '"contact":{},', '"a":1,', "\ufeff", "\x7f", "\u2028",
    ]
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 3), pieces), max_size=3))
@example([(1, 0, '"test":true,')])
@example([(1, 0, '"test" :true,')])
@example([(TEXT.index("40,"), 2, "1e999")])
def test_a_body_with_anything_in_it_is_read_the_same(changes: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for at, cut, piece in changes:
        text = text[:at] + piece + text[at + cut :]
    agreed(text.encode())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b c", "gclid"]), inner, max_size=3)
), max_leaves=6), st.sampled_from(["custom", "campaign", "consent", "occurred_at", "message", "test"]))  # fmt: skip
def test_a_body_with_any_value_is_read_the_same(value: Any, where: str) -> None:
    agreed(json.dumps({**EXAMPLE, where: value}).encode())
    agreed(json.dumps({**EXAMPLE, "custom": {"a": value}}, separators=(",", ":")).encode())


def test_what_people_send_is_read_the_short_way() -> None:
    assert agreed(TEXT.encode())
    assert agreed(json.dumps({**EXAMPLE, "message": 'a "quoted" é \U0001f600'}, indent=2).encode())
    assert agreed(json.dumps({"contact": {"email": "a@example.com"}}, separators=(",", ":")).encode())


@given(
    st.lists(
        st.sampled_from(
            ["http", "https", "://","/", "?", "#", ":", ":80", "@", ".", "-", "_", "a", "Example", "com",
             "co.uk", "//", "xn--p1ai", "é", " ", "[", "]", "%41", "x=1", "x://y", "1", "\t", "localhost", "a" * 64]
        ),
        max_size=9,
    ).map("".join)
)  # fmt: skip
@example("https://www.example.com/")
@example("example.com/a?b=http://c.de#d")
def test_an_address_is_taken_apart_the_same(text: str) -> None:
    assert links._split(text) == links._apart(text)


def test_a_telephone_number_is_read_the_same() -> None:
    chance = random.Random(4)
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)
    short = 0
    for region in regions:
        for kind in range(11):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None:
                continue
            for form in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL):
                written = phonenumbers.format_number(number, form)
                for text in (written, _changed(written, chance), "0" + _changed(written, chance)):
                    where = None if text.startswith("+") else chance.choice([region, region, chance.choice(regions)])
                    plain = phones._plain(text, where)
                    assert plain is None or plain == phones._parsed(text, where), (text, where)
                    short += plain is not None
    assert short > 2000, "most of them take the short way"


def _changed(text: str, chance: random.Random) -> str:
    """Some digits are others."""
    return "".join(str(chance.randrange(10)) if char.isdigit() and chance.random() < 0.2 else char for char in text)
