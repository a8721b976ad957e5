"""Decisions, whatever comes: total, repeatable, recomputed from their receipts bit for bit."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from kit.rulebooks import BUFFERED, NOW, lead, open_lead, person, policy_of, with_inbound

from router.calendar import WorkingDays
from router.decide import decide, handover, redecide
from router.features import features_of
from router.match import known
from router.order import rank_at
from router.outcomes import Await, Decision, Enqueue, Merge, Outcome, Pool, Repeat
from router.policy.clauses import leaves, truth
from router.policy.compiled import Enrichment, Outbound, Policy, RankCredit
from router.policy.conditions import Conditions, Where
from router.policy.mistakes import Mistakes
from router.policy.rule import ENRICHMENT, RESERVED_RULES, Handover, Place, Refuse, Rule, Score, Sleep
from router.policy.rulebook import Rulebook
from router.policy.scorebook import Scorebook
from router.receipt import from_json, recompute, to_json
from router.release import release
from router.route import route
from router.why import tried, why_not
from router.world import Contact, Known, KnownAccount, Lead, OpenDeal, World
from schemas.features import BY_PATH, SCORE, Feature, FeatureType
from schemas.words import AccountId, ItemId, LeadId, LeadState, Priority, Qualify, QueueName, Rejection, Relation

BASE = policy_of(with_inbound(BUFFERED))
QUEUES = (QueueName("inbound/main"), QueueName("outbound/main"), QueueName("closing/uk"))
COUNTRIES, WORDS = ("GB", "IE", "FR"), ("demo", "buy", "north", "LS1")
TEXTS = ("intent", "company.name", "custom.a", "custom.b")
VALUES = (*WORDS, 0, 5, -7, 50.0, 0.1, 1e22, 1.5e300, float("inf"), float("nan"), True, False, None, "", ["north"], [])
ENRICHED = {"enriched.size": Feature("enriched.size", FeatureType.NUMBER, "how large, as the hook says")}
dice = st.integers(0, 2**48).map(Random)
"""What is built with these is built at once; drawing each part apart takes a hundred times as long."""


def text_test(dice: Random) -> Any:
    return dice.choice(
        [
            dice.choice([*WORDS, 5, True]),
            dice.sample(WORDS, dice.randint(1, 3)),
            {"contains": dice.choice(["e", "BUY", "n"])},
            {"starts_with": dice.choice(["d", "N"])},
            {"matches": dice.choice(["^[a-m]", "[0-9]", "y$"])},
            {"known": dice.random() < 0.5},
        ]
    )


def number_test(dice: Random) -> Any:
    low, high = dice.randint(0, 50), dice.randint(50, 100)
    return dice.choice([low, f"{dice.choice(['>=', '<=', '>', '<'])} {low}", {"between": [low, high]}, {"known": True}])


def condition(dice: Random, depth: int = 0, known_by_then: Sequence[str] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(dice.choice([0, 1, 1, 2, 3]) if depth == 0 else dice.choice([1, 1, 2])):
        match dice.randrange(8):
            case 0:
                made["direction"] = dice.choice(["inbound", "outbound"])
            case 1:
                made["list"] = dice.random() < 0.5
            case 2:
                made["company.country"] = dice.sample(COUNTRIES, dice.randint(1, 2))
            case 3:
                made["company.employees"] = number_test(dice)
            case 4:
                made[dice.choice(["custom.a", "custom.b", *known_by_then])] = number_test(dice)
            case 5:
                made["account.relation"] = dice.sample(sorted(Relation), dice.randint(1, 3))
            case _:
                path = dice.choice(TEXTS)
                test = text_test(dice)
                made[path] = "demo" if isinstance(test, int) and not path.startswith("custom.") else test
    if depth < 3 and dice.random() < 0.3:
        made["any"] = [condition(dice, depth + 1, known_by_then) for _ in range(dice.randint(1, 3))]
    if depth < 3 and dice.random() < 0.3:
        made["not"] = condition(dice, depth + 1, known_by_then)
    return made


def then(dice: Random) -> Place | Sleep | Refuse:
    segment = dice.choice([None, "a segment"])
    match dice.randrange(5):
        case 0:
            return Sleep(timedelta(days=dice.randint(1, 400)), segment)
        case 1:
            return Refuse(Rejection.SPAM, segment)
    sla = dice.choice([None, timedelta(minutes=dice.randint(1, 4000)), WorkingDays(dice.randint(1, 9))])
    priority = dice.choice([None, *Priority])
    return Place(dice.choice(QUEUES), dice.choice(list(Qualify)), priority, sla, segment)


def rules_of(dice: Random, reader: Conditions) -> tuple[Rule, ...]:
    seen = ("score", "enriched.size")
    return tuple(
        Rule(f"rule {number}", reader.read(condition(dice, 0, seen), (), where=Where.RULES), then(dice))
        for number in range(dice.randint(0, 8))
    )


def rulebook(dice: Random) -> tuple[Rule, ...]:
    return rules_of(dice, Conditions(Mistakes({}), ENRICHED))


def policy(dice: Random) -> Policy:
    """With scores or without, with a hook or without, with an outbound plan or without."""
    reader = Conditions(Mistakes({}), ENRICHED)
    rules = rules_of(dice, reader)
    scores = [
        Score(f"score {number}", reader.read(condition(dice, 0, ("enriched.size",)), (), where=Where.SCORES), points)
        for number, points in enumerate(dice.choices(range(-60, 60), k=dice.choice([0, 0, 3, 6])))
    ]
    when = reader.read(condition(dice), (), where=Where.ENRICHMENT)
    hook = Enrichment("http://hook", when, timedelta(seconds=dice.randint(1, 60)), ("intent",), frozenset(ENRICHED))
    assert not reader.mistakes
    return replace(
        BASE,
        rules=Rulebook(rules),
        scores=Scorebook(scores),
        enrichment=dice.choice([None, hook]),
        outbound=dice.choice([None, Outbound(timedelta(days=dice.randint(0, 90)), dice.random() < 0.5)]),
        looks_at=frozenset(clause.path for clause in reader.made.values()) - {SCORE},
    )


def answer(dice: Random) -> dict[str, Any]:
    """What the hook may say, mistyped at times."""
    return {"enriched.size": size} if (size := dice.choice([None, 0, 7, 55, 0.5, "large", True, ("a", "b")])) else {}


def a_lead(dice: Random, number: int | None = None) -> Lead:
    return replace(_a_lead(dice, number), account=dice.choice([None, AccountId("acc_1"), AccountId("acc_2")]))


def _a_lead(dice: Random, number: int | None) -> Lead:
    who = {
        "email": dice.choice([None, "a@x.com", "A@x.com", "b@x.com"]),
        "phone": dice.choice([None, "+441", "+442"]),
    }
    return lead(
        dice.randint(1, 6) if number is None else number,
        **(who if any(who.values()) else {"email": "c@x.com"}),
        body=dice.randint(1, 2),
        test=dice.random() < 0.3,
        direction=dice.choice(["inbound", "outbound", "sideways"]),
        list=dice.random() < 0.5,
        intent=dice.choice([None, *WORDS]),
        company={
            "name": dice.choice([None, *WORDS]),
            "employees": dice.choice([None, dice.randint(0, 100)]),
            "country": dice.choice([None, *COUNTRIES]),
        },
        flag=dice.choice([None, None, None, "spam", "review"]),
        custom={key: dice.choice(VALUES) for key in dice.sample("ab", dice.randint(0, 2))},
    )


def batch(dice: Random) -> list[Lead]:
    return [a_lead(dice) for _ in range(dice.randint(0, 8))]


def world(dice: Random) -> World:
    states = (LeadState.QUEUED, LeadState.NURTURING)
    persons = []
    for name in dice.sample("xyz", dice.randint(0, 3)):
        held = [
            open_lead(f"{name}{number}", NOW - timedelta(days=dice.randint(0, 3)), dice.choice(states))
            for number in range(dice.randint(0, 2))
        ]
        persons.append(person(name, *a_lead(dice).identities, test=dice.random() < 0.3, open=held))
    channels = ("all", "phone", "sms", "email")
    closed = {
        each: frozenset(dice.sample(channels, dice.choice([0, 0, 1, 3])))
        for held in persons
        for each in held.identities
    }
    return World.of(persons, closed, None, [account(dice, number) for number in range(dice.randint(0, 3))])


def account(dice: Random, number: int) -> KnownAccount:
    """A company, perhaps with an opportunity, perhaps just approached."""
    ago = NOW + timedelta(days=dice.randint(-60, 60))
    deals = [OpenDeal(LeadId(f"ld_deal{number}"), dice.choice([None, "fleet"]), dice.random() < 0.3, NOW)]
    contacts = [Contact(LeadId(f"ld_contact{number}"), dice.random() < 0.3, ago)]
    found = AccountId(f"acc_{number}")
    return KnownAccount(
        found,
        dice.choice(list(Relation)),
        tuple(dice.sample(deals, dice.randint(0, 1))),
        tuple(dice.sample(contacts, dice.randint(0, 1))),
    )


def as_jsonb(value: Any) -> Any:
    """As PostgreSQL's `jsonb` gives it back: numbers are decimals there, 1e22 comes back as an integer."""
    match value:
        case dict():
            return {key: as_jsonb(held) for key, held in value.items()}
        case list():
            return [as_jsonb(held) for held in value]
        case float():
            text = format(Decimal(repr(value)), "f")
            return json.loads(text)
    return value


@given(dice)
@settings(max_examples=300)
def test_a_rulebook_says_what_its_rules_say_one_by_one(dice):
    """Against the plain definition: each clause checked by itself, the first true condition decides."""
    rules, of = rulebook(dice), a_lead(dice)
    features = features_of(of.submitted, {*BY_PATH, "custom.a", "custom.b"})
    features = {**features, "score": dice.randint(-9, 99), "enriched.size": dice.choice(VALUES[4:9])}
    matched, said = None, []
    for rule in rules:
        letters = "".join(clause.check(features.get(clause.path)) for clause in leaves(rule.when))
        said.append(letters)
        if truth(rule.when, iter(letters)) is True:
            matched = rule
            break
    assert Rulebook(rules).first(features) == (matched, tuple(said))


@given(dice)
@settings(max_examples=300)
def test_each_lead_of_a_batch_has_one_answer_in_order_and_always_the_same(dice):
    case = policy(dice), batch(dice), world(dice)
    answers = route(case[1], case[0], case[2], NOW)
    assert answers == route(case[1], case[0], case[2], NOW)
    assert len(answers) == len(case[1])
    decided = set()
    for of, answer in zip(case[1], answers, strict=True):
        match answer:
            case Repeat():
                assert answer.lead == of.submitted.id
                assert answer.lead in decided
            case Decision(outcome=outcome, receipt=receipt):
                assert receipt.lead == of.submitted.id
                assert receipt.lead not in decided
                assert isinstance(outcome, get_args(Outcome))
                decided.add(receipt.lead)


@given(dice)
@settings(max_examples=300)
def test_every_receipt_recomputes_bit_for_bit_from_what_is_stored(dice):
    rules = policy(dice)
    for answer in route(batch(dice), rules, world(dice), NOW):
        if isinstance(answer, Decision):
            again = from_json(as_jsonb(json.loads(json.dumps(to_json(answer.receipt), allow_nan=False))))
            assert again == answer.receipt
            assert repr(again.saw) == repr(answer.receipt.saw)
            assert recompute(again, rules) == answer


@given(dice)
@settings(max_examples=300)
def test_what_is_decided_with_an_answer_of_the_hook_recomputes_bit_for_bit(dice):
    """And never waits again, whatever came."""
    rules, of, said = policy(dice), a_lead(dice), answer(dice)
    knew = Known(of.person, relation=dice.choice([None, *Relation]), suppressed=dice.random() < 0.1)
    decision = redecide(of.submitted, knew, rules, NOW, answer=said)
    again = from_json(as_jsonb(json.loads(json.dumps(to_json(decision.receipt), allow_nan=False))))
    assert (again, recompute(again, rules)) == (decision.receipt, decision)
    assert not isinstance(decision.outcome, Await)
    used = {path: value for path, value in said.items() if path in rules.looks_at}
    assert {path: value for path, value in again.saw.items() if path.startswith("enriched.")} == used


@given(dice)
@settings(max_examples=300)
def test_the_score_is_the_sum_of_the_points_of_what_is_true(dice):
    """Against the plain definition: each clause checked by itself."""
    rules, of = policy(dice), a_lead(dice)
    relation = dice.choice([None, *Relation])
    features = features_of(of.submitted, rules.looks_at, relation=relation, enriched=answer(dice))
    letters = [
        "".join(clause.check(features.get(clause.path)) for clause in leaves(s.when)) for s in rules.scores.scores
    ]
    points = [
        score.add
        for score, said in zip(rules.scores.scores, letters, strict=True)
        if truth(score.when, iter(said)) is True
    ]
    assert rules.scores.sum(features) == (sum(points), tuple(letters))


@given(dice, st.sampled_from(Priority))
def test_a_handover_always_finds_a_closing_queue(dice, priority):
    rules, of = policy(dice), a_lead(dice)
    place = rules.fallback_handover.then
    book = Rulebook([Handover(rule.name, rule.when, place) for rule in rules.rules.rules])
    decision = handover(of.submitted, {}, Known(of.person), replace(rules, handover=book), NOW, priority=priority)
    assert isinstance(decision.outcome, Enqueue | Pool)
    assert decision.outcome.queue == "closing/uk"
    assert decision.outcome.qualify is Qualify.BY_REP


@given(dice)
@settings(max_examples=300)
def test_a_lead_is_merged_only_into_an_open_one_of_its_kind(dice):
    """Never into itself, a merged or rejected one; test leads with test leads. Or into that of their account's deal."""
    before = world(dice)
    leads = [a_lead(dice, number) for number in range(dice.randint(0, 10))]
    open_tests = {each.id: held.test for held in before.persons.values() for each in held.open}
    open_tests |= {deal.lead: deal.test for held in before.accounts.values() for deal in held.deals}
    for of, answer in zip(leads, route(leads, BASE, before, NOW), strict=True):
        assert isinstance(answer, Decision)
        if isinstance(answer.outcome, Merge):
            assert open_tests[answer.outcome.into] is of.submitted.test
        elif answer.action != "reject":
            open_tests[of.submitted.id] = of.submitted.test


credits = st.builds(RankCredit, *[st.timedeltas(timedelta(), timedelta(days=30))] * 4)


@given(credits, st.sampled_from(Priority), st.booleans(), st.sampled_from(Priority), st.booleans())
def test_age_wins_in_the_end(credit, one, one_listed, other, other_listed):
    """What enters more than 30 days later never overtakes; nothing is ranked after its own time."""
    first = rank_at(NOW, one, from_list=one_listed, credit=credit)
    assert NOW - timedelta(days=30) <= first <= NOW
    later = NOW + timedelta(days=30, milliseconds=1)
    assert rank_at(later, other, from_list=other_listed, credit=credit) > first


pools = st.lists(st.integers().map(lambda number: ItemId(str(number))), max_size=30)


@given(pools, st.integers(0, 40), st.integers(0, 40))
def test_a_release_never_ends_above_the_target_and_takes_the_head_of_the_pool(pool, waiting, target):
    done = release(pool, waiting=waiting, target=target)
    assert done.items == tuple(pool[: len(done.items)])
    if done.items:
        assert waiting + len(done.items) <= target
    assert done.shortage == max(0, target - waiting - len(pool))


@given(dice)
def test_a_decision_depends_on_nothing_but_what_its_receipt_has(dice):
    """Another name or message with the same matches makes the same decision."""
    rules, of = policy(dice), a_lead(dice)
    match = known(of, world(dice))
    contact = of.submitted.contact.model_copy(update={"name": "Somebody", "first_name": "Else"})
    other = replace(of, submitted=of.submitted.model_copy(update={"contact": contact, "message": "Hello"}))
    assert decide(of, match, rules, NOW) == decide(other, match, rules, NOW)


@given(dice)
@settings(max_examples=300)
def test_a_why_tells_of_the_rule_that_decided_and_that_it_alone_needed_nothing(dice):
    rules = policy(dice)
    for answer in route(batch(dice), rules, world(dice), NOW):
        if not isinstance(answer, Decision) or isinstance(answer.outcome, Await):
            continue
        said = [one for one in tried(answer.receipt, rules) if one.rule != ENRICHMENT]
        by_rule = answer.receipt.rule not in RESERVED_RULES
        matched = [one.rule for one in said if one.matched and not _passed_over(rules, one.rule, answer)]
        assert not by_rule or matched == [answer.receipt.rule] == [said[-1].rule]
        for queue in QUEUES:
            roads = [road for road in why_not(answer.receipt, rules, queue) if road.stage == answer.receipt.stage]
            decided = isinstance(answer.outcome, Enqueue | Pool) and answer.outcome.queue == queue
            free = [road.rule for road in roads if not road.would_need]
            assert free == ([answer.receipt.rule] if decided else [])


def _passed_over(rules: Policy, name: str, answer: Decision) -> bool:
    """A lead that a manager released is not rejected again."""
    rule = next(rule for rule in rules.rules.rules if rule.name == name)
    return answer.receipt.released and isinstance(rule.then, Refuse)
