"""Rules in their order, of which the first that is true decides."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from router.policy.clauses import truth
from router.policy.letters import Letters, plan
from router.policy.rule import Features, Handover, Refuse, Rule

R = TypeVar("R", Rule, Handover)


class Rulebook(Generic[R]):
    """Rules of which the first that is true decides."""

    __slots__ = ("_letters", "_plans", "rules")

    def __init__(self, rules: Iterable[R]) -> None:
        self.rules: tuple[R, ...] = tuple(rules)
        self._letters = Letters(rule.when for rule in self.rules)
        self._plans = tuple((made, made.size, made.wanted) for made in (plan(rule.when) for rule in self.rules))

    def first(self, features: Features, *, placing: bool = False) -> tuple[R | None, tuple[str, ...]]:
        """The first rule whose condition is true, and for each rule up to it a letter for each of its clauses.

        `placing`: rules that reject are passed over.
        """
        letters = self._letters.of(features)
        said: list[str] = []
        start = 0
        for rule, (made, size, wanted) in zip(self.rules, self._plans, strict=True):
            here = letters[start : start + size]
            start += size
            said.append(here)
            matches = here == wanted or (not made.plain and made.may(here) and truth(rule.when, iter(here)))
            if matches and not (placing and isinstance(rule.then, Refuse)):
                return rule, tuple(said)
        return None, tuple(said)
