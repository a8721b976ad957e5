"""Telephone numbers in E.164. Source: Google's libphonenumber."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, ValidationResult

_LONGEST = 60
"""Nobody writes a number at greater length, and the library's patterns need not see more."""
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_PLAIN = re.compile(r"\+?[\d ()./-]{7,30}", re.ASCII)
"""What nearly all numbers look like; the rest take the long way through the library, which agrees on these."""
_NO_DIGITS = str.maketrans("", "", "+ ()./-")


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
        written = _plain(text, region) or _parsed(text, region)
        if written is not None:
            return written if _E164.fullmatch(written) else None
    return None


def _parsed(text: str, region: str | None) -> str | None:
    """The long way."""
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if not (_possible(number) if region is None else _in_use(number, region)):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _in_use(number: PhoneNumber, region: str) -> bool:
    # The region first: the library takes far longer to find out whose number it is.
    return phonenumbers.is_valid_number_for_region(number, region) or phonenumbers.is_valid_number(number)


def _possible(number: PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def _plain(text: str, region: str | None) -> str | None:
    """Digits, with nothing but punctuation among them, of which the library would think nothing else; None: ask it."""
    if not _PLAIN.fullmatch(text):
        return None
    digits = text.translate(_NO_DIGITS)
    if region is None:
        for length in (1, 2, 3):
            plan = _plan_of_code(digits[:length])
            if plan is not None:
                return plan.abroad(digits[length:])
        return None
    plan = _plan_of(region)
    return plan.at_home(digits) if plan is not None else None


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a region's numbers are dialled. `lengths`, `general` and `ranges` are of what follows the country code."""

    code: str
    prefix: "re.Pattern[str]"
    """What is dialled first at home, as 0, and is no part of the number."""
    dropped: bool
    """That is all there is to it: nothing takes its place."""
    abroad_prefix: "re.Pattern[str]"
    lengths: frozenset[int]
    general: "re.Pattern[str]"
    ranges: "tuple[tuple[frozenset[int], re.Pattern[str]], ...]"

    def abroad(self, digits: str) -> str | None:
        """Digits after a country code."""
        if digits.startswith("0") or len(digits) not in self.lengths or self.prefix.match(digits):
            return None
        return f"+{self.code}{digits}"

    def at_home(self, digits: str) -> str | None:
        """Digits without a country code."""
        if digits.startswith(self.code) or self.abroad_prefix.match(digits):
            return None
        number = digits
        if first := self.prefix.match(digits):
            if not self.dropped:
                return None
            number = digits[first.end() :]
        if number.startswith("0") or len(number) not in self.lengths or not self.general.fullmatch(number):
            return None
        in_use = any(len(number) in lengths and pattern.fullmatch(number) for lengths, pattern in self.ranges)
        return f"+{self.code}{number}" if in_use else None


@cache
def _plan_of_code(code: str) -> _Plan | None:
    """The plan of the country that has this code, or of the main one of several."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code or "0"))
    if regions is None or code.startswith("0") or regions[0] == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        return None
    return _plan_of(regions[0])


@cache
def _plan_of(region: str) -> _Plan | None:
    of = PhoneMetadata.metadata_for_region(region, None)
    if of is None or of.general_desc is None:
        return None
    kinds = (
        of.fixed_line, of.mobile, of.toll_free, of.premium_rate, of.shared_cost, of.personal_number, of.voip, of.pager,
        of.uan, of.voicemail,
    )  # fmt: skip
    return _Plan(
        code=str(of.country_code),
        prefix=re.compile(of.national_prefix_for_parsing or "(?!)"),
        dropped=of.national_prefix_transform_rule is None,
        abroad_prefix=re.compile(of.international_prefix or "(?!)"),
        lengths=frozenset(of.general_desc.possible_length) - frozenset(of.general_desc.possible_length_local_only),
        general=re.compile(of.general_desc.national_number_pattern or "(?!)"),
        ranges=tuple(
            (frozenset(kind.possible_length), re.compile(kind.national_number_pattern))
            for kind in kinds
            if kind is not None and kind.national_number_pattern
        ),
    )
