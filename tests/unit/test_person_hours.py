"""Hours of persons: by the clocks of their country, all of them, through changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.hours import country_of, turn, zones_of
from router.policy.compiled import PersonHours
from schemas.countries import COUNTRIES
from schemas.events.intake import Company
from schemas.person import Contact

DAY = PersonHours(time(8), time(20))
LONDON = ZoneInfo("Europe/London")
NO_CLOCK_OF_THEIR_OWN = {"BV", "HM", "XK"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("country", "now", "is_open", "turns"),
    [
        ("GB", "2026-07-06 06:59", False, "2026-07-06 07:00"),
        ("GB", "2026-07-06 07:00", True, "2026-07-06 19:00"),
        ("GB", "2026-07-06 19:00", False, "2026-07-07 07:00"),
        ("GB", "2026-10-24 18:59", True, "2026-10-24 19:00"),
        ("GB", "2026-10-24 19:00", False, "2026-10-25 08:00"),  # the clocks go back overnight
        ("US", "2026-07-06 17:59", False, "2026-07-06 18:00"),  # eight in Honolulu
        ("US", "2026-07-06 23:59", True, "2026-07-07 00:00"),  # twenty in New York
        ("IN", "2026-07-06 02:30", True, "2026-07-06 14:30"),
        ("NP", "2026-07-06 02:15", True, "2026-07-06 14:15"),
        ("RU", "2026-07-06 07:59", True, "2026-07-06 08:00"),  # from eight in Kaliningrad to twenty in Kamchatka
        (None, "2026-07-06 07:00", True, "2026-07-06 19:00"),  # not known: the queue's own clock
        ("XK", "2026-07-06 07:00", True, "2026-07-06 19:00"),
    ],
)
def test_a_person_may_be_disturbed_when_it_is_day_in_every_zone_of_their_country(
    country: str | None, now: str, is_open: bool, turns: str
) -> None:
    found = turn(DAY, country, LONDON, at(now))
    assert (found.open, found.at) == (is_open, at(turns))


def test_a_country_too_wide_for_the_hours_has_those_of_most_of_its_zones() -> None:
    office = PersonHours(time(9), time(12))
    hours = [at("2026-07-06 00:00") + timedelta(minutes=30) * n for n in range(48)]
    open_ = [now for now in hours if turn(office, "RU", LONDON, now).open]
    assert 0 < len(open_) < 24
    most = [
        sum(office.opens <= now.astimezone(zone).time() < office.closes for zone in zones_of("RU")) for now in hours
    ]
    assert {most[hours.index(now)] for now in open_} == {max(most)}


@given(
    st.sampled_from(["GB", "DE", "US", "AU", "CL", "NZ", "IR", "BR", "PF", "CA"]),
    st.integers(0, 3 * 365 * 24 * 60),
    st.sampled_from([DAY, PersonHours(time(7, 30), time(21, 15)), PersonHours(time(0), time(12))]),
)
def test_it_is_as_each_clock_on_the_wall_says_and_turns_when_it_says(
    country: str, minute: int, hours: PersonHours
) -> None:
    zones, now = zones_of(country), at("2025-01-01 00:00") + timedelta(minutes=minute)

    def daytime(moment: datetime) -> bool:
        return all(hours.opens <= moment.astimezone(zone).time() < hours.closes for zone in zones)

    found = turn(hours, country, LONDON, now)
    if not any(daytime(now + timedelta(minutes=15) * n) for n in range(-192, 192)):
        return
    assert found.open == daytime(now)
    assert now < found.at <= now + timedelta(days=2)
    assert daytime(found.at) != found.open or found.at.astimezone(zones[0]).time() == hours.closes
    between = now + (found.at - now) / 2
    assert daytime(between) == found.open


def test_every_country_has_its_clocks() -> None:
    assert {country for country in COUNTRIES if not zones_of(country)} == NO_CLOCK_OF_THEIR_OWN


@pytest.mark.parametrize(
    ("contact", "company", "country"),
    [
        (Contact(phone="+12125550123", phone_valid=True, country="GB"), Company(country="FR"), "US"),
        (Contact(phone="+16135550123", phone_valid=True), Company(), "CA"),
        (Contact(phone="+80012345678", phone_valid=True, country="GB"), Company(), "GB"),  # a number of no country
        (Contact(phone="12", country="GB"), Company(country="FR"), "GB"),
        (Contact(), Company(country="FR"), "FR"),
        (Contact(), Company(), None),
    ],
)
def test_the_country_is_that_of_the_phone_else_of_the_contact_else_of_the_company(
    contact: Contact, company: Company, country: str | None
) -> None:
    assert country_of(contact, company) == country
