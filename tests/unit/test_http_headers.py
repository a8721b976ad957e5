"""Headers are taken as the contract says, or refused, or ignored."""

from datetime import UTC, datetime

import pytest
from starlette.requests import Request

from services.runtime.http.headers import (
    bearer_of,
    claim_token_of,
    idempotency_key_of,
    request_id_of,
    traceparent_of,
)
from services.runtime.http.problems import MalformedHeader

NOW = datetime(2026, 7, 6, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def request(*lines: tuple[str, str]) -> Request:
    return Request(
        {"type": "http", "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in lines]}
    )


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ("abc", "abc"),
        ('"abc"', "abc"),
        (" abc ", "abc"),
        ("!~", "!~"),
        ("x" * 255, "x" * 255),
        ('"' + "x" * 255 + '"', "x" * 255),
        ('"a"b"', 'a"b'),
    ],
)
def test_an_idempotency_key_is_bare_or_quoted(told: str, key: str) -> None:
    assert idempotency_key_of(request(("Idempotency-Key", told))) == key


@pytest.mark.parametrize("told", ["", '""', '"', "a b", "x" * 256, "caf\xe9", "a\tb", 'a"b', '"abc', "\x7f"])
def test_any_other_idempotency_key_is_malformed(told: str) -> None:
    with pytest.raises(MalformedHeader):
        idempotency_key_of(request(("Idempotency-Key", told)))


def test_two_idempotency_keys_are_malformed_and_none_is_none() -> None:
    with pytest.raises(MalformedHeader):
        idempotency_key_of(request(("Idempotency-Key", "a"), ("Idempotency-Key", "a")))
    assert idempotency_key_of(request()) is None


@pytest.mark.parametrize("told", ["", "x", "-1", "+1", "1.0", "1e3", "1_000", "9" * 19, "\xb2", "0x1", "1 2"])
def test_a_claim_token_is_an_integer(told: str) -> None:
    with pytest.raises(MalformedHeader):
        claim_token_of(request(("Leadgate-Claim-Token", told)))
    assert claim_token_of(request(("Leadgate-Claim-Token", " 42 "))) == 42


@pytest.mark.parametrize("told", [None, "", "a b", "x" * 65, "caf\xe9", "a\n", "a/b", "\u0660"])
def test_an_unfit_request_id_is_ignored_and_one_is_made(told: str | None) -> None:
    assert request_id_of(told, NOW).startswith("req_")
    assert request_id_of("Ab.9_-", NOW) == "Ab.9_-"


@pytest.mark.parametrize(
    "told",
    [
        None,
        "",
        TRACE.upper(),
        TRACE + "-x",
        "ff" + TRACE[2:],
        TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
    ],
)
def test_an_unfit_trace_is_ignored_and_one_is_made(told: str | None) -> None:
    made = traceparent_of(told)
    assert traceparent_of(made) == made != traceparent_of(told)
    assert traceparent_of(TRACE) == TRACE


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ((), None),
        ((("Authorization", "Bearer lga_x"),), "lga_x"),
        ((("Authorization", "bearer  lga_x "),), "lga_x"),
        ((("Authorization", "Basic YTpi"),), ""),
        ((("Authorization", "Bearer"),), ""),
        ((("Authorization", ""),), ""),
        ((("Authorization", "Bearer a"), ("Authorization", "Bearer b")), ""),
    ],
)
def test_the_credential_is_a_bearer_key(lines: tuple[tuple[str, str], ...], key: str | None) -> None:
    assert bearer_of(request(*lines)) == key
