"""Rules that can never decide, since those before them match whatever they match."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import TypeAlias

from router.policy.rule import All, Any, Clause, Condition, Not, Verdict
from schemas.features import CUSTOM
from schemas.policy.operators import Between, Compare, Contains, Known, OneOf, Scalar, StartsWith, Test
from schemas.words import Direction

_Bound: TypeAlias = tuple[float, int]
"""A number, and which side of it: -1 just below, 0 on it, 1 just above."""
_ByPath: TypeAlias = Mapping[str, Sequence[Clause]]
_PRESENT = Known(known=True)
_DIRECTION = "direction"


def shadowed(conditions: Sequence[All]) -> Iterator[tuple[int, int]]:
    """`(later, earlier)`: the later rule is never reached; `earlier` is the last of those that are to blame.

    What it finds is so, but it does not find all: it looks at one earlier rule for each direction.
    """
    before = _Before()
    for later, condition in enumerate(conditions):
        known = _by_path(condition)
        looks = before.worth_a_look(condition, known)
        blamed = [_blocker(condition, known, way, looks) for way in _possible(condition)]
        found = [earlier for earlier in blamed if earlier is not None]
        if found and len(found) == len(blamed):
            yield later, max(found)
        before.add(later, condition)


class _Before:
    """The rules before one, by a part of each that must be given where all of it is.

    So of a thousand rules a few are looked at, and not each with each.
    """

    def __init__(self) -> None:
        self._conditions: dict[int, All] = {}
        self._always: list[int] = []
        self._needing: dict[Condition, list[int]] = {}
        self._one_of: dict[tuple[str, object], list[Clause]] = {}
        self._others: dict[str, list[Clause]] = {}

    def add(self, index: int, condition: All) -> None:
        """One more."""
        self._conditions[index] = condition
        needed = self._needed(condition)
        if needed is None:
            self._always.append(index)
        for part in dict.fromkeys(needed or ()):
            if part not in self._needing:
                self._file(part)
            self._needing.setdefault(part, []).append(index)

    def worth_a_look(self, condition: All, known: _ByPath) -> list[tuple[int, All]]:
        """Those that `condition` may be a case of, in their order."""
        given: dict[Condition, None] = dict.fromkeys(condition.parts)
        given |= dict.fromkeys(self._others.get(_DIRECTION, ()))
        for path, clauses in known.items():
            for clause in clauses:
                given |= dict.fromkeys(other for other in self._like(clause) if implies(clause, other))
                given |= dict.fromkeys(other for other in self._others.get(path, ()) if implies(clause, other))
        found = {*self._always, *(index for part in given for index in self._needing.get(part, ()))}
        return [(index, self._conditions[index]) for index in sorted(found)]

    def _like(self, clause: Clause) -> Sequence[Clause]:
        """The clauses with a list of values in which the first of this one's is."""
        match clause.test:
            case OneOf(values=values):
                return self._one_of.get((clause.path, _folded(values[0])), ())
        return ()

    def _file(self, part: Condition) -> None:
        match part:
            case Clause(path=path, test=OneOf(values=values)) if path != _DIRECTION:
                for value in {_folded(value) for value in values}:
                    self._one_of.setdefault((path, value), []).append(part)
            case Clause(path=path):
                self._others.setdefault(path, []).append(part)

    def _needed(self, part: Condition) -> list[Condition] | None:
        """Parts of which one is given where `part` is, preferably those that few rules share; None: it always is."""
        match part:
            case All(parts=parts):
                choices = [needed for each in parts if (needed := self._needed(each)) is not None]
                return [*min(choices, key=self._shared), part] if choices else None
            case Any(parts=parts):
                of = [self._needed(each) for each in parts]
                return None if None in of else [part, *(need for each in of for need in each or ())]
        return [part]

    def _shared(self, needed: list[Condition]) -> tuple[bool, int]:
        by_direction = any(isinstance(part, Clause) and part.path == _DIRECTION for part in needed)
        return by_direction, sum(len(self._needing.get(part, ())) for part in needed)


def _by_path(condition: All) -> _ByPath:
    known: dict[str, list[Clause]] = {}
    for clause in (part for part in condition.parts if isinstance(part, Clause)):
        known.setdefault(clause.path, []).append(clause)
    return known


def _folded(value: Scalar) -> object:
    return value.casefold() if isinstance(value, str) else (type(value) is bool, value)


def _possible(condition: All) -> list[Direction]:
    clauses = [part for part in condition.parts if isinstance(part, Clause) and part.path == _DIRECTION]
    return [way for way in Direction if all(clause.check(way.value) is Verdict.MET for clause in clauses)]


def _blocker(condition: All, known: _ByPath, direction: Direction, earlier: Sequence[tuple[int, All]]) -> int | None:
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

    return next((index for index, other in earlier if given(other)), None)


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
