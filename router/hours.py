"""Hours of persons: when the person of an item may be disturbed, by the clocks of their own country.

`source: IANA zone.tab, the zones of each country, from the package tzdata; calling codes from libphonenumber`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate, groupby, pairwise
from zoneinfo import ZoneInfo

import phonenumbers

from router.policy.compiled import PersonHours
from schemas.events.intake import Company
from schemas.person import Contact

DAY = timedelta(days=1)
_NOWHERE = "001"
"""What libphonenumber calls numbers of no country."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether they may be disturbed now; that turns at `at`."""

    open: bool
    at: datetime


def turn(hours: PersonHours, country: str | None, home: ZoneInfo, now: datetime) -> Turn:
    """Tell whether a person of this country may be disturbed, and when that turns next.

    They may while it is within the hours in every zone of the country. Where there is no such time of day, for the
    country is too wide, it is while it is so in as many of its zones as it ever is. `home` stands for a country that is
    not known, or has no zone.
    """
    for opens, closes in _spans(hours, country, home, now.astimezone(UTC).date()):
        if now < opens:
            return Turn(False, opens)
        if now < closes:
            return Turn(True, closes)
    raise AssertionError("each day has its hours")


def country_of(contact: Contact, company: Company) -> str | None:
    """The country of a person: of the phone, else as the contact says, else their company's."""
    return (_calls(contact.phone) if contact.phone_valid else None) or contact.country or company.country


def zones_of(country: str | None) -> tuple[ZoneInfo, ...]:
    """The zones of a country (ISO 3166-1 alpha-2); none where it is not known."""
    return tuple(ZoneInfo(name) for name in _zone_tab().get(country or "", ()))


@lru_cache(maxsize=4096)
def _calls(phone: str | None) -> str | None:
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(phone or ""))
    except phonenumbers.NumberParseException:
        return None
    return None if region == _NOWHERE else region


@lru_cache(maxsize=1)
def _zone_tab() -> dict[str, tuple[str, ...]]:
    lines = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines()
    rows = sorted(line.split("\t")[0:3:2] for line in lines if line and not line.startswith("#"))
    return {country: tuple(zone for _, zone in found) for country, found in groupby(rows, key=lambda row: row[0])}


@lru_cache(maxsize=4096)
def _spans(hours: PersonHours, country: str | None, home: ZoneInfo, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """When persons of a country may be disturbed, from before `day` until after the next: ascending, half open, UTC."""
    edges: dict[datetime, int] = {}
    for zone in zones_of(country) or (home,):
        for local in (day + n * DAY for n in range(-2, 5)):
            for wall, step in ((hours.opens, 1), (hours.closes, -1)):
                moment = datetime.combine(local, wall, zone).astimezone(UTC)
                edges[moment] = edges.get(moment, 0) + step
    moments = sorted(edges)
    return _where_most(moments, list(accumulate(edges[moment] for moment in moments)))


def _where_most(moments: Sequence[datetime], zones: Sequence[int]) -> tuple[tuple[datetime, datetime], ...]:
    most = max(zones)
    spans: list[tuple[datetime, datetime]] = []
    for (start, end), n in zip(pairwise(moments), zones, strict=False):
        if n == most and spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], end)
        elif n == most:
            spans.append((start, end))
    return tuple(spans)
