"""The day start: once for each open local day, whatever the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.calendar import Calendar
from router.daystart import due_on, next_start
from router.policy.compiled import FixedBuffer, Queue, ReleasePlan
from schemas.words import Desk, ItemKind, QueueName

DAY = timedelta(days=1)
WEEKDAYS = (((540, 1020),),) * 5 + ((), ())
ALWAYS = (((0, 1440),),) * 7


def queue(zone: str, at: time, week: tuple[tuple[tuple[int, int], ...], ...] = WEEKDAYS) -> tuple[Queue, ReleasePlan]:
    plan = ReleasePlan(at, FixedBuffer(3))
    calendar = Calendar("one", ZoneInfo(zone), week, None)
    name = QueueName("closing/uk")
    made = Queue(name, Desk.CLOSING, ItemKind.OPPORTUNITY, calendar, None, None, DAY, None, DAY, plan)
    return made, plan


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "day", "following"),
    [
        ("2026-07-06T07:29:59", "2026-07-03", "2026-07-06T07:30"),  # Monday, a second early: Friday's is the last
        ("2026-07-06T07:30:00", "2026-07-06", "2026-07-07T07:30"),
        ("2026-07-11T12:00:00", "2026-07-10", "2026-07-13T07:30"),  # Saturday
        ("2026-03-27T12:00:00", "2026-03-27", "2026-03-30T07:30"),  # summer time begins on Sunday the 29th
        ("2026-10-23T12:00:00", "2026-10-23", "2026-10-26T08:30"),  # and ends on Sunday the 25th
    ],
)
def test_a_day_starts_at_its_wall_time_on_open_days(now: str, day: str, following: str) -> None:
    made, plan = queue("Europe/London", time(8, 30))
    assert due_on(made, plan, utc(now)) == date.fromisoformat(day)
    assert next_start(made, plan, utc(now)) == utc(following)


ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "UTC"]


@given(
    st.sampled_from(ZONES),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from([WEEKDAYS, ALWAYS]),
    st.integers(0, 12 * 365 * 24 * 60).map(lambda minutes: utc("2018-01-01") + timedelta(minutes=minutes)),
    st.integers(1, 14),
)
def test_from_one_day_start_to_the_next_no_open_day_is_skipped_and_none_comes_twice(
    zone: str, at: time, week: tuple[tuple[tuple[int, int], ...], ...], now: datetime, days: int
) -> None:
    made, plan = queue(zone, at, week)
    for _ in range(days):
        day, following = due_on(made, plan, now), next_start(made, plan, now)
        assert following > now
        assert due_on(made, plan, following - timedelta(milliseconds=1)) == day
        assert due_on(made, plan, following) == made.calendar.next_open_day(day)
        now = following
