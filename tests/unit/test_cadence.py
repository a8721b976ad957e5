"""Cadences: so much later after each try that reached nobody; and then what the policy says."""

from datetime import UTC, datetime, timedelta

import pytest

from router.cadence import Next, Rest, TryAgain, Unreachable, after, tries
from router.policy.compiled import Cadence, NurtureFor, Unreached
from schemas.words import CONVERSATIONS, AttemptOutcome

NOW = datetime(2026, 7, 6, 12, tzinfo=UTC)
AT = NOW - timedelta(minutes=10)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("nth", "next_"),
    [
        (1, TryAgain(AT + HOUR)),
        (2, TryAgain(AT + 24 * HOUR)),
        (3, Unreachable()),
        (9, Unreachable()),
    ],
)
def test_after_each_try_that_reached_nobody_the_next_is_so_much_later_until_none_is_left(nth: int, next_: Next) -> None:
    assert after(Cadence((HOUR, 24 * HOUR), Unreached()), nth=nth, at=AT, now=NOW) == next_


def test_a_cadence_may_let_a_lead_rest_instead() -> None:
    assert after(Cadence((HOUR,), NurtureFor(90 * 24 * HOUR)), nth=2, at=AT, now=NOW) == Rest(NOW + 90 * 24 * HOUR)


@pytest.mark.parametrize("reached", sorted(CONVERSATIONS))
def test_whom_somebody_spoke_to_the_count_begins_anew(reached: AttemptOutcome) -> None:
    none, mail = AttemptOutcome.NO_ANSWER, AttemptOutcome.BOUNCED
    assert tries([none, mail, none]) == 3
    assert tries([none, none, reached, mail]) == 1
    assert tries([none, reached]) == 0
