"""Telephone numbers in E.164. Source: Google's libphonenumber."""

import re
from collections.abc import Iterable

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

_LONGEST = 60
"""Nobody writes a number at greater length, and the library's patterns need not see more."""
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)


def read_phone(text: str, regions: Iterable[str | None]) -> str | None:
    """Read a number; one without a country code as dialled within the first of `regions` in which there is such a one.

    With a country code its length must be right: new ranges come faster than lists of them. Without, it must be of a
    range in use, or any few digits would pass for somebody's number.

    >>> read_phone("020 7946 0123", ["GB"])
    '+442079460123'
    """
    if len(text) > _LONGEST:
        return None
    for region in [None] if text.startswith(("+", "＋")) else dict.fromkeys(filter(None, regions)):
        number = _parse(text, region)
        if number is not None and (_possible(number) if region is None else _in_use(number, region)):
            written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            return written if _E164.fullmatch(written) else None
    return None


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def _in_use(number: PhoneNumber, region: str) -> bool:
    # The region first: the library takes far longer to find out whose number it is.
    return phonenumbers.is_valid_number_for_region(number, region) or phonenumbers.is_valid_number(number)


def _possible(number: PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
