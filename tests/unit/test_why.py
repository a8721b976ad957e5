"""Why, and why not: told from the receipt alone, and true: who changes what it names is sent there."""

from dataclasses import replace
from typing import Any

from kit.rulebooks import EXAMPLE, NOW, lead, policy_of, submitted, with_rules

from router.decide import decide, handover
from router.outcomes import Decision, Receipt
from router.policy.compiled import Policy
from router.receipt import from_json, to_json
from router.why import ClauseSaid, Differ, Earlier, Either, Qualified, Road, scored, tried, why_not
from router.world import Known
from schemas.words import LeadId, MatchedBy, PersonId, Priority, QueueName

UK, MAIN = QueueName("closing/uk"), QueueName("inbound/main")
BIG = (
    '{name: big, when: {any: [{intent: demo, company.employees: ">= 50"}, {not: {custom.seats: "< 5"}}]},'
    " then: {qualify: auto, queue: closing/uk}}"
)
REST = "{name: rest, when: {}, then: {queue: inbound/main}}"


def asked(policy: Policy, **of: Any) -> Receipt:
    """The receipt of a new lead, as it is kept."""
    return kept(decide(lead(**of), Known(), policy, NOW))


def kept(decision: Decision) -> Receipt:
    return from_json(to_json(decision.receipt))


def said(field: str, test: str, value: Any, result: bool | None, **more: Any) -> ClauseSaid:
    return ClauseSaid(**{"reason": None, "within": None, **more}, field=field, test=test, value=value, result=result)


def test_each_rule_that_was_tried_is_told_clause_by_clause_up_to_the_one_that_decided() -> None:
    policy = policy_of()
    ready, far, prospect, enquiry = tried(asked(policy, intent="demo", company={"country": "GB"}), policy)
    assert [ready.matched, far.matched, prospect.matched, enquiry.matched] == [False, False, False, True]
    assert ready.clauses == (
        said("intent", "demo, buy", "demo", True),
        said("company.employees", ">= 50", None, None, reason="missing"),
    )
    assert far.clauses == (said("company.country", "GB, IE", "GB", True, within="not"),)
    assert enquiry.clauses == (said("direction", "inbound", "inbound", True),)


def test_a_clause_in_groups_says_in_which_and_a_value_of_the_wrong_type_is_unknown() -> None:
    policy = policy_of(with_rules(BIG, REST))
    big, rest = tried(asked(policy, intent="demo", custom={"seats": "many"}), policy)
    assert big.clauses == (
        said("intent", "demo", "demo", True, within="any[0]"),
        said("company.employees", ">= 50", None, None, reason="missing", within="any[0]"),
        said("custom.seats", "< 5", "many", None, reason="wrong_type", within="any[1].not"),
    )
    assert (big.matched, rest.matched, rest.clauses) == (False, True, ())


def test_why_not_names_what_each_rule_to_the_queue_would_have_needed() -> None:
    policy = policy_of()
    seen = asked(policy, intent="info", company={"country": "GB", "employees": 12})
    ready, uk, fallback = why_not(seen, policy, UK)
    assert ready == Road(
        "ready to buy",
        "captured",
        (
            Differ(said("intent", "demo, buy", "info", False), must_be=True),
            Differ(said("company.employees", ">= 50", 12, False), must_be=True),
        ),
    )
    assert uk == Road("uk", "handover", (Qualified(),))
    assert fallback.would_need == (
        Qualified(),
        Earlier("uk", ((Differ(said("company.country", "GB", "GB", True), must_be=False),),)),
    )


def test_the_rule_that_decided_would_have_needed_nothing() -> None:
    policy = policy_of()
    assert why_not(asked(policy, company={"country": "GB"}), policy, MAIN)[0] == Road("enquiry", "captured", ())


def test_an_earlier_rule_that_won_is_named_with_the_ways_in_which_it_would_not_have() -> None:
    policy = policy_of()
    seen = asked(policy, intent="demo", company={"country": "GB", "employees": 80})
    enquiry, fallback = why_not(seen, policy, MAIN)
    won = Earlier(
        "ready to buy",
        (
            (Differ(said("intent", "demo, buy", "demo", True), must_be=False),),
            (Differ(said("company.employees", ">= 50", 80, True), must_be=False),),
        ),
    )
    assert enquiry.would_need == (won,)
    assert fallback.would_need[0] == won
    assert isinstance(fallback.would_need[1], Earlier)
    assert fallback.would_need[1].rule == "enquiry"


def test_of_an_any_each_way_is_named_and_a_not_is_turned_round() -> None:
    policy = policy_of(with_rules(BIG, REST))
    seen = asked(policy, intent="info", company={"employees": 60}, custom={"seats": 2})
    (big, *_) = why_not(seen, policy, UK)
    ways = (
        (Differ(said("intent", "demo", "info", False, within="any[0]"), must_be=True),),
        (Differ(said("custom.seats", "< 5", 2, True, within="any[1].not"), must_be=False),),
    )
    assert big.would_need == (Either(ways),)


def test_what_no_rule_decided_stands_before_every_rule() -> None:
    policy = policy_of()
    same = Known(person=PersonId("per_1"), into=LeadId("ld_9"), matched_by=MatchedBy.EMAIL)
    merged = kept(decide(lead(intent="demo"), same, policy, NOW))
    assert tried(merged, policy) == ()
    assert why_not(merged, policy, MAIN)[0].would_need[0] == Earlier("same person", ())


def test_after_a_hand_over_its_own_rules_are_told() -> None:
    policy = policy_of()
    qualified = submitted(company={"country": "FR"})
    seen = kept(handover(qualified, {}, Known(person=PersonId("per_1")), policy, NOW, priority=Priority.NORMAL))
    assert [rule.rule for rule in tried(seen, policy)] == ["uk"]
    uk, fallback = why_not(seen, policy, UK)
    assert uk.would_need == (Differ(said("company.country", "GB", "FR", False), must_be=True),)
    assert fallback == Road("fallback", "handover", ())


def test_a_queue_that_no_rule_leads_to_has_no_road() -> None:
    policy = policy_of()
    assert why_not(asked(policy), policy, QueueName("customer/main")) == ()


def test_what_has_been_erased_leaves_its_result() -> None:
    policy = policy_of(with_rules('{name: seats, when: {custom.seats: ">= 5"}, then: {queue: inbound/main}}', REST))
    seen = asked(policy, custom={"seats": 9})
    assert tried(replace(seen, saw={}), policy)[0].clauses == (said("custom.seats", ">= 5", None, True),)


SCORED = with_rules(
    '{name: promising, when: {score: ">= 60"}, then: {qualify: auto, queue: closing/uk}}',
    "{name: rest, when: {}, then: {queue: inbound/main}}",
    text=EXAMPLE.replace(
        "rules:\n",
        'scores: [{name: large, when: {company.employees: ">= 50"}, add: 40}, '
        "{name: asks, when: {intent: demo}, add: 30}]\n"
        "rules:\n",
        1,
    ),
)


def test_scores_are_told_clause_by_clause_and_a_rule_saw_their_sum() -> None:
    policy = policy_of(SCORED)
    seen = asked(policy, intent="demo", company={"employees": 12})
    large, asks = scored(seen, policy)
    assert (large.score, large.add, large.matched) == ("large", 40, False)
    assert large.clauses == (said("company.employees", ">= 50", 12, False),)
    assert (asks.add, asks.matched) == (30, True)
    promising, rest = tried(seen, policy)
    assert (promising.matched, rest.matched) == (False, True)
    assert promising.clauses == (said("score", ">= 60", 30, False),)
    (road, *_) = why_not(seen, policy, UK)
    assert road.would_need == (Differ(said("score", ">= 60", 30, False), must_be=True),)
