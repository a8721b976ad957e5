"""A batch, folded through the world."""

from datetime import timedelta

from kit.rulebooks import NOW, lead, open_lead, person, policy_of, with_rules

from router.outcomes import Decision, Enqueue, Merge, Nurture, Reject, Repeat
from router.route import route
from router.world import World
from schemas.words import LeadState, MatchedBy

POLICY = policy_of()
PHONE = "+442079460123"


def routed(*leads, world=None, policy=POLICY):
    return route(leads, policy, world or World.of(), NOW)


def test_two_posts_of_one_person_in_a_batch_meet():
    first, second = routed(lead(1), lead(2, email="ANN@example.com"))
    assert isinstance(first.outcome, Enqueue)
    assert second.outcome == Merge("ld_1", MatchedBy.EMAIL, redecide=False)
    assert (first.person, second.person, second.new_person) == ("per_1", "per_1", False)


def test_a_merged_post_teaches_what_else_identifies_its_person():
    *_, last = routed(lead(1), lead(2, phone=PHONE), lead(3, email=None, phone=PHONE))
    assert last.outcome == Merge("ld_1", MatchedBy.PHONE, redecide=False)


def test_strangers_in_a_batch_do_not_meet():
    for answer in routed(lead(1), lead(2, email="bob@example.com"), lead(3, email=None, phone=PHONE)):
        assert isinstance(answer.outcome, Enqueue)


def test_a_rejected_post_is_not_open():
    first, second = routed(lead(1, flag="spam"), lead(2))
    assert isinstance(first.outcome, Reject)
    assert isinstance(second.outcome, Enqueue)
    assert second.person == "per_1"


def test_what_is_nurtured_in_a_batch_is_decided_anew_by_the_next_post():
    policy = policy_of(with_rules("{name: later, when: {intent: {known: false}}, then: {nurture: 1d}}"))
    first, second = routed(lead(1), lead(2, intent="demo"), policy=policy)
    assert isinstance(first.outcome, Nurture)
    assert second.outcome == Merge("ld_1", MatchedBy.EMAIL, redecide=True)


def test_the_same_body_under_one_id_is_a_repeat_and_another_a_conflict():
    answers = routed(lead(1), lead(1), lead(1, body=2), lead(1, body=2))
    assert isinstance(answers[0], Decision)
    assert answers[1:] == [
        Repeat("ld_1", "sub_1_1", conflict=False),
        Repeat("ld_1", "sub_1_2", conflict=True),
        Repeat("ld_1", "sub_1_2", conflict=False),
    ]


def test_an_id_that_the_store_knows_is_a_repeat():
    world = World.of(submissions={"ld_1": frozenset({"sub_1_1"})})
    assert routed(lead(1), lead(1, body=2), world=world) == [
        Repeat("ld_1", "sub_1_1", conflict=False),
        Repeat("ld_1", "sub_1_2", conflict=True),
    ]


def test_the_world_goes_before_the_batch():
    ann = lead(0).identities
    old = open_lead("old", NOW - timedelta(days=1), LeadState.CLAIMED)
    first, second = routed(lead(1), lead(2), world=World.of([person("a", *ann, open=[old])]))
    assert first.outcome.into == second.outcome.into == "ld_old"


def test_a_test_lead_in_a_batch_keeps_to_itself():
    first, second, third = routed(lead(1), lead(2, test=True), lead(3, test=True))
    assert isinstance(first.outcome, Enqueue)
    assert isinstance(second.outcome, Enqueue)
    assert second.person == "per_2"
    assert third.outcome.into == "ld_2"


def test_a_batch_of_none_has_no_answers():
    assert routed() == []
