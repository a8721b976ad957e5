"""Companies in pure decisions: who joins what is open, what opens again, who waits, and whom a manager has parted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kit.rulebooks import EXAMPLE, NOW, identity, lead, open_lead, person, policy_of, submitted, with_rules

from router.decide import decide, redecide, release
from router.features import filled, unfilled
from router.match import again, known
from router.outcomes import Decision, Enqueue, Merge, Nurture, Reject
from router.outreach import approached_until
from router.policy.compiled import Outbound
from router.receipt import from_json, recompute, to_json
from router.route import route
from router.world import Contact, Known, KnownAccount, Lead, LostDeal, OpenDeal, World
from schemas.words import AccountId, LeadId, MatchedBy, OpportunityId, Relation

ANN = identity("email", "ann@example.com")
ACME, OTHER = AccountId("acc_acme"), AccountId("acc_other")
DAY = timedelta(days=1)
OUTBOUND = policy_of(EXAMPLE.replace("rules:\n", "outbound: {cool_down: 30d}\nrules:\n", 1))


def of_acme(number: int = 1, **of: Any) -> Lead:
    return replace(lead(number, **of), account=ACME)


def deal(name: str = "deal", product: str | None = None, at: timedelta = -DAY, **more: Any) -> OpenDeal:
    return OpenDeal(LeadId(f"ld_{name}"), product, more.get("test", False), NOW + at)


def acme(*deals: OpenDeal, relation: Relation = Relation.PROSPECT, contacts: tuple[Contact, ...] = ()) -> KnownAccount:
    return KnownAccount(ACME, relation, deals, contacts)


def lost(name: str = "lost", product: str | None = None, account: AccountId | None = None, ago: int = 1) -> LostDeal:
    id_ = OpportunityId(f"opp_{name}")
    return LostDeal(id_, LeadId(f"ld_{name}"), NOW - 9 * DAY, product, NOW - ago * DAY, account)


def found(of: Lead, *persons: Any, accounts: tuple[KnownAccount, ...] = (acme(),), **world: Any) -> Known:
    return known(of, World.of(persons, accounts=accounts, **world))


@pytest.mark.parametrize(
    ("open_for", "wanted", "joins"),
    [(None, None, True), ("a", "a", True), ("a", None, True), (None, "a", True), ("a", "b", False)],
)
def test_a_second_person_joins_what_is_open_for_the_product(
    open_for: str | None, wanted: str | None, joins: bool
) -> None:
    knew = found(of_acme(product=wanted), accounts=(acme(deal(product=open_for)),))
    assert (knew.into, knew.matched_by) == (("ld_deal", MatchedBy.ACCOUNT) if joins else (None, None))
    assert (knew.person, knew.account, knew.relation) == (None, ACME, Relation.PROSPECT)


def test_of_several_it_is_the_oldest() -> None:
    deals = deal("young"), deal("old", at=-3 * DAY)
    assert found(of_acme(), accounts=(acme(*deals),)).into == "ld_old"


def test_their_own_open_lead_goes_before_the_accounts_opportunity() -> None:
    knew = found(of_acme(), person("a", ANN, open=[open_lead("mine")]), accounts=(acme(deal()),))
    assert (knew.into, knew.matched_by) == ("ld_mine", MatchedBy.EMAIL)


def test_test_leads_join_what_tests_have_opened() -> None:
    company = acme(deal(), deal("trial", test=True))
    assert found(of_acme(test=True), accounts=(company,)).into == "ld_trial"


@pytest.mark.parametrize(("product", "wanted", "opens"), [(None, "a", True), ("a", "a", True), ("a", "b", False)])
def test_what_was_lost_lately_opens_again(product: str | None, wanted: str | None, opens: bool) -> None:
    ann = replace(person("a", ANN), lost=(lost("older", ago=5), lost(product=product)))
    ann = replace(ann, lost=ann.lost[1:] if not opens else ann.lost)
    knew = found(lead(product=wanted), ann)
    assert (knew.into, knew.reopens) == (("ld_lost", "opp_lost") if opens else (None, None))
    outcome = decide(lead(product=wanted), knew, policy_of(), NOW).outcome
    expected = Merge(LeadId("ld_lost"), MatchedBy.EMAIL, redecide=False, reopens=OpportunityId("opp_lost"))
    assert outcome == expected if opens else isinstance(outcome, Enqueue)


def test_not_where_the_account_has_another_open_whichever_account_the_new_lead_names() -> None:
    ann = replace(person("a", ANN), lost=(lost(account=ACME),))
    for new in (lead(), of_acme()):
        knew = found(new, ann, accounts=(acme(deal()),))
        assert (knew.into, knew.reopens, knew.matched_by) == ("ld_deal", None, MatchedBy.ACCOUNT)


def test_in_a_batch_the_third_post_finds_it_open() -> None:
    ann = replace(person("a", ANN), lost=(lost(account=ACME),))
    world = World.of([ann], accounts=[acme()])
    first, second, colleague = route([lead(1), lead(2), of_acme(3, email="bo@x.com")], policy_of(), world, NOW)
    assert isinstance(first, Decision)
    assert first.receipt.rule == "reopened"
    assert second.outcome == Merge(LeadId("ld_lost"), MatchedBy.EMAIL, redecide=False)
    assert colleague.outcome == Merge(LeadId("ld_lost"), MatchedBy.ACCOUNT, redecide=False)


def test_two_of_a_company_in_a_batch_meet() -> None:
    policy = policy_of(with_rules("{name: now, when: {intent: buy}, then: {qualify: auto, queue: closing/uk}}"))
    first, second = route(
        [of_acme(1, intent="buy"), of_acme(2, email="bo@x.com")], policy, World.of(accounts=[acme()]), NOW
    )
    assert second.outcome == Merge(first.receipt.lead, MatchedBy.ACCOUNT, redecide=False)
    assert second.person == "per_2"


@pytest.mark.parametrize(
    ("one_active", "active", "waits"), [(True, True, True), (False, True, False), (False, False, True)]
)
def test_until_when_an_account_is_let_be(one_active: bool, active: bool, waits: bool) -> None:
    until = approached_until(Outbound(30 * DAY, one_active), NOW, active=active)
    assert until == (NOW + 30 * DAY if waits else None)


def prospect(number: int = 1, **of: Any) -> Lead:
    return of_acme(number, direction="outbound", company={"country": "GB"}, **of)


@pytest.mark.parametrize(
    ("contact", "sleeps_until"),
    [
        (Contact(LeadId("ld_x"), False, NOW + DAY), NOW + DAY),
        (Contact(LeadId("ld_x"), False, NOW), None),
        (Contact(LeadId("ld_x"), True, NOW + DAY), None),
        (Contact(LeadId("ld_1"), False, NOW + DAY), None),
    ],
    ids=["another", "over by now", "of a test", "itself"],
)
def test_a_prospect_sleeps_while_its_account_is_approached(contact: Contact, sleeps_until: Any) -> None:
    world = World.of(accounts=[acme(contacts=(contact,))])
    decision = decide(prospect(), known(prospect(), world), OUTBOUND, NOW)
    if sleeps_until is None:
        assert isinstance(decision.outcome, Enqueue)
    else:
        assert decision.outcome == Nurture(sleeps_until, None)
        assert decision.receipt.rule == "one contact at a time"
    assert recompute(from_json(to_json(decision.receipt)), OUTBOUND) == decision
    asked = of_acme(company={"country": "GB"})
    assert isinstance(decide(asked, known(asked, world), OUTBOUND, NOW).outcome, Enqueue)


def test_of_a_batch_of_prospects_of_one_account_the_first_goes() -> None:
    world = World.of(accounts=[acme()])
    answers = route([prospect(n, email=f"{n}@x.com") for n in (1, 2, 3)], OUTBOUND, world, NOW)
    assert [type(each.outcome) for each in answers] == [Enqueue, Nurture, Nurture]
    everyone = route([prospect(n, email=f"{n}@x.com") for n in (1, 2)], policy_of(), world, NOW)
    assert [type(each.outcome) for each in everyone] == [Enqueue, Enqueue]


def test_a_nurtured_lead_that_wakes_meets_its_account_and_nobody_else() -> None:
    mine = replace(of_acme(), identities=frozenset())
    company = acme(deal(), relation=Relation.PARTNER)
    knew = again(mine, World.of([person("a", ANN, open=[open_lead("other")])], accounts=[company]))
    assert (knew.person, knew.into, knew.relation) == ("per_1", "ld_deal", Relation.PARTNER)
    assert redecide(mine.submitted, knew, policy_of(), NOW).receipt.rule == "same account"
    assert again(lead(), World.of()) == Known(person=lead().person)


def test_rules_see_the_relation_and_the_receipt_keeps_it() -> None:
    rule = "{name: theirs, when: {account.relation: [competitor, press]}, then: {reject: spam}}"
    policy = policy_of(with_rules(rule))
    knew = found(of_acme(), accounts=(acme(relation=Relation.PRESS),))
    decision = decide(of_acme(), knew, policy, NOW)
    assert (decision.receipt.rule, decision.receipt.saw) == ("theirs", {"account.relation": "press"})
    assert recompute(from_json(to_json(decision.receipt)), policy) == decision
    assert isinstance(decide(lead(), found(lead()), policy, NOW).outcome, Enqueue)


def test_whom_a_manager_has_parted_from_an_account_is_of_the_other() -> None:
    theirs = KnownAccount(OTHER, Relation.SUPPLIER, (deal("theirs"),))
    apart = {("per_a", ACME): OTHER}
    world = {"accounts": (acme(deal()), theirs), "apart": apart}
    knew = found(of_acme(), person("a", ANN), **world)
    assert (knew.account, knew.relation, knew.into) == (OTHER, Relation.SUPPLIER, "ld_theirs")
    assert found(of_acme(email="bo@x.com"), person("a", ANN), **world).account == ACME


def test_of_two_who_were_parted_it_is_the_one_who_shares_more() -> None:
    phone, page = identity("phone", "+441"), identity("profile", "https://x.com/a")
    old = replace(person("old", ANN, page, open=[open_lead("old", NOW - DAY)]), family="per_old")
    new = replace(person("new", ANN, phone, open=[open_lead("new")]), family="per_old")
    assert found(lead(), old, new).into == "ld_old"
    assert found(lead(phone="+441"), old, new).into == "ld_new"
    assert found(lead(profile="https://x.com/a"), old, new).into == "ld_old"
    strangers = replace(old, family=None), replace(new, family=None)
    assert found(lead(phone="+441"), *strangers).into == "ld_old"


def test_whose_lead_is_settled_is_matched_with_nobody_else() -> None:
    mine = replace(lead(), person=person("b").id, settled=True)
    knew = found(mine, person("a", ANN, open=[open_lead("a")]), person("b", ANN, open=[open_lead("b")]))
    assert (knew.person, knew.into) == ("per_b", "ld_b")


def test_what_a_manager_releases_is_rejected_neither_by_a_flag_nor_by_a_rule_but_by_an_opt_out() -> None:
    policy = policy_of(with_rules("{name: ads, when: {intent: ad}, then: {reject: spam}}"))
    flagged = lead(intent="ad", flag="spam")
    decision = release(flagged, found(flagged), policy, NOW)
    assert (type(decision.outcome), decision.receipt.rule) == (Enqueue, "fallback")
    assert recompute(from_json(to_json(decision.receipt)), policy) == decision
    assert isinstance(release(flagged, Known(suppressed=True), policy, NOW).outcome, Reject)


def test_a_receipt_of_before_there_were_accounts_reads_as_it_did() -> None:
    decision = decide(lead(), Known(), policy_of(), NOW)
    stored = to_json(decision.receipt)
    for name in ("reopens", "account", "relation", "contact_at"):
        del stored["knew"][name]
    del stored["released"]
    assert recompute(from_json(stored), policy_of()) == decision


def test_what_one_lead_gave_another_is_taken_back_and_nothing_else() -> None:
    own = submitted(1, contact={"name": "Ann"})
    gave = submitted(2, phone="+441", contact={"name": "Bo", "job_title": "COO", "country": "GB"})
    known_now = filled(own, gave)
    assert (known_now.contact.phone_valid, known_now.contact.job_title) == (True, "COO")
    assert unfilled(known_now, gave, own.contact) == own
    corrected = known_now.model_copy(update={"contact": known_now.contact.model_copy(update={"job_title": "CEO"})})
    assert unfilled(corrected, gave, own.contact).contact.job_title == "CEO"
