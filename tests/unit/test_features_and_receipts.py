"""What rules see of a lead, and what is kept of that."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from kit.rulebooks import EXAMPLE, NOW, lead, policy_of, submitted, with_rules

from router.decide import decide, handover, redecide
from router.features import features_of, filled, renewed
from router.receipt import from_json, recompute, to_json
from router.world import Known
from schemas.events.intake import LeadSubmitted
from schemas.features import BY_PATH, FEATURES, SCORE, feature
from schemas.person import Contact
from schemas.words import LeadId, MatchedBy, PersonId, Priority, Relation

WHOLE = {
    "direction": "outbound",
    "list": True,
    "intent": "demo",
    "product": "fleet",
    "contact": {"country": "GB", "language": "en-GB", "email_kind": "business"},
    "company": {
        "name": "Example Ltd",
        "domain": "example.com",
        "employees": 120,
        "industry": "logistics",
        "country": "GB",
        "city": "Leeds",
        "postal_code": "LS1 1AA",
    },
    "campaign": {"utm_source": "a", "utm_medium": "b", "utm_campaign": "c", "utm_term": "d", "utm_content": "e"},
    "consent": {"contact": True, "marketing": False},
}
QUALIFICATION = {
    "need": "n",
    "willing_to_meet": True,
    "influence": "decides",
    "next_step": "call",
    "budget": "b",
    "timing": "t",
    "competitor": "c",
}


def test_every_path_of_the_table_is_found():
    answer = {"enriched.revenue": 5, "enriched.other": 6}
    paths = {*BY_PATH, "enriched.revenue"}
    seen = features_of(submitted(**WHOLE), paths, QUALIFICATION, relation=Relation.PARTNER, enriched=answer)
    assert seen.keys() == paths - {SCORE}, "a score is derived of the others"
    assert seen["contact.has_phone"] is False
    assert seen["company.employees"] == 120
    assert seen["qualification.willing_to_meet"] is True


def test_what_is_not_known_is_absent():
    bare = features_of(submitted(), BY_PATH)
    assert set(bare) == {"direction", "source", "list", "contact.has_email", "contact.has_phone", "contact.has_profile"}


def test_only_what_rules_look_at_is_taken():
    assert features_of(submitted(**WHOLE), {"intent", "custom.seats"}) == {"intent": "demo"}


def test_no_path_leads_to_a_person():
    """Whatever a person's fields hold, none of it is in what rules see."""
    marked = {name: f"mark-{name}" for name in ("name", "first_name", "last_name", "job_title")}
    lead = submitted(
        email="mark@example.com", phone="mark-phone", profile="mark-profile", contact=marked, message="mark"
    )
    assert "mark" not in repr(features_of(lead, BY_PATH))
    personal = {"email", "phone", "name", "first_name", "last_name", "job_title", "profile_url"}
    assert not {f"contact.{name}" for name in personal & set(Contact.model_fields)} & BY_PATH.keys()
    assert feature("message") is feature("custom.") is None
    assert len({each.path for each in FEATURES}) == len(FEATURES)


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (40, 40),
        (40.0, 40),
        (0.5, 0.5),
        (1e23, int(1e23)),
        (float("inf"), None),
        (float("nan"), None),
        (True, True),
        ("", None),
        ("x", "x"),
        (["north", "south"], ("north", "south")),
        ([], ()),
        (None, None),
    ],
)
def test_a_custom_value_is_one_that_every_json_gives_back(given, seen):
    found = features_of(submitted(custom={"x.y": given}), {"custom.x.y"}).get("custom.x.y")
    assert found == seen
    assert type(found) is type(seen)


def test_a_renewed_lead_has_what_was_said_last_and_keeps_its_id_and_age():
    old = submitted(
        1, phone="+442079460123", company={"name": "Old", "employees": 5}, custom={"a": 1, "b": 1}, list=True
    )
    later = NOW + timedelta(days=3)
    new = submitted(2, source="fair", received_at=later, company={"employees": 90}, custom={"b": 2}, intent="demo")
    lead = renewed(old, new)
    assert (lead.id, lead.submission_id, lead.received_at) == ("ld_1", "sub_1_1", NOW)
    assert (lead.source, lead.intent, lead.list) == ("fair", "demo", False)
    assert (lead.company.name, lead.company.employees) == ("Old", 90)
    assert (lead.contact.phone, lead.contact.phone_valid) == ("+442079460123", True)
    assert lead.custom == {"a": 1, "b": 2}


def test_what_a_later_submission_adds_to_a_contact_replaces_nothing_and_is_valid_as_it_was_there():
    old = submitted(1, email=None, phone="+442079460123", contact={"country": "GB"})
    new = submitted(2, phone="+442079460999", contact={"country": "FR", "language": "fr", "email_kind": "business"})
    contact = filled(old, new).contact
    assert (contact.email, contact.email_valid, contact.email_kind) == ("ann@example.com", True, "business")
    assert (contact.phone, contact.country, contact.language) == ("+442079460123", "GB", "fr")
    assert filled(old, new).model_copy(update={"contact": old.contact}) == old
    unread = old.model_copy(update={"contact": Contact(email="ann at home")})
    assert filled(unread, new).contact == new.contact.model_copy(
        update={"email": "ann at home", "email_valid": False, "email_kind": None}
    )


def stored(receipt):
    """Through JSON, as the store keeps it."""
    return from_json(json.loads(json.dumps(to_json(receipt))))


KNOWN = Known(PersonId("per_9"), LeadId("ld_9"), MatchedBy.PROFILE, nurturing=True)
CUSTOM = "{custom.seats: '> 5', custom.regions: north}"
POLICY = policy_of(
    with_rules(f"{{name: custom, when: {CUSTOM}, then: {{qualify: auto, queue: closing/uk, sla: 2 working days}}}}")
)


@pytest.mark.parametrize(
    "decision",
    [
        decide(lead(custom={"seats": 6.5, "regions": ["north"]}), Known(), POLICY, NOW),
        decide(lead(custom={"seats": "6", "regions": ["south"]}), Known(), POLICY, NOW),
        decide(lead(flag="spam"), KNOWN, POLICY, NOW),
        decide(lead(), KNOWN, POLICY, NOW),
        decide(lead(), Known(suppressed=True), POLICY, NOW),
        decide(lead(direction="outbound", list=True), Known(PersonId("per_9")), POLICY, NOW),
        redecide(submitted(), Known(PersonId("per_9")), POLICY, NOW),
        handover(submitted(), {"need": "n"}, Known(PersonId("per_9")), POLICY, NOW, priority=Priority.HOT),
    ],
    ids=lambda decision: decision.receipt.rule,
)
def test_a_stored_receipt_recomputes_to_the_same_decision(decision):
    receipt = stored(decision.receipt)
    assert receipt == decision.receipt
    assert recompute(receipt, POLICY) == decision


def test_a_receipt_recomputes_whatever_the_calendar_says_years_later():
    """A government may move a holiday: what was promised then stands."""
    text = EXAMPLE.replace("calendar: always, in_hand: 3", "calendar: london, in_hand: 3")
    friday = datetime(2026, 7, 3, 16, 29, tzinfo=UTC)
    decision = decide(lead(), Known(), policy_of(text), friday)
    assert decision.outcome.due_at == datetime(2026, 7, 6, 8, 4, tzinfo=UTC)
    other = policy_of(text.replace("mon-fri", "tue-fri"))
    assert recompute(stored(decision.receipt), other) == decision


def test_a_forged_receipt_does_not_recompute():
    decision = decide(lead(custom={"seats": 6, "regions": ["north"]}), Known(), POLICY, NOW)
    kept = to_json(decision.receipt)
    kept["beside"]["custom.seats"] = 5
    assert recompute(from_json(kept), POLICY) != decision


def test_what_a_person_wrote_stands_beside_the_rest_to_be_erased():
    kept = to_json(decide(lead(custom={"seats": 6, "regions": ["north"]}), Known(), POLICY, NOW).receipt)
    assert kept["saw"] == {}
    assert kept["beside"] == {"custom.regions": ["north"], "custom.seats": 6}
    assert kept["clauses"] == ["mm"]


def test_a_submission_of_a_newer_version_is_decided_all_the_same():
    newer = LeadSubmitted.model_validate({**submitted().data(), "mood": "sunny", "direction": "sideways"})
    assert redecide(newer, Known(PersonId("per_1")), policy_of(), NOW).receipt.rule == "fallback"
