"""Rules that can never decide, since those before them match whatever they match."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import TypeAlias

from router.policy.rule import All, Any, Clause, Condition, Not, Verdict
from schemas.features import CUSTOM
from schemas.policy.operators import Between, Compare, Contains, Known, OneOf, StartsWith, Test
from schemas.words import Direction

_Bound: TypeAlias = tuple[float, int]
"""A number, and which side of it: -1 just below, 0 on it, 1 just above."""
_PRESENT = Known(known=True)


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
    clauses = [part for part in condition.parts if isinstance(part, Clause) and part.path == "direction"]
    return [way for way in Direction if all(clause.check(way.value) is Verdict.MET for clause in clauses)]


def _blocker(condition: All, direction: Direction, earlier: Sequence[All]) -> int | None:
    known: dict[str, list[Clause]] = {}
    for clause in (part for part in condition.parts if isinstance(part, Clause)):
        known.setdefault(clause.path, []).append(clause)
    found: dict[int, bool] = {}

    def given(part: Condition) -> bool:
        # Clauses of many rules are the same object.
        if (same := found.get(id(part))) is None:
            same = found[id(part)] = part in condition.parts or follows(part)
        return same

    def follows(part: Condition) -> bool:
        match part:
            case Clause(path="direction", check=check):
                return check(direction.value) is Verdict.MET
            case Clause(path=path):
                return any(implies(clause, part) for clause in known.get(path, ()))
            case All(parts=parts):
                return all(given(each) for each in parts)
            case Any(parts=parts):
                return any(given(each) for each in parts)
            case Not():
                return False

    return next((index for index, other in enumerate(earlier) if given(other)), None)


def implies(one: Clause, other: Clause) -> bool:
    """Whether whatever meets `one` meets `other`, of the same path (and where not, perhaps it does all the same)."""
    if other.test == _PRESENT:
        return one.test != Known(known=False)
    if isinstance(one.test, OneOf) and isinstance(other.test, OneOf):
        return _each_meets(one.test, other)
    # A custom field may be a list of texts, of which the tests below say nothing.
    return not one.path.startswith(CUSTOM) and _narrower(one.test, other)


def _each_meets(one: OneOf, other: Clause) -> bool:
    return all(other.check(value) is Verdict.MET for value in one.values)


def _narrower(one: Test, other: Clause) -> bool:
    match one, other.test:
        case ((Compare() | Between()), (Compare() | Between() as wider)):
            (low, high), (wider_low, wider_high) = _range(one), _range(wider)
            return wider_low <= low and high <= wider_high
        case OneOf(), _:
            return _each_meets(one, other)
        case StartsWith(text=text), StartsWith(text=start):
            return text.casefold().startswith(start.casefold())
        case ((StartsWith(text=text) | Contains(text=text)), Contains(text=part)):
            return part.casefold() in text.casefold()
    return one == other.test


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
