"""Rules that can never decide, since those before them match whatever they match."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import TypeAlias

from router.policy.clauses import meaning
from router.policy.compiled import All, Any, Clause, Condition
from schemas.features import CUSTOM
from schemas.policy.operators import Between, Compare, Contains, Known, OneOf, StartsWith, Test
from schemas.words import Direction

_Bound: TypeAlias = tuple[float, int]
"""A number, and which side of it: -1 just below, 0 on it, 1 just above."""


def shadowed(conditions: Sequence[All]) -> Iterator[tuple[int, int]]:
    """`(later, earlier)`: the later rule is never reached; `earlier` is the last of those that are to blame.

    What it finds is so, but it does not find all: it looks at one earlier rule for each direction.
    """
    for later, condition in enumerate(conditions):
        blamed = [_blocker(condition, direction, conditions[:later]) for direction in _possible(condition)]
        found = [earlier for earlier in blamed if earlier is not None]
        if found and len(found) == len(blamed):
            yield later, max(found)


def _possible(condition: All) -> list[Direction]:
    tests = [part.test for part in condition.parts if isinstance(part, Clause) and part.path == "direction"]
    return [way for way in Direction if all(meaning(test)(way.value) for test in tests)]


def _blocker(condition: All, direction: Direction, earlier: Sequence[All]) -> int | None:
    def given(part: Condition) -> bool:
        if part in condition.parts:
            return True
        match part:
            case Clause(path="direction", test=test):
                return meaning(test)(direction.value) is True
            case Clause():
                return any(isinstance(known, Clause) and implies(known, part) for known in condition.parts)
            case All(parts=parts):
                return all(given(each) for each in parts)
            case Any(parts=parts):
                return any(given(each) for each in parts)
        return False

    return next((index for index, other in enumerate(earlier) if given(other)), None)


def implies(one: Clause, other: Clause) -> bool:
    """Whether whatever meets `one` meets `other` (and where not, perhaps it does all the same)."""
    if one.path != other.path:
        return False
    if other.test == Known(known=True):
        return one.test != Known(known=False)
    if isinstance(one.test, OneOf) and isinstance(other.test, OneOf):
        return all(meaning(other.test)(value) for value in one.test.values)
    # A custom field may be a list of texts, of which the tests below say nothing.
    return not one.path.startswith(CUSTOM) and _narrower(one.test, other.test)


def _narrower(one: Test, other: Test) -> bool:
    match one, other:
        case ((Compare() | Between()), (Compare() | Between())):
            (low, high), (other_low, other_high) = _range(one), _range(other)
            return other_low <= low and high <= other_high
        case OneOf(values=values), _:
            return all(meaning(other)(value) for value in values)
        case StartsWith(text=text), StartsWith(text=start):
            return text.casefold().startswith(start.casefold())
        case ((StartsWith(text=text) | Contains(text=text)), Contains(text=part)):
            return part.casefold() in text.casefold()
    return one == other


def _range(test: Compare | Between) -> tuple[_Bound, _Bound]:
    match test:
        case Between(low=low, high=high):
            return (low, 0), (high, 0)
        case Compare(sign=">=", than=than):
            return (than, 0), (inf, 0)
        case Compare(sign=">", than=than):
            return (than, 1), (inf, 0)
        case Compare(sign="<=", than=than):
            return (-inf, 0), (than, 0)
        case Compare(than=than):
            return (-inf, 0), (than, -1)
