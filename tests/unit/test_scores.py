"""Scores add up, rules test their sum, and the receipt has each clause of each, to the same again years later."""
# ruff: noqa: E501 - policies and tables

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from kit.rulebooks import EXAMPLE, NOW, lead, policy_of, with_rules

from router.decide import decide, handover, redecide
from router.outcomes import Await, Data, Decision, Enqueue, Nurture, Pool
from router.policy.rule import ENRICHMENT
from router.receipt import from_json, recompute, to_json
from router.why import tried
from router.world import Known
from schemas.features import SCORE
from schemas.words import PersonId, Priority, Relation

SCORED = with_rules(
    '{name: worth it, when: {score: ">= 50"}, then: {qualify: by-rep, priority: high, queue: inbound/main}}',
    '{name: never, when: {score: "< 0"}, then: {nurture: 30d}}',
).replace(
    "maturity: 90d",
    """scores:
  - {name: large, when: {company.employees: ">= 500"}, add: 30}
  - {name: asks, when: {any: [{intent: demo}, {intent: buy}]}, add: 25}
  - {name: not a student, when: {not: {account.relation: student}}, add: 5}
  - {name: competitor, when: {account.relation: competitor}, add: -100}""",
)
POLICY = policy_of(SCORED)
ASKING = policy_of(
    with_rules(
        '{name: rich, when: {enriched.revenue: ">= 1000000"}, then: {qualify: by-rep, priority: hot, queue: inbound/main}}'
    ).replace(
        "maturity: 90d",
        """enrichment: {url: "https://enrich.example.com/", when: {contact.email_kind: business}, deadline: 20s, fields: {revenue: number, partner: flag}}
scores: [{name: partner, when: {enriched.partner: true}, add: 7}]""",
    )
)
BUSINESS = {"contact": {"email_kind": "business"}}


def again(decision: Decision, policy=POLICY) -> Decision:
    """From what is stored, as the database gives it back."""
    stored = json.loads(json.dumps(to_json(decision.receipt), sort_keys=True))
    return recompute(from_json(stored), policy)


@pytest.mark.parametrize(
    ("company", "intent", "relation", "score", "rule"),
    [
        ({"employees": 500}, "demo", None, 55, "worth it"),
        ({"employees": 500}, "demo", Relation.PARTNER, 60, "worth it"),
        ({"employees": 499}, "buy", Relation.PARTNER, 30, "fallback"),
        ({}, None, None, 0, "fallback"),  # what is unknown adds nothing, and neither does its `not`
        ({"employees": 500}, "demo", Relation.COMPETITOR, -40, "never"),
    ],
)
def test_the_points_of_what_is_true_add_up(company, intent, relation, score, rule) -> None:
    made = decide(lead(company=company, intent=intent), Known(relation=relation), POLICY, NOW)
    assert (made.receipt.score, made.receipt.rule) == (score, rule)
    assert again(made) == made


def test_the_receipt_has_each_clause_of_each_score() -> None:
    made = decide(lead(company={"employees": 9}, intent="buy"), Known(relation=Relation.STUDENT), POLICY, NOW)
    assert made.receipt.scores == ("u", "um", "m", "u")
    assert SCORE not in made.receipt.saw
    [first, *_] = tried(made.receipt, POLICY)
    assert [(clause.field, clause.value, clause.result) for clause in first.clauses] == [("score", 25, False)]


def test_a_hand_over_is_scored_as_the_lead_is_corrected() -> None:
    text = SCORED.replace("{company.country: GB}, then", '{score: ">= 30"}, then')
    policy = policy_of(text)
    known = Known(person=PersonId("per_1"))
    corrected = lead(company={"employees": 900}).submitted
    made = handover(corrected, {}, known, policy, NOW, priority=Priority.NORMAL)
    assert (made.receipt.score, made.receipt.rule) == (30, "uk")
    assert again(made, policy) == made


def test_a_receipt_from_before_there_were_scores_is_still_read() -> None:
    old = policy_of(EXAMPLE)
    made = decide(lead(), Known(), old, NOW)
    stored = {
        name: value for name, value in to_json(made.receipt).items() if name not in ("data", "hook", "score", "scores")
    }
    assert recompute(from_json(stored), old) == made


def test_whom_the_hook_is_asked_about_waits_for_its_answer_until_the_deadline() -> None:
    made = decide(lead(**BUSINESS), Known(), ASKING, NOW)
    assert made.outcome == Await(NOW + timedelta(seconds=20))
    assert (made.receipt.rule, made.receipt.hook, made.receipt.data) == (ENRICHMENT, "m", None)
    assert again(made, ASKING) == made


@pytest.mark.parametrize("kind", ["free", None])
def test_whom_the_hook_is_not_asked_about_is_decided_at_once(kind) -> None:
    made = decide(lead(contact={"email_kind": kind}), Known(), ASKING, NOW)
    assert isinstance(made.outcome, Enqueue)
    assert made.receipt.hook == ("u" if kind else "-")
    assert again(made, ASKING) == made


@pytest.mark.parametrize(
    ("answer", "data", "rule", "score"),
    [
        ({"enriched.revenue": 2_000_000, "enriched.partner": True}, Data.ANSWERED, "rich", 7),
        (
            {"enriched.revenue": "2 million", "enriched.partner": "yes"},
            Data.ANSWERED,
            "fallback",
            0,
        ),  # mistyped: unknown
        ({}, Data.UNANSWERED, "fallback", 0),
    ],
)
def test_the_answer_is_joined_to_the_inputs_and_stands_in_the_receipt(answer, data, rule, score) -> None:
    made = redecide(lead(**BUSINESS).submitted, Known(person=PersonId("per_1")), ASKING, NOW, answer=answer)
    assert (made.receipt.data, made.receipt.rule, made.receipt.score) == (data, rule, score)
    assert {path: value for path, value in made.receipt.saw.items() if path.startswith("enriched.")} == answer
    assert again(made, ASKING) == made
    stored = to_json(made.receipt)
    assert not [path for path in stored["saw"] if path.startswith("enriched.")]


def test_what_needs_no_rule_needs_no_hook() -> None:
    flagged = decide(lead(flag="spam", **BUSINESS), Known(), ASKING, NOW)
    known = Known(person=PersonId("per_1"), suppressed=True)
    suppressed = decide(lead(**BUSINESS), known, ASKING, NOW)
    assert {flagged.action, suppressed.action} == {"reject"}


def test_a_policy_that_asks_nobody_any_more_decides_at_once() -> None:
    asked = replace(ASKING, enrichment=None)
    assert not isinstance(decide(lead(**BUSINESS), Known(), asked, NOW).outcome, Await | Nurture)


def test_a_hand_over_sees_what_the_hook_once_said_and_does_not_wait_for_it_again() -> None:
    known, said = Known(person=PersonId("per_1")), {"enriched.partner": True}
    made = handover(lead(**BUSINESS).submitted, {}, known, ASKING, NOW, priority=Priority.NORMAL, answer=said)
    assert isinstance(made.outcome, Enqueue | Pool)
    assert (made.receipt.score, made.receipt.saw["enriched.partner"]) == (7, True)
    assert again(made, ASKING) == made
    bare = handover(lead(**BUSINESS).submitted, {}, known, ASKING, NOW, priority=Priority.NORMAL)
    assert isinstance(bare.outcome, Enqueue | Pool)
