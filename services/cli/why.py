"""`leadgate lead why` in words: what waits, what decided, and what another queue would have needed."""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.api.why import (
    AnyNeed,
    ClauseNeed,
    ClauseOut,
    DecisionWhyOut,
    EarlierNeed,
    NeedOut,
    NotOut,
    OutcomeOut,
    WaitingOut,
    WhyOut,
)
from schemas.events.stamp import text_of

_TOLD = {True: "yes", False: "no ", None: "?  "}
_BY_ITSELF = {
    "enrichment": "the policy's hook is asked before any rule",
    "same account": "it is merged into the open lead of its account before any rule",
    "reopened": "what the same person lost lately is opened again before any rule",
    "one contact at a time": "its account is being approached already",
    "flagged": "what ingest flagged is rejected before any rule",
    "suppressed": "whom no channel may reach is rejected before any rule",
    "same person": "it is merged into the open lead of the same person before any rule",
}


def words(why: WhyOut) -> str:
    """An answer for people."""
    return "\n".join([*_waiting(why), *(line for each in why.decisions for line in _decision(each)), *_not(why.not_)])


def _waiting(why: WhyOut) -> Iterator[str]:
    waiting = why.waiting
    if waiting is None:
        yield f"{why.lead_id} has no open work."
        return
    yield f"{why.lead_id} is in {waiting.queue}, {waiting.state.value}. {waiting.because.detail}"
    yield from _reps(waiting)


def _reps(waiting: WaitingOut) -> Iterator[str]:
    for rep in waiting.reps or ():
        said = " ".join(bar.detail for bar in rep.bars) or "May have it."
        yield f"  {rep.name}: {said}"


def _decision(made: DecisionWhyOut) -> Iterator[str]:
    yield ""
    stage = "Handed over" if made.stage == "handover" else "Decided"
    yield f"{stage} {text_of(made.at)} by {made.rule}, policy {made.policy_version}: {_outcome(made.outcome)}."
    if made.score is not None:
        yield f"  score {made.score}"
    for score in made.scores:
        yield f"    {_TOLD[score.matched]} {score.score}: {score.add:+}"
        yield from _clauses(score.clauses, "          ")
    for rule in made.rules:
        yield f"  {_TOLD[rule.matched]} {rule.rule}" + ("" if rule.clauses else " (always)")
        yield from _clauses(rule.clauses, "        ")


def _outcome(outcome: OutcomeOut) -> str:
    qualify = outcome.qualify and str(outcome.qualify).replace("_", " ")
    parts = [outcome.action, outcome.queue, qualify and f"qualified {qualify}", outcome.priority]
    return ", ".join(str(part) for part in (parts if outcome.queue else parts[:1]) if part)


def _clauses(clauses: Sequence[ClauseOut], indent: str) -> Iterator[str]:
    for clause in clauses:
        within = f"   [{clause.within}]" if clause.within else ""
        yield f"{indent}{_TOLD[clause.result]} {clause.field}: {clause.test}   ({_saw(clause)}){within}"


def _saw(clause: ClauseOut) -> str:
    """What the clause saw.

    >>> _saw(ClauseOut(field="intent", test="demo", value=None, result=None, reason="missing", within=None))
    'missing'
    """
    value = _plain(clause.value)
    return " ".join(part for part in (value, (clause.reason or "").replace("_", " ")) if part) or "not kept"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _not(asked: NotOut | None) -> Iterator[str]:
    if asked is None:
        return
    yield ""
    yield f"Why not {asked.queue}?" if asked.rules else f"Why not {asked.queue}? No rule leads there."
    for road in asked.rules:
        if not road.would_need:
            yield f"  {road.rule} led there: it is what decided."
        else:
            yield f"  {road.rule} would have needed:"
            yield from _needs(road.would_need, "    ")


def _needs(needs: Sequence[NeedOut], indent: str) -> Iterator[str]:
    for need in needs:
        match need:
            case ClauseNeed():
                but = _saw(need)
                yield f"{indent}{need.field}: {'' if need.must_be else 'not '}{need.test}   (it was {but})"
            case EarlierNeed() if not need.any:
                yield f"{indent}another lead: {_BY_ITSELF.get(need.earlier, f'{need.earlier} came before any rule')}"
            case EarlierNeed():
                yield f"{indent}that {need.earlier}, which is tried before, had not matched:"
                yield from _ways(need.any, indent + "  ")
            case AnyNeed():
                yield f"{indent}one of:"
                yield from _ways(need.any, indent + "  ")
            case _:
                yield f"{indent}that a rep qualifies it first"


def _ways(ways: Sequence[Sequence[NeedOut]], indent: str) -> Iterator[str]:
    for place, way in enumerate(ways):
        if place:
            yield f"{indent}or"
        yield from _needs(way, indent + "  ")
