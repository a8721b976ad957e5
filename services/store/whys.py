"""Why a lead is where it is: its decisions as their receipts tell them, and what its open work waits for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from sqlalchemy import select

from router import receipt, why
from router.outcomes import HANDOVER, Receipt
from router.policy.compiled import Policy
from router.why import ClauseSaid, Differ, Earlier, Either, Need, Qualified, Road, RuleSaid, ScoreSaid
from schemas.api.why import (
    AnyNeed,
    ClauseNeed,
    ClauseOut,
    DecisionWhyOut,
    EarlierNeed,
    NeedOut,
    NotOut,
    OutcomeOut,
    RoadOut,
    RuleOut,
    ScoreOut,
    StageNeed,
    WhyOut,
)
from schemas.events.lifecycle import LeadDecided
from schemas.words import DecisionId, LeadId, Priority, QueueName
from services.runtime.access import Principal
from services.runtime.tx import ReadTx
from services.store import receipts, waiters
from services.store import tables as t

AsOf: TypeAlias = Callable[[ReadTx, int], Awaitable[Policy]]
"""The policy as of a version: that under which a decision was made."""
_AWAITING = OutcomeOut(action="await", queue=None, qualify=None, priority=Priority.NORMAL, segment=None)
"""Of a decision to ask the policy's hook first, which no event tells."""


async def answer(
    tx: ReadTx, policy: Policy, as_of: AsOf, lead: LeadId, who: Principal, queue: str | None = None
) -> WhyOut:
    """Why a lead that they may see is where it is; and why it is not in `queue`, where one is named."""
    return WhyOut(
        lead_id=lead,
        decisions=await _decisions(tx, lead, as_of),
        waiting=await waiters.of_lead(tx, policy, lead, who),
        not_=None if queue is None else await _not_there(tx, lead, QueueName(queue), as_of),
    )


async def _decisions(tx: ReadTx, lead: LeadId, as_of: AsOf) -> list[DecisionWhyOut]:
    """All decisions on it, oldest first, each under the policy of its version."""
    outcomes = await _outcomes(tx, lead)
    made = await receipts.of_lead(tx, lead)
    return [
        _decision(row, receipt.from_json(row["receipt"]), await as_of(tx, row["policy_version"]), outcomes)
        for row in made
    ]


async def _not_there(tx: ReadTx, lead: LeadId, queue: QueueName, as_of: AsOf) -> NotOut:
    """The rules that lead to a queue, and why none of them decided, by the last decision of each stage."""
    last = {row["stage"]: row for row in await receipts.of_lead(tx, lead)}
    roads: list[RoadOut] = []
    for stage, row in last.items():
        found = why.why_not(receipt.from_json(row["receipt"]), await as_of(tx, row["policy_version"]), queue)
        known = [road for road in found if road.stage == stage or HANDOVER not in last]
        roads += [_road(road, row["id"]) for road in known]
    return NotOut(queue=queue, rules=roads)


async def _outcomes(tx: ReadTx, lead: LeadId) -> Mapping[str, OutcomeOut]:
    """What came of each decision, as it was told."""
    told = t.timeline.c
    rows = await tx.fetch(select(told.data).where(told.lead_id == lead, told.name == LeadDecided.NAME))
    names = OutcomeOut.model_fields
    return {row["data"]["decision_id"]: OutcomeOut(**{name: row["data"][name] for name in names}) for row in rows}


def _decision(
    row: Mapping[str, Any], made: Receipt, policy: Policy, outcomes: Mapping[str, OutcomeOut]
) -> DecisionWhyOut:
    return DecisionWhyOut(
        id=row["id"],
        at=row["at"],
        stage=made.stage,
        policy_version=made.policy,
        inputs={path: _plain(value) for path, value in made.features.items()},
        scores=[ScoreOut(**_said(one, ScoreOut)) for one in why.scored(made, policy)],
        score=made.score,
        rules=[RuleOut(**_said(one, RuleOut)) for one in why.tried(made, policy)],
        rule=made.rule,
        outcome=outcomes.get(row["id"], _AWAITING),
    )


def _said(one: RuleSaid | ScoreSaid, out: type[RuleOut | ScoreOut]) -> dict[str, Any]:
    """Its fields, the clauses laid out."""
    clauses = [ClauseOut(**_clause(each)) for each in one.clauses]
    return {name: getattr(one, name) for name in out.model_fields} | {"clauses": clauses}


def _road(road: Road, decision: DecisionId) -> RoadOut:
    return RoadOut(rule=road.rule, stage=road.stage, decision_id=decision, would_need=_needs(road.would_need))


def _needs(needs: Sequence[Need]) -> list[NeedOut]:
    return [_need(need) for need in needs]


def _need(need: Need) -> NeedOut:
    match need:
        case Differ(clause=clause, must_be=must_be):
            return ClauseNeed(**_clause(clause), must_be=must_be)
        case Either(ways=ways):
            return AnyNeed(any=[_needs(way) for way in ways])
        case Earlier(rule=rule, ways=ways):
            return EarlierNeed(earlier=rule, any=[_needs(way) for way in ways])
        case Qualified():
            return StageNeed(stage=HANDOVER)
        case _:
            assert_never(need)


def _clause(said: ClauseSaid) -> dict[str, Any]:
    names = ClauseOut.model_fields
    return {name: _plain(getattr(said, name)) for name in names}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
