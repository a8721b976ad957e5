"""What each test means, and what a rule makes of a lead. Three-valued: a missing or mistyped field is unknown."""

import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeGuard, assert_never

import re2

from router.policy.compiled import All, Any, Clause, Condition, Features, Handover, Not, Rule, Value, Verdict
from schemas.policy.operators import Between, Compare, Contains, Known, Matches, OneOf, Scalar, StartsWith, Test

LETTERS = {Verdict.MET: "m", Verdict.UNMET: "u", Verdict.MISSING: "-", Verdict.WRONG_TYPE: "x"}
"""How a receipt writes a verdict."""
_TRUTH = {"m": True, "u": False, "-": None, "x": None}
_SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
Truth = bool | None
"""None: unknown."""


def clause(path: str, test: Test) -> Clause:
    """Compile one test of one field. Raises: re2.error where a pattern is none."""
    return Clause(path, test, words(test), partial(_verdict, meaning(test)))


def meaning(test: Test) -> Callable[[Value | None], Truth]:
    """The test as a function of a value, or of None where there is none; None: of another type than the test is for.

    Upper and lower case are alike, but in a pattern.
    """
    match test:
        case OneOf(values=values):
            return _one_of(values)
        case Compare(sign=sign, than=than):
            compare = _SIGNS[sign]
            return lambda value: compare(value, than) if _is_number(value) else None
        case Between(low=low, high=high):
            return lambda value: low <= value <= high if _is_number(value) else None
        case Contains(text=text):
            return partial(_contains, text.casefold())
        case StartsWith(text=text):
            start = text.casefold()
            return lambda value: value.casefold().startswith(start) if isinstance(value, str) else None
        case Matches(pattern=pattern):
            search = pattern_of(pattern).search
            return lambda value: search(value) is not None if isinstance(value, str) else None
        case Known(known=known):
            return lambda value: (value is not None) is known
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


class Letters(dict[Clause, str]):
    """The verdict on each clause for one lead: found once, however many rules have the clause."""

    def __init__(self, features: Features) -> None:
        super().__init__()
        self._features = features

    def __missing__(self, clause: Clause) -> str:
        letter = self[clause] = LETTERS[clause.check(self._features.get(clause.path))]
        return letter


def examine(rule: Rule | Handover, letters: Letters) -> tuple[bool, str]:
    """Whether the rule matches (only when its condition is true), and a letter for each of its clauses, in order."""
    said = "".join([letters[each] for each in rule.clauses])
    if rule.conjunction:
        return said.count("m") == len(said), said
    return truth(rule.when, iter(said)) is True, said


def truth(condition: Condition, said: Iterator[str]) -> Truth:
    """Kleene's logic over the verdicts on a condition's clauses, in the order of `leaves`."""
    match condition:
        case Clause():
            return _TRUTH[next(said)]
        case All(parts=parts):
            of = [truth(part, said) for part in parts]
            return False if False in of else None if None in of else True
        case Any(parts=parts):
            of = [truth(part, said) for part in parts]
            return True if True in of else None if None in of else False
        case Not(part=part):
            is_so = truth(part, said)
            return None if is_so is None else not is_so


def leaves(condition: Condition) -> tuple[Clause, ...]:
    """The clauses of a condition, as they stand in the file."""
    match condition:
        case Clause():
            return (condition,)
        case All(parts=parts) | Any(parts=parts):
            return tuple(leaf for part in parts for leaf in leaves(part))
        case Not(part=part):
            return leaves(part)


def _verdict(means: Callable[[Value | None], Truth], value: Value | None) -> Verdict:
    is_so = means(value)
    if is_so is None:
        return Verdict.MISSING if value is None else Verdict.WRONG_TYPE
    return Verdict.MET if is_so else Verdict.UNMET


def _one_of(values: tuple[Scalar, ...]) -> Callable[[Value | None], Truth]:
    flags = frozenset(value for value in values if isinstance(value, bool))
    texts = frozenset(value.casefold() for value in values if isinstance(value, str))
    numbers = frozenset(value for value in values if _is_number(value))

    def one_of(value: Value | None) -> Truth:
        if isinstance(value, str):
            return value.casefold() in texts if texts else None
        if isinstance(value, bool):
            return value in flags if flags else None
        if isinstance(value, tuple):
            return any(each.casefold() in texts for each in value) if texts else None
        return value in numbers if numbers and value is not None else None

    return one_of


def _contains(part: str, value: Value | None) -> Truth:
    if isinstance(value, str):
        return part in value.casefold()
    return any(part == each.casefold() for each in value) if isinstance(value, tuple) else None


def _is_number(value: Value | None) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
