"""What a day start needs and what is likely to come before it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.rulebooks import policy_of

from router.forecast import WEEKS, Forecast, expected, say, spans

LONDON = policy_of().queues["closing/uk"].calendar
NOW = datetime(2026, 7, 6, 9, tzinfo=UTC)
BY = datetime(2026, 7, 7, 7, 30, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def test_it_is_said_in_a_sentence() -> None:
    ahead = Forecast(date(2026, 7, 7), BY, needs=11, depth=0, pool=4, expected=3)
    assert say(ahead, "closing/uk", LONDON) == (
        "closing/uk, Tuesday at 08:30 (Europe/London): needs 11; the pool has 4, 3 expected: 4 short"
    )
    enough = Forecast(date(2026, 7, 7), BY, needs=11, depth=5, pool=4, expected=3)
    assert say(enough, "closing/uk", LONDON).endswith("needs 11; 5 waiting there, the pool has 4, 3 expected: enough")


@pytest.mark.parametrize(
    ("needs", "depth", "pool", "coming", "short"),
    [(11, 0, 4, 3, 4), (11, 2, 4, 3, 2), (3, 9, 0, 0, 0), (0, 0, 0, 0, 0)],
)
def test_what_is_short_is_what_neither_lies_there_nor_comes(
    needs: int, depth: int, pool: int, coming: int, short: int
) -> None:
    assert Forecast(date(2026, 7, 7), BY, needs, depth, pool, coming).short == short


def test_history_is_the_same_time_of_the_weeks_before_as_far_as_there_are_any() -> None:
    found = spans(LONDON, NOW, BY, NOW - 3 * WEEK)
    assert found == [(NOW - n * WEEK, BY - n * WEEK) for n in (1, 2, 3)]
    assert spans(LONDON, NOW, BY, None) == spans(LONDON, NOW, BY, NOW) == []
    assert len(spans(LONDON, NOW, BY, NOW - 50 * WEEK)) == WEEKS


def test_the_clock_on_the_wall_is_the_same_on_both_sides_of_a_change() -> None:
    monday = datetime(2026, 10, 26, 9, tzinfo=UTC)  # nine in London, winter time since Sunday
    ((start, end), *_) = spans(LONDON, monday, monday + timedelta(days=1), NOW)
    assert (start, end) == (datetime(2026, 10, 19, 8, tzinfo=UTC), datetime(2026, 10, 20, 8, tzinfo=UTC))


@given(st.lists(st.integers(0, 1000), max_size=WEEKS))
def test_what_is_expected_lies_between_the_least_and_the_most_that_came(came: list[int]) -> None:
    assert min(came, default=0) <= expected(came) <= max(came, default=0)
