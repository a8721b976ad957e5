"""The brake stops a flood, and nothing but a flood."""

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.brake import ENOUGH, RUN, SHARE, WINDOW, Brake, apply

OUTCOMES = st.lists(st.booleans(), max_size=1500)


def after(outcomes: list[bool]) -> Brake:
    brake = Brake()
    for bad in outcomes:
        brake = brake.after(bad)
    return brake


@given(OUTCOMES)
def test_counts_stay_sound(outcomes: list[bool]) -> None:
    brake = after(outcomes)
    assert 0 <= brake.bad <= brake.seen < WINDOW
    assert 0 <= brake.run <= len(outcomes)


@given(OUTCOMES, st.integers(0, 300))
def test_a_run_of_bad_ones_always_trips_it_whatever_came_before(outcomes: list[bool], more: int) -> None:
    assert after(outcomes + [True] * (RUN + more)).tripped


@given(st.integers(1, 3000))
def test_good_ones_alone_leave_nothing_to_remember(count: int) -> None:
    assert after([False] * count) == Brake()


@given(OUTCOMES)
def test_good_ones_that_follow_make_it_forget(outcomes: list[bool]) -> None:
    assert after(outcomes + [False] * 20 * WINDOW) == Brake()


@given(st.integers(SHARE + 2, 200), st.integers(1, 3000))
def test_bad_ones_that_are_rare_never_trip_it(every: int, count: int) -> None:
    brake = Brake()
    for number in range(count):
        brake = brake.after(number % every == 0)
        assert not brake.tripped


@given(st.integers(2, SHARE - 1))
def test_bad_ones_that_are_frequent_trip_it_once_enough_were_seen(every: int) -> None:
    counted = apply(Brake(), [number % every == 0 for number in range(10 * ENOUGH)])[1]
    assert counted == ENOUGH


@given(OUTCOMES, st.integers(0, 1500))
def test_it_does_not_matter_how_records_are_cut_into_batches(outcomes: list[bool], cut: int) -> None:
    whole, counted = apply(Brake(), outcomes)
    first, done = apply(Brake(), outcomes[:cut])
    if done < len(outcomes[:cut]) or first.tripped:
        assert (first, done) == (whole, counted)
    else:
        second, more = apply(first, outcomes[cut:])
        assert (second, done + more) == (whole, counted)
