"""One lead, one decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from kit.rulebooks import BUFFERED, EXAMPLE, NOW, lead, policy_of, submitted, with_inbound, with_rules

from router.decide import ENGINE, decide, handover, redecide
from router.outcomes import Enqueue, Merge, Nurture, Pool, Reject
from router.world import Known
from schemas.words import ItemKind, LeadId, MatchedBy, PersonId, Priority, Qualify, Rejection

POLICY = policy_of()
BUYS = {"intent": "demo", "company": {"employees": 50, "country": "GB"}}
WITH_POOLS = policy_of(
    with_inbound(BUFFERED).replace("in_hand: 5, lease: 1h", "lease: 1h, release: {buffer: {fixed: 1}}")
)
AUTO = policy_of(with_rules("{name: all, when: {}, then: {qualify: auto, queue: closing/uk}}"))


def decided(policy=POLICY, known=None, **of):
    return decide(lead(**of), known or Known(), policy, NOW)


def test_a_hot_lead_goes_straight_to_a_closer():
    decision = decided(**BUYS)
    assert decision.outcome == Enqueue(
        queue="closing/uk",
        kind=ItemKind.OPPORTUNITY,
        qualify=Qualify.AUTO,
        priority=Priority.HOT,
        segment=None,
        rank_at=NOW - timedelta(days=7),
        due_at=None,
    )
    assert (decision.receipt.rule, decision.action) == ("ready to buy", "queue")


def test_an_enquiry_goes_to_the_inbound_desk_and_is_due():
    outcome = decided(company={"country": "GB"}).outcome
    assert outcome == Enqueue(
        queue="inbound/main",
        kind=ItemKind.ENQUIRY,
        qualify=Qualify.BY_REP,
        priority=Priority.NORMAL,
        segment=None,
        rank_at=NOW - timedelta(hours=1),
        due_at=NOW + timedelta(minutes=5),
    )


def test_an_sla_runs_in_the_queues_calendar():
    text = with_rules("{name: all, when: {}, then: {qualify: auto, priority: hot, queue: closing/uk, sla: 1h}}")
    friday = datetime(2026, 7, 3, 16, 0, tzinfo=UTC)  # 17:00 in London, half an hour before closing
    assert decide(lead(), Known(), policy_of(text), friday).outcome.due_at == datetime(2026, 7, 6, 8, 30, tzinfo=UTC)


def test_a_prospect_goes_to_the_outbound_desk():
    outcome = decided(direction="outbound", company={"country": "GB"}).outcome
    assert (outcome.queue, outcome.kind) == ("outbound/main", ItemKind.PROSPECT)


def test_far_away_is_nurtured_and_an_unknown_country_is_not_far_away():
    assert decided(company={"country": "FR"}).outcome == Nurture(NOW + timedelta(days=90), None)
    assert decided(company={}).receipt.rule == "enquiry"


@pytest.mark.parametrize(
    ("of", "pools"),
    [
        ({}, False),  # a hand-raiser's enquiry
        ({"list": True}, True),
        ({"direction": "outbound"}, True),
        ({"direction": "outbound", "list": True}, True),
        ({"list": True, **BUYS}, False),  # hot
    ],
)
def test_who_raised_a_hand_and_who_is_hot_skip_the_pool(of, pools):
    outcome = decided(WITH_POOLS, **of).outcome
    assert isinstance(outcome, Pool if pools else Enqueue)
    assert type(decided(POLICY, **of).outcome) is Enqueue  # a queue without release has no pool


def test_an_opportunity_made_by_a_rule_waits_in_the_pool():
    assert isinstance(decided(AUTO).outcome, Pool)
    assert decided(AUTO).action == "pool"


def test_a_list_lead_has_the_credit_of_lists_whatever_its_priority():
    assert decided(list=True, **BUYS).outcome.rank_at == NOW


def test_no_rule_matches_then_the_fallback_of_its_direction_decides():
    policy = policy_of(with_rules())
    assert decided(policy).outcome.queue == "inbound/main"
    assert decided(policy, direction="outbound").outcome.queue == "outbound/main"
    assert decided(policy).receipt.rule == "fallback"
    assert decided(policy, direction="sideways").outcome.queue == "inbound/main"  # of a newer version


def test_a_fallback_to_a_closing_queue_is_unqualified():
    policy = policy_of(with_rules().replace("{inbound: inbound/main", "{inbound: closing/uk"))
    assert decided(policy).outcome.qualify is Qualify.BYPASS


@pytest.mark.parametrize(("flag", "reason"), [("spam", "spam"), ("review", "review"), ("of a newer version", "review")])
def test_what_ingest_flagged_is_rejected_before_all_else(flag, reason):
    known = Known(PersonId("per_9"), LeadId("ld_9"), MatchedBy.EMAIL)
    decision = decided(flag=flag, known=known, **BUYS)
    assert decision.outcome == Reject(Rejection(reason), None)
    assert (decision.receipt.rule, decision.receipt.clauses) == ("flagged", ())


def test_whom_no_channel_may_reach_is_rejected():
    decision = decided(known=Known(suppressed=True), **BUYS)
    assert decision.outcome == Reject(Rejection.SUPPRESSED, None)
    assert decision.receipt.rule == "suppressed"


def test_a_rule_may_reject():
    text = with_rules("{name: robots, when: {contact.email_kind: disposable}, then: {reject: spam, segment: robots}}")
    outcome = decided(policy_of(text), contact={"email_kind": "disposable"}).outcome
    assert outcome == Reject(Rejection.SPAM, "robots")


@pytest.mark.parametrize("nurturing", [False, True])
def test_who_has_an_open_lead_is_merged_into_it(nurturing):
    known = Known(PersonId("per_9"), LeadId("ld_9"), MatchedBy.PHONE, nurturing=nurturing)
    decision = decided(known=known, **BUYS)
    assert decision.outcome == Merge(LeadId("ld_9"), MatchedBy.PHONE, redecide=nurturing)
    assert (decision.person, decision.new_person, decision.receipt.rule) == ("per_9", False, "same person")


def test_a_person_without_an_open_lead_keeps_their_id_and_somebody_new_gets_one():
    known = decided(known=Known(PersonId("per_9"), matched_by=MatchedBy.EMAIL))
    assert (known.person, known.new_person, known.action) == ("per_9", False, "queue")
    new = decided()
    assert (new.person, new.new_person) == ("per_1", True)


def test_a_nurtured_lead_is_decided_anew_without_being_matched():
    again = redecide(submitted(company={"country": "GB"}), Known(PersonId("per_9")), POLICY, NOW)
    assert (again.person, again.new_person, again.receipt.rule) == ("per_9", False, "enquiry")
    gone = redecide(submitted(), Known(PersonId("per_9"), suppressed=True), POLICY, NOW)
    assert gone.outcome == Reject(Rejection.SUPPRESSED, None)


def handed(text=EXAMPLE, priority=Priority.NORMAL, qualification=None, **of):
    return handover(
        submitted(**of), qualification or {}, Known(PersonId("per_9")), policy_of(text), NOW, priority=priority
    )


def test_what_a_rep_qualified_goes_to_the_pool_of_a_closing_queue():
    decision = handed(company={"country": "GB"})
    assert isinstance(decision.outcome, Pool)
    assert (decision.outcome.queue, decision.outcome.kind) == ("closing/uk", ItemKind.OPPORTUNITY)
    assert (decision.outcome.qualify, decision.receipt.stage) == (Qualify.BY_REP, "handover")
    assert (decision.receipt.rule, decision.receipt.clauses) == ("uk", ("m",))
    assert handed(company={"country": "FR"}).receipt.rule == "fallback"


def test_an_opportunity_has_its_leads_priority_unless_the_rule_says_another():
    assert isinstance(handed(priority=Priority.HOT).outcome, Enqueue)
    assert handed(priority=Priority.HIGH).outcome.rank_at == NOW - timedelta(days=1)
    text = EXAMPLE.replace("GB}, then: {queue: closing/uk}", "GB}, then: {queue: closing/uk, priority: hot}")
    assert isinstance(handed(text, company={"country": "GB"}).outcome, Enqueue)


def test_a_handover_sees_the_qualification():
    text = EXAMPLE.replace("when: {company.country: GB}", "when: {qualification.influence: decides}")
    assert handed(text, qualification={"influence": "decides"}).receipt.rule == "uk"
    assert handed(text, qualification={"influence": "none"}).receipt.clauses == ("u",)
    assert handed(text, qualification={"influence": None}).receipt.clauses == ("-",)


def test_a_hand_over_does_not_skip_the_pool_for_having_raised_a_hand():
    assert isinstance(handed(direction="inbound", list=False).outcome, Pool)


def test_the_receipt_says_what_each_clause_of_each_rule_examined_made_of_it():
    receipt = decided(intent="demo", company={"country": "FR"}).receipt
    assert receipt.clauses == ("m-", "u")
    assert receipt.saw == {"company.country": "FR", "direction": "inbound", "intent": "demo"}
    assert (receipt.engine, receipt.policy, receipt.now) == (ENGINE, 3, NOW)


def test_the_receipt_holds_nothing_personal():
    """Only what rules look at is kept; custom fields stand apart (see test_receipt)."""
    said = repr(
        decided(email="ann.lee@example.com", phone="+442079460123", contact={"name": "Ann Lee"}, **BUYS).receipt
    )
    assert "ann" not in said.lower()
    assert "442079460123" not in said


def test_the_world_does_not_change_what_the_rules_say():
    one, other = decided(**BUYS), decided(known=Known(PersonId("per_1")), **BUYS)
    assert one.outcome == other.outcome
    assert one.receipt == replace(other.receipt, knew=Known())
