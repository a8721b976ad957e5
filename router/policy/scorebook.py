"""Scores: conditions whose points add up to a number, which rules may test."""

from collections.abc import Iterable

from router.policy.clauses import truth
from router.policy.letters import Letters, plan
from router.policy.rule import Features, Score


class Scorebook:
    """Scores, of which each that is true adds its points."""

    __slots__ = ("_letters", "_plans", "scores")

    def __init__(self, scores: Iterable[Score]) -> None:
        self.scores: tuple[Score, ...] = tuple(scores)
        self._letters = Letters(score.when for score in self.scores)
        self._plans = tuple(plan(score.when) for score in self.scores)

    def sum(self, features: Features) -> tuple[int, tuple[str, ...]]:
        """The points of those that are true, and for each score a letter for each of its clauses."""
        letters = self._letters.of(features)
        points, start = 0, 0
        said: list[str] = []
        for score, made in zip(self.scores, self._plans, strict=True):
            here = letters[start : start + made.size]
            start += made.size
            said.append(here)
            if here == made.wanted or (not made.plain and made.may(here) and truth(score.when, iter(here))):
                points += score.add
        return points, tuple(said)
