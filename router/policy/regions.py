"""Countries, zones and holiday regions: what is one, and what may have been meant."""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import holidays
import phonenumbers

from router.policy.mistakes import nearest
from schemas.countries import COUNTRIES, MEANT


def is_country(code: str) -> bool:
    """Tell whether it is a country of ISO 3166-1 alpha-2, in either case."""
    return code.upper() in COUNTRIES


def near_country(code: str) -> str:
    """What to write instead."""
    meant = MEANT.get(code.upper())
    return f"Did you mean {meant}?" if meant else "Write two letters, as GB."


def has_phones(region: str) -> bool:
    """Tell whether numbers can be read as of this region."""
    return region in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(name: str) -> ZoneInfo | None:
    """The IANA zone of that name, None where there is none."""
    return ZoneInfo(name) if name in _zones() else None


def near_zone(name: str) -> str:
    """What to write instead."""
    city = f"/{name.strip().replace(' ', '_')}".lower()
    named = next((each for each in sorted(_zones()) if each.lower().endswith(city)), None)
    return f"Did you mean {named}?" if named else nearest(name, _zones()) or "Write an IANA zone, as Europe/London."


def holidays_known(region: str) -> bool:
    """Tell whether the holidays of `GB` or `GB-ENG` are known."""
    country, dash, part = region.partition("-")
    parts = _regions().get(country)
    return parts is not None and (not dash or part in parts)


def near_region(region: str) -> str:
    """What to write instead."""
    country, _, part = region.partition("-")
    parts = _regions().get(country)
    if parts:
        return nearest(part, parts) or f"Known there: {' '.join(parts)}."
    return near_country(country) if country.upper() in MEANT else "Write ISO 3166, as GB or GB-ENG."


@lru_cache(maxsize=1)
def _regions() -> dict[str, list[str]]:
    return {code: parts for code, parts in holidays.list_supported_countries().items() if code in COUNTRIES}
