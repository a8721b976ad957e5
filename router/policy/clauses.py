"""What each test means, and a condition of them. Three-valued: a missing or mistyped field is unknown."""

import operator
from collections.abc import Callable, Iterator
from typing import assert_never

import re2

from router.policy.rule import All, Any, Clause, Condition, Features, Not, Value, Verdict
from schemas.policy.operators import Between, Compare, Contains, Known, Matches, OneOf, Scalar, StartsWith, Test

_TRUTH = {"m": True, "u": False}
_SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_NUMBERS = (int, float)
MET, UNMET, MISSING, WRONG_TYPE = Verdict
Number = int | float
Truth = bool | None
"""None: unknown."""


def clause(path: str, test: Test) -> Clause:
    """Compile one test of one field. Raises: re2.error where a pattern is none."""
    return Clause(path, test, words(test), check_of(test))


def check_of(test: Test) -> Callable[[Value | None], Verdict]:
    """The test as a function of a value, or of None where there is none. But in a pattern, case does not matter.

    >>> [check_of(Compare(sign=">=", than=50))(value).name for value in (50, 49, None, "50")]
    ['MET', 'UNMET', 'MISSING', 'WRONG_TYPE']
    """
    match test:
        case OneOf(values=values):
            return _one_of(values)
        case Compare(sign=sign, than=than):
            return _number(_SIGNS[sign], than)
        case Between(low=low, high=high):
            return _number(lambda value, _: low <= value <= high, low)
        case Contains(text=text):
            return _contains(text.casefold())
        case StartsWith(text=text):
            start = text.casefold()
            return _text(lambda value: value.casefold().startswith(start))
        case Matches(pattern=pattern):
            search = pattern_of(pattern).search
            return _text(lambda value: search(value) is not None)
        case Known(known=known):
            return lambda value: MET if (value is not None) is known else UNMET
        case _:
            assert_never(test)


def words(test: Test) -> str:
    """The test as a person reads it.

    >>> words(OneOf(values=("GB", "IE"))), words(Compare(sign=">=", than=50))
    ('GB, IE', '>= 50')
    """
    match test:
        case OneOf(values=values):
            return ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
        case Compare(sign=sign, than=than):
            return f"{sign} {than}"
        case Between(low=low, high=high):
            return f"between {low} and {high}"
        case Contains(text=text):
            return f"contains {text}"
        case StartsWith(text=text):
            return f"starts with {text}"
        case Matches(pattern=pattern):
            return f"matches {pattern}"
        case Known(known=known):
            return "known" if known else "not known"
        case _:
            assert_never(test)


def pattern_of(pattern: str) -> "re2._Regexp[str]":
    """Compile a pattern on an engine whose time is linear in the text. Raises: re2.error."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def truth(condition: Condition, said: Iterator[str]) -> Truth:
    """Kleene's logic over the letters of the verdicts on a condition's clauses, in the order of `leaves`."""
    match condition:
        case Clause():
            return _TRUTH.get(next(said))
        case All(parts=parts):
            of = [truth(part, said) for part in parts]
            return False if False in of else None if None in of else True
        case Any(parts=parts):
            of = [truth(part, said) for part in parts]
            return True if True in of else None if None in of else False
        case Not(part=part):
            is_so = truth(part, said)
            return None if is_so is None else not is_so


def holds(condition: Condition, features: Features) -> tuple[bool, str]:
    """Whether a condition is true, and a letter for each of its clauses."""
    letters = "".join(clause.check(features.get(clause.path)).value for clause in leaves(condition))
    return truth(condition, iter(letters)) is True, letters


def leaves(condition: Condition) -> tuple[Clause, ...]:
    """The clauses of a condition, as they stand in the file."""
    match condition:
        case Clause():
            return (condition,)
        case All(parts=parts) | Any(parts=parts):
            return tuple(leaf for part in parts for leaf in leaves(part))
        case Not(part=part):
            return leaves(part)


def _one_of(values: tuple[Scalar, ...]) -> Callable[[Value | None], Verdict]:
    flags = frozenset(value for value in values if isinstance(value, bool))
    texts = frozenset(value.casefold() for value in values if isinstance(value, str))
    numbers = frozenset(value for value in values if type(value) in _NUMBERS)

    def check(value: Value | None) -> Verdict:
        if value is None:
            return MISSING
        wanted = flags if isinstance(value, bool) else texts if isinstance(value, str | tuple) else numbers
        if not wanted:
            return WRONG_TYPE
        if isinstance(value, tuple):
            return UNMET if wanted.isdisjoint(each.casefold() for each in value) else MET
        return MET if (value.casefold() if isinstance(value, str) else value) in wanted else UNMET

    return check


def _number(holds: Callable[[Number, Number], bool], than: Number) -> Callable[[Value | None], Verdict]:
    def check(value: Value | None) -> Verdict:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MET if holds(value, than) else UNMET
        return MISSING if value is None else WRONG_TYPE

    return check


def _text(holds: Callable[[str], bool]) -> Callable[[Value | None], Verdict]:
    def check(value: Value | None) -> Verdict:
        if isinstance(value, str):
            return MET if holds(value) else UNMET
        return MISSING if value is None else WRONG_TYPE

    return check


def _contains(part: str) -> Callable[[Value | None], Verdict]:
    within = _text(lambda value: part in value.casefold())

    def check(value: Value | None) -> Verdict:
        if isinstance(value, tuple):
            return MET if any(part == each.casefold() for each in value) else UNMET
        return within(value)

    return check
