"""Why a lead went where it went, clause by clause, and what would have had to differ for another queue.

Told from the receipt and the policy of its version: what a rule said then, not what it would say of the lead today.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, TypeAlias

from router.outcomes import HANDOVER, Receipt
from router.policy.clauses import leaves
from router.policy.compiled import Policy
from router.policy.rule import (
    ENRICHMENT,
    FALLBACK,
    RESERVED_RULES,
    All,
    Any,
    Clause,
    Condition,
    Features,
    Handover,
    Not,
    Place,
    Refuse,
    Rule,
    Value,
    Verdict,
)
from schemas.words import Direction, QueueName

_RESULTS: dict[Verdict, tuple[bool | None, Literal["missing", "wrong_type"] | None]] = {
    Verdict.MET: (True, None),
    Verdict.UNMET: (False, None),
    Verdict.MISSING: (None, "missing"),
    Verdict.WRONG_TYPE: (None, "wrong_type"),
}


@dataclass(frozen=True, slots=True)
class ClauseSaid:
    """What came of one test. A `result` of None is unknown, and `reason` says why."""

    field: str
    test: str
    value: Value | None
    result: bool | None
    reason: Literal["missing", "wrong_type"] | None
    within: str | None
    """Where it stands in its rule, as the policy writes it (`any[1].not`); None: by itself."""


@dataclass(frozen=True, slots=True)
class RuleSaid:
    """A rule that was tried, with its clauses in the order of the policy's file."""

    rule: str
    matched: bool
    clauses: tuple[ClauseSaid, ...]


@dataclass(frozen=True, slots=True)
class ScoreSaid:
    """A score of the policy: it added `add` where it matched."""

    score: str
    add: int
    matched: bool
    clauses: tuple[ClauseSaid, ...]


@dataclass(frozen=True, slots=True)
class Differ:
    """This clause would have had to be `must_be`."""

    clause: ClauseSaid
    must_be: bool


@dataclass(frozen=True, slots=True)
class Either:
    """One of these ways would have had to come true, all of its needs together."""

    ways: tuple[tuple["Need", ...], ...]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A rule before it took the lead: in one of these ways that would not have matched. No way: whatever it says."""

    rule: str
    ways: tuple[tuple["Need", ...], ...]


@dataclass(frozen=True, slots=True)
class Qualified:
    """A rep would first have to qualify it: only then these rules are tried."""


Need: TypeAlias = Differ | Either | Earlier | Qualified


@dataclass(frozen=True, slots=True)
class Road:
    """A rule that leads to the queue asked about. It needs nothing: it is the one that decided."""

    rule: str
    stage: str
    would_need: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A condition with its truth, and that of its parts."""

    of: Condition
    truth: bool | None
    parts: tuple["_Seen", ...] = ()
    clause: ClauseSaid | None = None


def tried(receipt: Receipt, policy: Policy) -> tuple[RuleSaid, ...]:
    """The rules that were tried, up to the one that decided. None was where something other than a rule did.

    Before them, where it was tested, what tells whether the policy's hook is to be asked.
    """
    found = zip(_rules(receipt.stage, policy), receipt.clauses, strict=False)
    said = tuple(_said(rule.name, _seen(rule.when, iter(letters), receipt.features)) for rule, letters in found)
    if policy.enrichment is None or not receipt.hook:
        return said
    return (_said(ENRICHMENT, _seen(policy.enrichment.when, iter(receipt.hook), receipt.saw)), *said)


def scored(receipt: Receipt, policy: Policy) -> tuple[ScoreSaid, ...]:
    """What each score of the policy said, where they were added up."""
    seen = (
        (score, _seen(score.when, iter(letters), receipt.saw))
        for score, letters in zip(policy.scores.scores, receipt.scores, strict=False)
    )
    return tuple(ScoreSaid(score.name, score.add, of.truth is True, tuple(_clauses(of))) for score, of in seen)


def why_not(receipt: Receipt, policy: Policy, queue: QueueName) -> tuple[Road, ...]:
    """The rules that lead to a queue, in their order, and what each would have needed to decide.

    Of a lead that no rep has qualified yet, those for a hand-over too.
    """
    roads = _roads(receipt, receipt.stage, policy, queue)
    if receipt.stage == HANDOVER:
        return roads
    return roads + tuple(
        Road(road.rule, road.stage, (Qualified(), *road.would_need))
        for road in _roads(receipt, HANDOVER, policy, queue)
    )


def _roads(receipt: Receipt, stage: str, policy: Policy, queue: QueueName) -> tuple[Road, ...]:
    before: tuple[Need, ...] = ()
    decided = receipt.stage == stage
    if decided and receipt.rule in RESERVED_RULES - {FALLBACK}:
        before = (Earlier(receipt.rule, ()),)
    roads = []
    for index, rule in enumerate(_rules(stage, policy)):
        seen = _seen(
            rule.when, _letters(receipt, index, rule) if decided else _letters_now(receipt, rule), receipt.features
        )
        if isinstance(rule.then, Place) and rule.then.queue == queue:
            roads.append(Road(rule.name, stage, (*before, *_needs(seen, to=True))))
        if seen.truth and not (receipt.released and isinstance(rule.then, Refuse)):
            before = (*before, Earlier(rule.name, _ways(_needs(seen, to=False))))
    if isinstance(then := _fallback(receipt, stage, policy).then, Place) and then.queue == queue:
        roads.append(Road(FALLBACK, stage, before))
    return tuple(roads)


def _rules(stage: str, policy: Policy) -> Sequence[Rule | Handover]:
    return policy.handover.rules if stage == HANDOVER else policy.rules.rules


def _fallback(receipt: Receipt, stage: str, policy: Policy) -> Rule | Handover:
    if stage == HANDOVER:
        return policy.fallback_handover
    inbound = policy.fallback[Direction.INBOUND]
    return next((rule for key, rule in policy.fallback.items() if key == receipt.direction), inbound)


def _letters(receipt: Receipt, index: int, rule: Rule | Handover) -> Iterator[str]:
    """What came of a rule's clauses; of one that was not tried any more, what would have."""
    return iter(receipt.clauses[index]) if index < len(receipt.clauses) else _letters_now(receipt, rule)


def _letters_now(receipt: Receipt, rule: Rule | Handover) -> Iterator[str]:
    return (clause.check(receipt.features.get(clause.path)).value for clause in leaves(rule.when))


def _said(name: str, seen: _Seen) -> RuleSaid:
    return RuleSaid(name, seen.truth is True, tuple(_clauses(seen)))


def _clauses(seen: _Seen) -> Iterator[ClauseSaid]:
    if seen.clause is not None:
        yield seen.clause
    yield from chain.from_iterable(_clauses(part) for part in seen.parts)


def _seen(condition: Condition, letters: Iterator[str], saw: Features, within: str = "") -> _Seen:
    """A condition as it came out (Kleene's logic); `letters` are what came of its clauses, in their order."""
    match condition:
        case Clause():
            result, reason = _RESULTS[Verdict(next(letters))]
            value = saw.get(condition.path)
            said = ClauseSaid(condition.path, condition.words, value, result, reason, within.lstrip(".") or None)
            return _Seen(condition, result, clause=said)
        case Not(part=part):
            inner = _seen(part, letters, saw, within + ".not")
            return _Seen(condition, None if inner.truth is None else not inner.truth, (inner,))
        case Any(parts=parts):
            seen = tuple(_seen(part, letters, saw, f"{within}.any[{place}]") for place, part in enumerate(parts))
            return _Seen(condition, _either(seen, True), seen)
        case All(parts=parts):
            seen = tuple(_seen(part, letters, saw, within) for part in parts)
            return _Seen(condition, _either(seen, False), seen)


def _either(parts: tuple[_Seen, ...], decisive: bool) -> bool | None:
    """The truth of parts of which one that is `decisive` decides: true for `any`, false for all of them."""
    truths = {part.truth for part in parts}
    return decisive if decisive in truths else None if None in truths else not decisive


def _needs(seen: _Seen, *, to: bool) -> tuple[Need, ...]:
    """What would have to differ, all of it, for the condition to be true, or false. Nothing: it is."""
    if seen.truth is to:
        return ()
    if seen.clause is not None:
        return (Differ(seen.clause, to),)
    if isinstance(seen.of, Not):
        return _needs(seen.parts[0], to=not to)
    each = tuple(_needs(part, to=to) for part in seen.parts)
    if isinstance(seen.of, All) is to:
        return tuple(chain.from_iterable(each))
    return each[0] if len(each) == 1 else (Either(each),)


def _ways(needs: tuple[Need, ...]) -> tuple[tuple[Need, ...], ...]:
    """Needs as the ways there are: those of an `Either` that stands alone are they."""
    return needs[0].ways if len(needs) == 1 and isinstance(needs[0], Either) else (needs,)
