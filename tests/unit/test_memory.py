"""Hints: kept until told otherwise, and a second at most; none is kept of a look that something overtook."""

from datetime import UTC, datetime, timedelta

import pytest

from services.runtime import memory
from services.runtime.memory import Memory

ONE = datetime(2026, 7, 6, tzinfo=UTC)
OTHER = ONE + timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [0.0]
    monkeypatch.setattr(memory, "_now", lambda: time[0])
    return time


def test_a_hint_lasts_for_a_second_and_a_later_one_does_not_prolong_it(clock: list[float]) -> None:
    hints = Memory()
    hints.keep("floor:a", ONE, hints.mark("floor:a"))
    clock[0] = 0.9
    assert hints.recall("floor:a") == ONE
    hints.keep("floor:a", OTHER, hints.mark("floor:a"))
    assert hints.recall("floor:a") == OTHER
    clock[0] = 1.0
    assert hints.recall("floor:a") is None


def test_it_ends_where_its_channel_is_told_of_and_others_stay(clock: list[float]) -> None:
    hints = Memory()
    for channel in ("floor:a", "floor:b"):
        hints.keep(channel, ONE, hints.mark(channel))
    hints.forget({"floor:a", "queue:b"})
    assert [hints.recall("floor:a"), hints.recall("floor:b")] == [None, ONE]


def test_what_was_told_during_the_look_makes_its_finding_void(clock: list[float]) -> None:
    hints = Memory()
    before = hints.mark("floor:a")
    hints.forget({"floor:a"})
    hints.keep("floor:a", ONE, before)
    assert hints.recall("floor:a") is None
