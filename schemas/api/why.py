"""Why a lead is where it is, what would have had to differ, and what its open work waits for."""

from typing import Any

from pydantic import ConfigDict, Field

from schemas.api.shape import Query, Said
from schemas.api.values import Text
from schemas.events.stamp import Moment
from schemas.words import DecisionId, ItemId, ItemKind, ItemState, Priority, Qualify, QueueName, RepId

_CLAUSE = {
    "field": "company.employees",
    "test": ">= 50",
    "value": 12,
    "result": False,
    "reason": None,
    "within": None,
}
EXAMPLE: dict[str, Any] = {
    "lead_id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
    "decisions": [
        {
            "id": "dec_01jz8m4s1n9d2e4r8t6y5a7c9d",
            "at": "2026-07-06T09:30:00.180Z",
            "stage": "captured",
            "policy_version": 3,
            "inputs": {"intent": "demo", "company.employees": 12, "direction": "inbound"},
            "scores": [],
            "score": None,
            "rules": [
                {
                    "rule": "ready to buy",
                    "matched": False,
                    "clauses": [
                        {**_CLAUSE, "field": "intent", "test": "demo, buy", "value": "demo", "result": True},
                        _CLAUSE,
                    ],
                },
                {
                    "rule": "enquiry",
                    "matched": True,
                    "clauses": [
                        {**_CLAUSE, "field": "direction", "test": "inbound", "value": "inbound", "result": True}
                    ],
                },
            ],
            "rule": "enquiry",
            "outcome": {
                **{"action": "queue", "queue": "inbound/main", "qualify": "by_rep", "priority": "normal"},
                "segment": None,
            },
        }
    ],
    "waiting": {
        "item_id": "itm_01jz8m4s1n9d2e4r8t6y5a7c9e",
        "kind": "enquiry",
        "queue": "inbound/main",
        "state": "queued",
        "queued_at": "2026-07-06T09:30:00.180Z",
        "because": {"code": "behind", "detail": "2 are before it in the queue; 1 of 2 may have it."},
        "ahead": 2,
        "reps": [
            {"rep_id": "rep_01jz8m4s1n9d2e4r8t6y5a7c9a", "name": "Ann", "may_have_it": True, "bars": []},
            {
                "rep_id": "rep_01jz8m4s1n9d2e4r8t6y5a7c9b",
                "name": "Bob",
                "may_have_it": False,
                "bars": [{"code": "in_hand", "detail": "At the limit: 3 of 3 in hand."}],
            },
        ],
    },
    "not": {
        "queue": "closing/uk",
        "rules": [
            {
                "rule": "ready to buy",
                "stage": "captured",
                "decision_id": "dec_01jz8m4s1n9d2e4r8t6y5a7c9d",
                "would_need": [{**_CLAUSE, "must_be": True}],
            },
            {
                "rule": "uk",
                "stage": "handover",
                "decision_id": "dec_01jz8m4s1n9d2e4r8t6y5a7c9d",
                "would_need": [{"stage": "handover"}],
            },
        ],
    },
}

Value = str | int | float | bool | list[str]


class ClauseOut(Said):
    """What came of one test of one field. `result` null: unknown, and so is its `not`; `reason` says why."""

    field: str
    test: str
    value: Value | None
    result: bool | None
    reason: str | None = Field(description="`missing` or `wrong_type`; else null.")
    within: str | None = Field(description="Where it stands in its rule, as `any[1].not`; null: by itself.")


class RuleOut(Said):
    """A rule that was tried. It matched where its condition was true; unknown is not."""

    rule: str
    matched: bool
    clauses: list[ClauseOut]


class ScoreOut(Said):
    """A score of the policy. Where it matched, it added its points."""

    score: str
    add: int
    matched: bool
    clauses: list[ClauseOut]


class OutcomeOut(Said):
    """What came of a decision."""

    action: str = Field(description="`queue pool nurture merge reject await`.")
    queue: QueueName | None
    qualify: Qualify | str | None
    priority: Priority | str
    segment: str | None


class DecisionWhyOut(Said):
    """One decision: what it saw, what each rule said of that, and what came of it.

    `rule` decided: one of `rules`, or `fallback`; or, before any rule, `flagged`, `suppressed`, `same person`, `same
    account`, `reopened`, `enrichment` (a hook is asked first), `one contact at a time`.
    """

    id: DecisionId
    at: Moment
    stage: str = Field(description="`captured`, or `handover` when a rep had qualified it.")
    policy_version: int
    inputs: dict[str, Value]
    scores: list[ScoreOut] = Field(description="What added up to the score that rules may test.")
    score: int | None = Field(description="Null: the policy has none, or it was not needed.")
    rules: list[RuleOut]
    rule: str
    outcome: OutcomeOut


class ClauseNeed(ClauseOut):
    """This clause would have had to be so."""

    must_be: bool


class AnyNeed(Said):
    """One of these ways, all of its needs together."""

    any: list[list["NeedOut"]]


class EarlierNeed(Said):
    """This rule, tried before, took the lead: one of these ways not to match; none: nothing in the lead."""

    earlier: str
    any: list[list["NeedOut"]]


class StageNeed(Said):
    """First a rep would have had to qualify it."""

    stage: str


NeedOut = ClauseNeed | EarlierNeed | AnyNeed | StageNeed


class RoadOut(Said):
    """A rule that leads to the queue, and all that it would have needed. Nothing: it is the one that decided."""

    rule: str
    stage: str
    decision_id: DecisionId
    would_need: list[NeedOut]


class NotOut(Said):
    """The rules that lead to a queue, in their order. None: no rule does."""

    queue: QueueName
    rules: list[RoadOut]


class SaidOut(Said):
    """A word to branch on, and a sentence to read."""

    code: str
    detail: str


class RepOut(Said):
    """A rep of the queue, and what keeps them from having it, if anything."""

    rep_id: RepId
    name: str
    may_have_it: bool
    bars: list[SaidOut] = Field(description="`away skills returned in_hand open reserved holds held`.")


class WaitingOut(Said):
    """The open work, what it waits for, and who may have it. A rep is told nothing of the order or of others."""

    item_id: ItemId
    kind: ItemKind
    queue: QueueName
    state: ItemState
    queued_at: Moment
    because: SaidOut
    ahead: int | None = Field(description="How many are before it in its queue or pool.")
    reps: list[RepOut] | None = Field(description="Who works its queue; null: not your desk.")


class WhyOut(Said):
    """Why a lead is where it is."""

    model_config = ConfigDict(serialize_by_alias=True, json_schema_extra={"examples": [EXAMPLE]})

    lead_id: str
    decisions: list[DecisionWhyOut] = Field(description="Oldest first.")
    waiting: WaitingOut | None = Field(description="Its open work; null: none is open.")
    not_: NotOut | None = Field(default=None, serialization_alias="not", description="Where asked for.")


class WhyQuery(Query):
    not_: Text | None = Field(default=None, alias="not", description="A queue, as `closing/uk`: why not there?")


AnyNeed.model_rebuild()
EarlierNeed.model_rebuild()
