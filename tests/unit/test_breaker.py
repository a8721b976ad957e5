"""The breaker: who does not answer is asked by one at a time, ever more rarely, and by all again once it answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.breaker import FIRST, LONGEST, Breaker

PATIENCE = 1.5
OPEN = Breaker().failed(asked=0.0, now=10.0)


@pytest.mark.parametrize(
    ("breaker", "now", "lets"),
    [
        (Breaker(), 0.0, True),
        (Breaker(), -5.0, True),
        (Breaker().asking(3.0, PATIENCE), 3.0, True),  # closed: one who asks keeps no other from it
        (OPEN, 10.0, False),
        (OPEN, 10.0 + FIRST - 0.01, False),
        (OPEN, 10.0 + FIRST, True),
        (OPEN.asking(11.0, PATIENCE), 11.0 + PATIENCE - 0.01, False),  # one at a time
        (OPEN.asking(11.0, PATIENCE), 11.0 + PATIENCE, True),  # who asked never came back: the next one may
    ],
)
def test_it_lets_all_ask_while_closed_and_one_at_a_time_while_open(breaker: Breaker, now: float, lets: bool) -> None:
    assert breaker.lets(now) is lets


def test_each_time_that_it_is_asked_in_vain_it_pauses_twice_as_long_up_to_the_longest() -> None:
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(6):
        breaker = breaker.asking(now, PATIENCE).failed(now, now + PATIENCE)
        pauses.append(breaker.pause)
        now = breaker.until
    assert pauses == [1.0, 2.0, 4.0, 8.0, LONGEST, LONGEST]


def test_those_who_asked_before_it_opened_do_not_open_it_further() -> None:
    breaker = OPEN
    for asked in (0.0, 9.0, 9.99):
        breaker = breaker.failed(asked, now=asked + PATIENCE)
    assert breaker == OPEN


@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.floats(0.0, PATIENCE), st.booleans()), max_size=60))
def test_once_open_never_do_two_ask_at_once_and_none_waits_longer_than_the_longest_pause(
    asks: list[tuple[float, float, bool]],
) -> None:
    """Callers come one after the other; each waits for an answer, or in vain for as long as it takes."""
    breaker, now = OPEN, 10.0
    under_way: list[tuple[float, float, bool]] = []
    for pause, takes, answers in asks:
        now += pause
        for asked, ends, answered in [each for each in under_way if each[1] <= now]:
            breaker = Breaker() if answered else breaker.failed(asked, ends)
        under_way = [each for each in under_way if each[1] > now]
        if not breaker.closed:
            assert breaker.until <= now + LONGEST
        if breaker.lets(now):
            if not breaker.closed:
                assert not [asked for asked, _, _ in under_way if asked >= breaker.since]
            breaker = breaker.asking(now, PATIENCE)
            under_way.append((now, now + (takes if answers else PATIENCE), answers))
