"""Who is it? The same e-mail; or, where one side has none, the same phone or profile."""

from datetime import timedelta

import pytest
from kit.rulebooks import NOW, identity, lead, open_lead, person

from router.match import known, same_person
from router.world import Known, World
from schemas.words import LeadState, MatchedBy

ANN, BOB = identity("email", "ann@example.com"), identity("email", "bob@example.com")
PHONE, PROFILE = identity("phone", "+442079460123"), identity("profile", "https://example.com/in/ann")


@pytest.mark.parametrize(
    ("mine", "theirs", "by"),
    [
        ({ANN}, {ANN}, "email"),
        ({ANN, PHONE}, {ANN, PHONE}, "email"),
        ({ANN, PHONE}, {BOB, PHONE}, None),  # two people at one telephone
        ({ANN, PHONE}, {PHONE}, "phone"),
        ({PHONE}, {BOB, PHONE}, "phone"),
        ({PHONE, PROFILE}, {PHONE, PROFILE}, "phone"),
        ({PROFILE}, {ANN, PROFILE}, "profile"),
        ({ANN, PROFILE}, {BOB, PROFILE}, None),
        ({ANN}, {BOB}, None),
        ({ANN}, {PHONE}, None),
        ({ANN, PHONE}, {ANN, BOB}, "email"),
    ],
)
def test_they_are_the_same_by(mine, theirs, by):
    assert same_person(mine, person("x", *theirs)) == (by and MatchedBy(by))


def found(*persons, suppressions=None, **of):
    return known(lead(**of), World.of(persons, suppressions))


def test_case_does_not_matter_in_an_e_mail():
    assert found(person("a", ANN), email="Ann@Example.com").person == "per_a"


def test_an_open_lead_of_theirs_takes_the_new_one():
    assert found(person("a", ANN, open=[open_lead("9")])) == Known("per_a", "ld_9", MatchedBy.EMAIL)


def test_without_an_open_lead_only_the_person_is_known():
    assert found(person("a", ANN)) == Known("per_a", None, MatchedBy.EMAIL)
    assert found() == Known()


def test_a_nurturing_lead_is_told_as_such():
    assert found(person("a", ANN, open=[open_lead("9", state=LeadState.NURTURING)])).nurturing


def test_a_tie_goes_to_the_oldest_open_lead():
    old, young = open_lead("old", NOW - timedelta(days=1)), open_lead("young")
    several = (person("a", ANN, open=[young]), person("b", PHONE, open=[old]), person("c", PHONE))
    match = found(*several, phone="+442079460123")
    assert (match.person, match.into, match.matched_by) == ("per_b", "ld_old", MatchedBy.PHONE)
    twins = (open_lead("2"), open_lead("1"))
    assert found(person("a", ANN, open=twins)).into == "ld_1"


def test_of_several_without_an_open_lead_it_is_the_one_of_the_same_e_mail_then_the_one_known_longest():
    assert found(person("a", PHONE), person("b", ANN), phone="+442079460123").person == "per_b"
    assert found(person("b", PHONE), person("a", PHONE), phone="+442079460123").person == "per_a"


def test_identity_is_not_transitive():
    """Ann's telephone is Bob's; who gives only the telephone is one of them; that makes Ann and Bob no one person."""
    ann, bob = person("a", ANN, PHONE, open=[open_lead("a")]), person("b", BOB, PHONE, open=[open_lead("b")])
    assert found(ann, bob, email=None, phone="+442079460123").into == "ld_a"
    assert found(ann, bob, email="bob@example.com", phone="+442079460123").into == "ld_b"


def test_test_leads_meet_test_leads():
    real, test = person("real", ANN, open=[open_lead("r")]), person("test", ANN, test=True, open=[open_lead("t")])
    assert found(real, test).into == "ld_r"
    assert found(real, test, test=True).into == "ld_t"
    assert found(real, test=True) == Known()


@pytest.mark.parametrize(
    ("closed", "of", "suppressed"),
    [
        ({ANN: {"all"}}, {}, True),
        ({ANN: {"email"}}, {}, True),
        ({ANN: {"phone"}}, {}, False),
        ({ANN: {"email"}}, {"phone": "+442079460123"}, False),
        ({ANN: {"email"}, PHONE: {"phone", "sms"}}, {"phone": "+442079460123"}, True),
        ({ANN: {"email", "phone"}}, {"phone": "+442079460123"}, False),  # sms is left
        ({BOB: {"all"}}, {}, False),
    ],
)
def test_whom_no_channel_may_reach_is_suppressed(closed, of, suppressed):
    closed = {key: frozenset(channels) for key, channels in closed.items()}
    assert found(suppressions=closed, **of).suppressed is suppressed


def test_an_opt_out_holds_for_the_whole_person():
    """Given by telephone, it holds for what comes by e-mail, once the two are known as one person."""
    closed = {PHONE: frozenset({"all"})}
    assert found(person("a", ANN, PHONE), suppressions=closed).suppressed
    assert not found(person("a", ANN), suppressions=closed).suppressed
