"""Business time, by cases that people know."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from router.calendar import Calendar, WorkingDays

LONDON = ZoneInfo("Europe/London")
OFFICE = ((9 * 60, 17 * 60 + 30),)
london = Calendar("london", LONDON, (OFFICE,) * 5 + ((),) * 2, "GB-ENG")
always = Calendar("always", ZoneInfo("UTC"), (((0, 1440),),) * 7)
with_lunch = Calendar("lunch", LONDON, (((540, 720), (780, 1020)),) * 7)


def at(text: str) -> datetime:
    """A London wall time."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "within", "due"),
    [
        ("2026-07-06 10:00", timedelta(hours=4), "2026-07-06 14:00"),
        ("2026-07-06 16:30", timedelta(hours=4), "2026-07-07 12:00"),
        ("2026-07-03 16:30", timedelta(hours=4), "2026-07-06 12:00"),  # over a weekend
        ("2026-07-04 16:30", timedelta(minutes=5), "2026-07-06 09:05"),  # on a Saturday
        ("2026-07-06 09:00", timedelta(hours=8, minutes=30), "2026-07-06 17:30"),  # to the very end
        ("2026-08-28 17:00", timedelta(hours=1), "2026-09-01 09:30"),  # over the August bank holiday
        ("2026-07-06 17:30", timedelta(seconds=1), "2026-07-07 09:00:01"),
        ("2026-03-27 17:00", timedelta(hours=1), "2026-03-30 09:30"),  # the clocks go forward
        ("2026-07-06 10:00", WorkingDays(2), "2026-07-08 10:00"),
    ],
)
def test_a_promise_is_due_in_open_time(start, within, due):
    assert london.due(at(start), within) == at(due)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-07-06 10:00", 3, "2026-07-09 10:00"),
        ("2026-07-02 10:00", 3, "2026-07-07 10:00"),  # over a weekend
        ("2026-07-04 10:00", 1, "2026-07-06 10:00"),  # from a Saturday
        ("2026-07-06 07:00", 1, "2026-07-07 09:00"),  # before opening
        ("2026-07-06 22:00", 1, "2026-07-07 17:30"),  # after closing
        ("2026-08-28 12:00", 1, "2026-09-01 12:00"),  # over a bank holiday
        ("2026-12-24 12:00", 1, "2026-12-29 12:00"),  # Christmas, Boxing Day on Monday
        ("2026-10-23 10:00", 1, "2026-10-26 10:00"),  # the clocks go back: 73 hours
    ],
)
def test_working_days_keep_the_wall_time(start, days, end):
    assert london.after(at(start), WorkingDays(days)) == at(end)


def test_at_lunch_a_working_day_ends_when_they_are_back():
    assert with_lunch.after(at("2026-07-06 12:30"), WorkingDays(1)) == at("2026-07-07 13:00")
    assert with_lunch.after(at("2026-07-06 12:00"), WorkingDays(1)) == at("2026-07-07 12:00")


def test_elapsed_time_is_elapsed_time():
    start = at("2026-03-28 12:00")
    assert london.after(start, timedelta(hours=24)) - start == timedelta(hours=24)


def test_a_wall_time_that_is_skipped_comes_an_hour_on_and_one_that_comes_twice_is_the_first():
    whole = Calendar("whole", LONDON, (((0, 1440),),) * 7)
    assert whole.at(date(2026, 3, 29), time(1, 30)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert whole.at(date(2026, 10, 25), time(1, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert whole.after(at("2026-03-28 01:30"), WorkingDays(1)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_day_in_which_the_clocks_change_has_23_or_25_hours():
    whole = Calendar("whole", LONDON, (((0, 1440),),) * 7)
    days = (date(2026, 3, 29), date(2026, 10, 25), date(2026, 7, 6))
    assert [whole.open_time(day) for day in days] == [timedelta(hours=hours) for hours in (23, 25, 24)]


def test_a_night_is_open_over_midnight():
    night = Calendar("night", LONDON, (((0, 360), (1320, 1440)),) * 7)
    assert night.due(at("2026-07-06 23:00"), timedelta(hours=2)) == at("2026-07-07 01:00")


def test_the_next_open_day_is_after_weekends_and_holidays():
    assert always.next_open_day(date(2026, 12, 24)) == date(2026, 12, 25)
    assert london.next_open_day(date(2026, 12, 24)) == date(2026, 12, 29)


def test_the_day_starts_at_its_wall_time():
    assert london.started_day(at("2026-07-06 08:29"), time(8, 30)) == date(2026, 7, 5)
    assert london.started_day(at("2026-07-06 08:30"), time(8, 30)) == date(2026, 7, 6)
