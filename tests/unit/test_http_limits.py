"""Rates are exact in any minute, and need bounded memory."""

from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.http import limits
from services.runtime.http.limits import FormRates, Rate, subscriber_of

NOW = datetime(2026, 7, 6, 9, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_thirty_a_minute_and_address_and_the_next_is_told_when() -> None:
    rates = FormRates()
    assert [rates.admit("192.0.2.1", "key_a", NOW + place * SECOND) for place in range(30)] == [0] * 30
    assert rates.admit("192.0.2.1", "key_b", NOW + 30 * SECOND) == 30
    assert rates.admit("192.0.2.2", "key_a", NOW + 30 * SECOND) == 0
    assert rates.admit("192.0.2.1", "key_a", NOW + timedelta(seconds=59.5)) == 1
    assert rates.admit("192.0.2.1", "key_a", NOW + 60 * SECOND) == 0
    assert rates.admit("192.0.2.1", "key_a", NOW + 60 * SECOND) == 1


def test_six_hundred_a_minute_and_key_from_wherever() -> None:
    rates = FormRates()
    assert [rates.admit(f"192.0.2.{place % 250}", "key_a", NOW) for place in range(600)] == [0] * 600
    assert rates.admit("198.51.100.1", "key_a", NOW) == 60
    assert rates.admit("198.51.100.1", "key_b", NOW) == 0


def test_what_was_refused_does_not_count() -> None:
    rate = Rate(1)
    rate.count("a", NOW)
    assert all(rate.wait("a", NOW + 30 * SECOND) == 30 for _ in range(5))
    assert rate.wait("a", NOW + 60 * SECOND) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KNOWN", 3)
    rate = Rate(1)
    for name in "abcd":
        rate.count(name, NOW)
    assert [rate.wait(name, NOW) for name in "abcd"] == [0, 60, 60, 60]


@pytest.mark.parametrize(
    ("address", "subscriber"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2", "2001:db8::"),
        ("2001:db8:0:0:ffff::", "2001:db8::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_whole_ipv6_network_is_one_subscriber(address: str, subscriber: str) -> None:
    assert subscriber_of(address) == subscriber
