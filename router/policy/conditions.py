"""A rule's `when`, read: each field is one that a rule may look at, each test one that there is and fits the field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any as Whatever

import re2

from router.policy.clauses import clause, pattern_of
from router.policy.mistakes import Mistakes, Path, nearest
from router.policy.regions import is_country, near_country
from router.policy.rule import All, Any, Clause, Condition, Not
from schemas.features import ENRICHED, FEATURES, SCORE, Feature, FeatureType, feature
from schemas.policy.operators import Between, Compare, Contains, Known, Matches, OneOf, Scalar, StartsWith, Test

MAX_VALUES = 10_000
MAX_PATTERN = 500
_COMPARISON = re.compile(r"^(>=|<=|>|<)\s*(-?\d{1,15}(?:\.\d{1,9})?)$")
_OPERATORS = ("between", "contains", "starts_with", "matches", "known")
_TESTS = 'Write a value, a list of values, ">= 50", or one of ' + " ".join(_OPERATORS) + ", as {between: [50, 500]}."
_TEXTUAL = frozenset({FeatureType.TEXT, FeatureType.COUNTRY, FeatureType.ANY})
_NUMERIC = frozenset({FeatureType.NUMBER, FeatureType.ANY})


class Where(StrEnum):
    """The section that a condition stands in: what is known by then differs."""

    RULES = "rules"
    HANDOVER = "handover"
    SCORES = "scores"
    ENRICHMENT = "enrichment"


@dataclass(slots=True)
class Conditions:
    """Reads conditions; a clause that comes again is the same object, so that it is tested once for a lead.

    `enriched`: the fields that the hook of this policy answers; `scored`: whether it has scores.
    """

    mistakes: Mistakes
    enriched: Mapping[str, Feature] = field(default_factory=dict)
    scored: bool = True
    made: dict[tuple[str, str], Clause] = field(default_factory=dict)

    def read(self, when: dict[str, Whatever], path: Path, *, where: Where) -> All:
        """All of `field: test`, `any: [{…}, …]`, `not: {…}`."""
        parts: list[Condition] = []
        for key, raw in when.items():
            at = (*path, key)
            if key == "any":
                parts += self._any(raw, at, where)
            elif key == "not":
                parts += self._not(raw, at, where)
            else:
                parts += self._clause(key, raw, at, where)
        return All(tuple(parts))

    def _any(self, raw: Whatever, at: Path, where: Where) -> list[Condition]:
        if not isinstance(raw, list) or not raw or not all(isinstance(each, dict) and each for each in raw):
            self.mistakes.add(at, raw, "not a list of conditions", "Write any: [{field: test}, {field: test}].")
            return []
        read = [self.read(each, (*at, index), where=where) for index, each in enumerate(raw)]
        return [Any(tuple(_single(each) for each in read))]

    def _not(self, raw: Whatever, at: Path, where: Where) -> list[Condition]:
        if not isinstance(raw, dict) or not raw:
            self.mistakes.add(at, raw, "not a condition", "Write not: {field: test}.")
            return []
        return [Not(_single(self.read(raw, at, where=where)))]

    def _clause(self, key: str, raw: Whatever, at: Path, where: Where) -> list[Condition]:
        of = self.enriched.get(key) or feature(key)
        too_early = _too_early(key, of, where)
        if too_early is not None:
            self.mistakes.add(at, key, *too_early)
            return []
        if of is None or (key == SCORE and not self.scored):
            self._no_field(key, at, where)
            return []
        test = self._test(of, raw, at)
        if test is None:
            return []
        if isinstance(test, Matches) and not self._compiles(test, at):
            return []
        same = (key, repr(test))
        if same not in self.made:
            self.made[same] = clause(key, test)
        return [self.made[same]]

    def _no_field(self, key: str, at: Path, where: Where) -> None:
        if key == SCORE:
            remedy = 'Add scores: [{name: large, when: {company.employees: ">= 50"}, add: 20}].'
            self.mistakes.add(at, key, "this policy has no scores to add up", remedy)
            return
        if key.startswith(ENRICHED):
            name = key.removeprefix(ENRICHED)
            remedy = nearest(key, self.enriched) or f"Declare it: enrichment: {{fields: {{{name}: text}}}}."
            self.mistakes.add(at, key, "no field that `enrichment` declares", remedy)
            return
        seen = [
            each.path for each in (*FEATURES, *self.enriched.values()) if _too_early(each.path, each, where) is None
        ]
        remedy = nearest(key, [*seen, "any", "not"]) or f"A rule sees {', '.join(seen)}, custom.*."
        self.mistakes.add(at, key, "no field that a rule may look at", remedy)

    def _test(self, of: Feature, raw: Whatever, at: Path) -> Test | None:
        if isinstance(raw, dict):
            return self._operator(of, raw, at)
        if isinstance(raw, str) and raw[:1] in ("<", ">"):
            return self._comparison(of, raw, at)
        values = raw if isinstance(raw, list) else [raw]
        if not values or len(values) > MAX_VALUES:
            self.mistakes.add(at, raw, f"not 1 to {MAX_VALUES} values", _TESTS)
            return None
        places = [(*at, index) for index in range(len(values))] if isinstance(raw, list) else [at]
        fit = [self._fits(of, value, place) for value, place in zip(values, places, strict=True)]
        return OneOf(values=tuple(values)) if all(fit) else None

    def _comparison(self, of: Feature, raw: str, at: Path) -> Test | None:
        said = _COMPARISON.match(raw)
        if said is None:
            self.mistakes.add(at, raw, "not a comparison", 'Write ">= 50", with >= <= > or < and a number.')
            return None
        if not self._takes(of, _NUMERIC, at, raw):
            return None
        sign, number = said.groups()
        return Compare.model_validate({"sign": sign, "than": float(number) if "." in number else int(number)})

    def _operator(self, of: Feature, raw: dict[str, Whatever], at: Path) -> Test | None:
        if len(raw) != 1:
            self.mistakes.add(at, None, "not one test", _TESTS)
            return None
        [(name, value)] = raw.items()
        within = (*at, name)
        match name, value:
            case "known", bool():
                return Known(known=value)
            case "between", [low, high] if _number(low) and _number(high) and low <= high:
                return Between(low=low, high=high) if self._takes(of, _NUMERIC, within, None) else None
            case "contains", str() if value:
                return Contains(text=value) if self._takes(of, _TEXTUAL, within, value) else None
            case "starts_with", str() if value:
                return StartsWith(text=value) if self._takes(of, _TEXTUAL, within, value) else None
            case "matches", str() if value:
                return Matches(pattern=value) if self._takes(of, _TEXTUAL, within, value) else None
        if name in _OPERATORS:
            wants = {"known": "true or false", "between": "two numbers, the lower first"}.get(name, "a text")
            self.mistakes.add(within, value, f"`{name}` does not take this", f"It takes {wants}.")
        else:
            self.mistakes.add(within, name, "no such test", nearest(name, _OPERATORS) or _TESTS)
        return None

    def _takes(self, of: Feature, types: frozenset[FeatureType], at: Path, raw: Whatever) -> bool:
        if of.type in types:
            return True
        self.mistakes.add(at, raw, f"{of.path} is {of.type}, which this test is not for", _TESTS)
        return False

    def _fits(self, of: Feature, value: Whatever, at: Path) -> bool:
        detail, remedy = _misfit(of, value)
        if detail:
            self.mistakes.add(at, value, detail, remedy)
        return not detail

    def _compiles(self, test: Matches, at: Path) -> bool:
        if len(test.pattern) > MAX_PATTERN:
            self.mistakes.add((*at, "matches"), test.pattern, f"longer than {MAX_PATTERN}", "Write two rules.")
            return False
        try:
            pattern_of(test.pattern)
        except re2.error as wrong:
            said = wrong.args[0] if wrong.args else ""
            said = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
            self.mistakes.add(
                (*at, "matches"),
                test.pattern,
                f"not a pattern: {said}",
                "RE2 has no look-around and no back-references.",
            )
            return False
        return True


def _too_early(key: str, of: Feature | None, where: Where) -> tuple[str, str] | None:
    """Why a field is not known yet in that section, and what to do instead."""
    if of is not None and of.handover and where is not Where.HANDOVER:
        return "known only once a rep has qualified the lead", "Move it to a rule of `handover`."
    if key == SCORE and where in (Where.SCORES, Where.ENRICHMENT):
        return "known only once the scores have been added up", "Test it in a rule."
    if key.startswith(ENRICHED) and where is Where.ENRICHMENT:
        return "known only once the hook has answered", "Test it in a rule or a score."
    return None


def _misfit(of: Feature, value: Whatever) -> tuple[str | None, str | None]:
    """Why a value cannot be this field's, and what to write instead."""
    if value is None:
        return "empty", "Test absence with {known: false}."
    if not isinstance(value, Scalar):
        return "not a value", _TESTS
    if value == "":
        return "empty", "Test absence with {known: false}."
    if of.type is FeatureType.NUMBER and not _number(value):
        return f"{of.path} is a number", 'Write 50, ">= 50" or {between: [50, 500]}.'
    if of.type is FeatureType.FLAG and not isinstance(value, bool):
        return f"{of.path} is true or false", "Write true or false."
    if of.type in (FeatureType.TEXT, FeatureType.COUNTRY) and not isinstance(value, str):
        return f"{of.path} is text", f'Quote it: "{str(value).lower() if isinstance(value, bool) else value}".'
    if of.type is FeatureType.COUNTRY and not is_country(str(value)):
        return "no country of ISO 3166-1 alpha-2", near_country(str(value))
    if of.values and value not in of.values:
        return "not one that there is", nearest(value, of.values) or f"Write one of {', '.join(of.values)}."
    return None, None


def _number(value: Whatever) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _single(condition: All) -> Condition:
    return condition.parts[0] if len(condition.parts) == 1 else condition
