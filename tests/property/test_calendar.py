"""Business time equals a slow walk through the minutes, where the clocks change too."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from router.calendar import Calendar, WorkingDays, holidays_of

MINUTE, QUARTER, DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1)
ZONES = (
    "UTC",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",  # half hours
    "Australia/Lord_Howe",  # the clocks change by half an hour
    "Asia/Kolkata",  # half hours, no change
    "Pacific/Chatham",  # three quarters
    "America/Santiago",  # at midnight
    "Africa/Cairo",  # at midnight
    "Atlantic/Azores",  # from 01:00 back to midnight
    "Africa/Casablanca",  # back for Ramadan
)


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """When the clocks of a zone change in 2026, to the hour; a plain day for those that never do."""
    zone = ZoneInfo(name)
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(365 * 24)]
    offsets = [(hour, hour.astimezone(zone).utcoffset()) for hour in hours]
    found = [hour for (hour, before), (_, after) in pairwise(offsets) if before != after]
    return tuple(found) or (datetime(2026, 6, 1, 12, tzinfo=UTC),)


@st.composite
def hours_of_a_day(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    marks = sorted(draw(st.sets(st.integers(0, 48).map(lambda half: half * 30), max_size=4)))
    return tuple(zip(marks[::2], marks[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar, and a moment within two days of a change of its clocks, or of a holiday."""
    name = draw(st.sampled_from(ZONES))
    weekday = draw(hours_of_a_day())
    week = tuple(draw(st.sampled_from([weekday, ((0, 1440),), (), weekday])) for _ in range(7))
    assume(any(week))
    region = draw(st.sampled_from((None, "GB-ENG", "US", "IN", "AU-NSW", "CL")))
    feasts = () if region is None else sorted(holidays_of(region, 2026))
    moments = (*changes(name), *(datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in feasts))
    at = draw(st.sampled_from(moments)) + draw(st.integers(-2 * 1440, 2 * 1440)) * MINUTE
    return Calendar("any", ZoneInfo(name), week, region), at


def open_then(calendar: Calendar, moment: datetime) -> bool:
    local = moment.astimezone(calendar.zone)
    minute = local.hour * 60 + local.minute
    if calendar.region is not None and local.date() in holidays_of(calendar.region, local.year):
        return False
    return any(start <= minute < end for start, end in calendar.week[local.weekday()])


@given(calendars())
@settings(max_examples=60)
def test_a_calendar_is_open_in_the_minutes_in_which_the_wall_clock_says_so(case):
    calendar, at = case
    for step in range(0, 1440, 7):
        moment = at + step * MINUTE
        spans = calendar.spans(calendar.local_day(moment))
        assert any(start <= moment < end for start, end in spans) is open_then(calendar, moment)


@given(calendars(), st.integers(1, 2000))
@settings(max_examples=60)
def test_a_promise_is_due_after_so_many_open_minutes(case, minutes):
    calendar, at = case
    due = calendar.due(at, minutes * MINUTE)
    moment, left = at, minutes
    while left and moment < at + 8 * DAY:
        left -= open_then(calendar, moment)
        moment += MINUTE
    if left:
        assert due > moment
    else:
        assert due == moment


@given(calendars())
@settings(max_examples=60)
def test_the_open_time_of_a_local_day_is_the_number_of_its_open_minutes(case):
    calendar, at = case
    day = calendar.local_day(at)
    walked = [at + step * MINUTE for step in range(-1560, 1560)]
    here = [each for each in walked if each.astimezone(calendar.zone).date() == day]
    assert calendar.open_time(day) == sum(open_then(calendar, each) for each in here) * MINUTE


@given(calendars(), st.integers(1, 4))
@settings(max_examples=60)
def test_working_days_are_the_same_wall_time_clamped_to_the_hours_of_that_day(case, days):
    calendar, at = case
    at = at.replace(minute=at.minute // 15 * 15)
    wall = at.astimezone(calendar.zone).time()
    quarters: dict[date, list[datetime]] = {}
    for step in range(-104, 10 * 96):
        moment = at + step * QUARTER
        quarters.setdefault(moment.astimezone(calendar.zone).date(), []).append(moment)
    today = calendar.local_day(at)
    following = [
        day for day, held in quarters.items() if day > today and any(open_then(calendar, each) for each in held)
    ]
    assume(len(following) > days)
    held = quarters[following[days - 1]]
    same = next((each for each in held if each.astimezone(calendar.zone).time() == wall), None)
    assume(same is not None)
    opened = [each for each in held if open_then(calendar, each)]
    closing = same - QUARTER in opened
    after = same if closing else next((each for each in opened if each >= same), opened[-1] + QUARTER)
    assert calendar.after(at, WorkingDays(days)) == after


@given(st.sampled_from(ZONES), st.data())
@settings(max_examples=40)
def test_each_local_day_starts_once(name, data):
    calendar = Calendar("any", ZoneInfo(name), (((0, 1440),),) * 7)
    starts = data.draw(st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60)))
    begin = data.draw(st.sampled_from(changes(name))) - 2 * DAY
    seen = [calendar.started_day(begin + step * 3 * MINUTE, starts) for step in range(4 * 480)]
    for one, other in pairwise(seen):
        assert other - one in (timedelta(), DAY)
