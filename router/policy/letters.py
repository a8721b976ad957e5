"""The clauses of many conditions, laid out so that a thousand of them are tested in a fraction of a millisecond."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from router.policy.clauses import leaves
from router.policy.rule import All, Clause, Condition, Features, Not, Value, Verdict
from schemas.policy.operators import OneOf

_EITHER = "?"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many letters a condition has, what they must be, and whether these alone make it true."""

    size: int
    wanted: str
    plain: bool

    def may(self, said: str) -> bool:
        """Whether a condition whose letters these are can be true."""
        return all(want in (_EITHER, letter) for letter, want in zip(said, self.wanted, strict=True))


@dataclass(frozen=True, slots=True)
class _Field:
    """The tests of one field. Those for one of some texts are looked up together; `others` are made one by one."""

    path: str
    clauses: tuple[Clause, ...]
    absent: list[str]
    texts: Mapping[str, tuple[int, ...]]
    others: tuple[tuple[int, Clause], ...]

    def said(self, value: Value | None) -> list[str]:
        """A letter for each clause."""
        if value is None:
            return self.absent
        if not isinstance(value, str):
            return [clause.check(value).value for clause in self.clauses]
        letters = [Verdict.UNMET.value] * len(self.clauses)
        for index in self.texts.get(value.casefold(), ()):
            letters[index] = Verdict.MET.value
        for index, clause in self.others:
            letters[index] = clause.check(value).value
        return letters


class Letters:
    """What each clause of each condition says, as one letter."""

    __slots__ = ("_fields", "_order")

    def __init__(self, conditions: Iterable[All]) -> None:
        clauses = [clause for condition in conditions for clause in leaves(condition)]
        held: dict[str, dict[Clause, None]] = {}
        for clause in clauses:
            held.setdefault(clause.path, {})[clause] = None
        self._fields = tuple(_field(path, tuple(of)) for path, of in held.items())
        places = {clause: place for place, clause in enumerate(c for field in self._fields for c in field.clauses)}
        order = [places[clause] for clause in clauses]
        # Of one index alone itemgetter gives no tuple: two more, which nobody reads, stand at the end.
        self._order = itemgetter(*order, 0, 0) if order else None

    def of(self, features: Features) -> str:
        """A letter for each clause of the conditions, one condition after the other (and two that nobody reads)."""
        if self._order is None:
            return ""
        letters: list[str] = []
        for field in self._fields:
            letters += field.said(features.get(field.path))
        return "".join(self._order(letters))


def plan(condition: All) -> Plan:
    """What the letters of a condition must be."""
    wanted = "".join(_wanted(part) for part in condition.parts)
    return Plan(len(wanted), wanted, _EITHER not in wanted)


def _field(path: str, clauses: tuple[Clause, ...]) -> _Field:
    texts: dict[str, tuple[int, ...]] = {}
    others: list[tuple[int, Clause]] = []
    for index, clause in enumerate(clauses):
        if not isinstance(clause.test, OneOf) or not all(isinstance(value, str) for value in clause.test.values):
            others.append((index, clause))
            continue
        for folded in {str(value).casefold() for value in clause.test.values}:
            texts[folded] = (*texts.get(folded, ()), index)
    return _Field(path, clauses, [clause.check(None).value for clause in clauses], texts, tuple(others))


def _wanted(part: Condition) -> str:
    match part:
        case Clause():
            return Verdict.MET.value
        case Not(part=Clause()):
            return Verdict.UNMET.value
    return _EITHER * len(leaves(part))
