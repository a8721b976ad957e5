"""What each event counts for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from kit.tales import MONDAY, Tale, lead_id

from schemas.events.lifecycle import ItemDeferred, ItemExpired
from schemas.events.series import ClockName
from schemas.events.stamp import UnknownEvent
from schemas.words import Money
from services.metrics.catalogue import BIT, COUNTS, STEPS, FactKind
from services.metrics.facts import Fact, facts_of
from services.metrics.known import Dims, Known, Try
from services.metrics.timings import restarted, timings_of

K = FactKind


def fold(tale: Tale) -> tuple[Known, dict[tuple[int, FactKind], Fact]]:
    """The lead after its story, and the facts that stand."""
    known, facts = Known(tale.id), {}
    for told in tale.told:
        folded = facts_of(told, known)
        known = folded.known
        facts.update({(fact.seq, fact.kind): fact for fact in folded.add})
        for key in folded.void:
            del facts[key]
    return known, facts


def kinds(tale: Tale) -> list[str]:
    return sorted(kind for _, kind in fold(tale)[1])


def only(tale: Tale, kind: FactKind) -> Fact:
    (found,) = [fact for (_, of), fact in fold(tale)[1].items() if of == kind]
    return found


def clocks(tale: Tale) -> dict[ClockName, int | None]:
    return {timing.clock: timing.took_ms for timing in timings_of(fold(tale)[0])}


def enquiry(**more: object) -> Tale:
    return Tale().enquiry(**more)  # type: ignore[arg-type]


def qualified(**more: object) -> Tale:
    return enquiry().claimed().attempted("conversation").created(**more)  # type: ignore[arg-type]


def closing(**more: object) -> Tale:
    """An opportunity in the hand of its closer."""
    return qualified(**more).released().queued("closing/uk", seconds=200, due=None).claimed("rep_bob", seconds=300)


BEFORE = ["attempted", "conversed", "lead", "qualified", "released", "submission"]

TABLE = [
    ("a lead is received", Tale().received(), ["lead", "submission"]),
    ("it is decided and queued", enquiry(), ["lead", "submission"]),
    ("a first attempt", enquiry().claimed().attempted(), ["attempted", "lead", "submission"]),
    ("a second attempt", enquiry().claimed().attempted().attempted(), ["attempted", "lead", "submission"]),
    ("a conversation", enquiry().claimed().attempted("callback"), ["attempted", "conversed", "lead", "submission"]),
    (
        "a conversation after a voicemail",
        enquiry().claimed().attempted("voicemail").attempted("refused", seconds=70),
        ["attempted", "conversed", "lead", "submission"],
    ),
    ("a rep made an opportunity", qualified(), ["attempted", "conversed", "lead", "qualified", "submission"]),
    (
        "a rep made one that must be accepted",
        qualified(acceptance="required"),
        ["attempted", "conversed", "lead", "submission"],
    ),
    ("a rep made one under an older version", qualified(acceptance=None).accepted(), sorted({*BEFORE} - {"released"})),
    ("and it was accepted", closing(acceptance="required").accepted(), BEFORE),
    ("made by a rep and then accepted: once", closing().accepted(), BEFORE),
    ("made by a rule", enquiry().created(qualified_by="auto"), ["lead", "submission"]),
    ("made unqualified", enquiry().created(qualified_by=None), ["lead", "submission"]),
    (
        "made by a rule and accepted",
        enquiry().created(qualified_by="auto").accepted(),
        ["lead", "qualified", "submission"],
    ),
    ("a meeting booked", closing().meeting(state="booked"), BEFORE),
    ("a meeting moved", closing().meeting(state="moved"), BEFORE),
    ("a meeting missed", closing().meeting(state="no_show"), BEFORE),
    ("a meeting held in person", closing().meeting(), sorted([*BEFORE, "met_face_to_face"])),
    ("held by video", closing().meeting(mode="video"), sorted([*BEFORE, "met"])),
    (
        "held by video where that counts",
        closing().meeting(mode="video", face_to_face=True),
        sorted([*BEFORE, "met_face_to_face"]),
    ),
    (
        "two meetings",
        closing().meeting().meeting(seconds=900),
        sorted([*BEFORE, "met_face_to_face", "met_face_to_face"]),
    ),
    ("two requests", closing().requested().requested(), sorted([*BEFORE, "proposal_requested"])),
    ("two versions", closing().presented().presented(), sorted([*BEFORE, "proposal_presented"])),
    ("won", closing().won(), sorted([*BEFORE, "won"])),
    ("lost", closing().lost().closed("lost"), sorted([*BEFORE, "lost"])),
    ("lost and reopened", closing().lost().closed("lost").reopened(), BEFORE),
    ("reopened and won", closing().lost().reopened().won(seconds=2000), sorted([*BEFORE, "won"])),
    ("lost again", closing().lost().reopened().lost(seconds=2000), sorted([*BEFORE, "lost"])),
    ("disqualified", enquiry().claimed().closed(), ["disqualified", "lead", "submission"]),
    ("unreached", enquiry().claimed().closed("unreached"), ["lead", "submission", "unreached"]),
    ("nurtured", enquiry().claimed().nurtured(), ["lead", "nurtured", "submission"]),
    ("merged", Tale().received().decided(None, action="merge").merged(2), ["merged", "submission"]),
    ("rejected", Tale().received().decided(None, action="reject").rejected(), ["rejected", "submission"]),
    ("a test", Tale(test=True).enquiry().claimed().attempted("conversation").created().won(), []),
    ("something of a newer version", enquiry().tell(UnknownEvent(name="lead.sang"), 5), ["lead", "submission"]),
    (
        "work on a customer",
        enquiry().queued("customer/main", seconds=9).claimed("rep_eve", seconds=10).attempted("conversation"),
        ["lead", "submission"],
    ),
]


@pytest.mark.parametrize(("tale", "counts"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_story_makes_these_facts(tale: Tale, counts: list[str]) -> None:
    assert kinds(tale) == counts


@pytest.mark.parametrize("tale", [row[1] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_a_lead_has_reached_are_the_facts_that_stand(tale: Tale) -> None:
    known, facts = fold(tale)
    assert known.reached == {kind for _, kind in facts}
    assert known.mask == sum({BIT[kind] for _, kind in facts})


def test_a_lead_counts_at_its_captured_time_under_the_queue_it_was_decided_for_and_nobody() -> None:
    tale = Tale().received(source="fair").decided("inbound/de", segment="smb").queued("inbound/de").claimed()
    for kind in (K.SUBMISSION, K.LEAD):
        fact = only(tale, kind)
        assert fact.at == MONDAY
        assert fact.dims == Dims("inbound", "fair", "inbound/de", "smb", None)


def test_an_attempt_counts_when_it_was_made_under_its_queue_and_rep() -> None:
    fact = only(enquiry().claimed().attempted(seconds=90, made=40), K.ATTEMPTED)
    assert fact.at == MONDAY + timedelta(seconds=40)
    assert (fact.dims.queue, fact.dims.desk, fact.dims.rep) == ("inbound/main", "inbound", "rep_ann")


def test_an_opportunity_counts_under_the_rep_who_made_it_or_the_closer_who_accepted_it() -> None:
    made, accepted = only(qualified(), K.QUALIFIED), only(closing(acceptance="required").accepted(), K.QUALIFIED)
    assert (made.at, made.dims.queue, made.dims.rep) == (MONDAY + timedelta(seconds=120), "closing/uk", "rep_ann")
    assert (accepted.at, accepted.dims.rep) == (MONDAY + timedelta(seconds=400), "rep_bob")


@pytest.mark.parametrize(("planned", "counts_at"), [(500, 500), (900, 600)])
def test_a_meeting_counts_at_its_time_or_when_told_if_sooner(planned: float, counts_at: float) -> None:
    assert only(closing().meeting(seconds=600, planned=planned), K.MET_FACE_TO_FACE).at == MONDAY + timedelta(
        seconds=counts_at
    )


def test_a_held_meeting_is_a_first_attempt_and_a_first_conversation() -> None:
    tale = enquiry().created(qualified_by="auto").queued("closing/uk").claimed().meeting(seconds=600, planned=500)
    assert only(tale, K.ATTEMPTED).at == only(tale, K.CONVERSED).at == MONDAY + timedelta(seconds=500)
    assert clocks(tale)[ClockName.CAPTURED_CONVERSATION] == 500_000


def test_a_win_counts_at_its_own_time_with_its_worth() -> None:
    fact = only(closing().won(seconds=900, at=850, amount=1250000), K.WON)
    assert fact.at == MONDAY + timedelta(seconds=850)
    assert fact.value is not None
    assert (fact.value.amount, fact.value.currency) == (1250000, "GBP")


def test_a_lead_closes_under_the_queue_where_it_was_and_who_held_it() -> None:
    fact = only(enquiry().claimed().attempted().closed(), K.DISQUALIFIED)
    assert (fact.dims.queue, fact.dims.rep) == ("inbound/main", "rep_ann")


@pytest.mark.parametrize(("event", "more"), [(ItemExpired, {}), (ItemDeferred, {"due_at": MONDAY})])
def test_a_lead_that_nobody_holds_closes_under_nobody(event: type, more: dict[str, object]) -> None:
    tale = enquiry().claimed().item(event, seconds=900, **more)
    tale.rep = None
    assert only(tale.closed(), K.DISQUALIFIED).dims.rep is None


def test_by_cohort_a_lead_stands_under_its_first_queue_segment_and_holder() -> None:
    known, _ = fold(enquiry(segment="smb").claimed("rep_ann").queued("inbound/de", cause="requeue").claimed("rep_cy"))
    assert known.first == Dims("inbound", "web", "inbound/main", "smb", "rep_ann")


def test_a_lead_knows_each_desk_where_it_had_a_place() -> None:
    assert fold(closing())[0].desks == {"inbound", "closing"}


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_the_clocks_of_a_hand_raiser() -> None:
    tale = Tale().received(occurred=-2).decided().queued(seconds=0.2).claimed().attempted(seconds=94)
    assert clocks(tale) == {
        ClockName.CAPTURED_ATTEMPT: 94_000,
        ClockName.CAPTURED_CONVERSATION: None,
        ClockName.CAPTURED_PULLABLE: 200,
        ClockName.OCCURRED_RECEIVED: 2_000,
    }


def test_a_sender_whose_clock_is_ahead_makes_no_negative_wait() -> None:
    assert clocks(Tale().received(occurred=30).decided())[ClockName.OCCURRED_RECEIVED] == 0


def test_the_response_clocks_count_under_the_first_queue_and_holder_and_know_the_first_due_time() -> None:
    tale = enquiry(due=300).claimed().queued("inbound/de", seconds=60, due=900).claimed("rep_cy", seconds=90)
    timing = next(t for t in timings_of(fold(tale)[0]) if t.clock == ClockName.CAPTURED_ATTEMPT)
    assert (timing.at, timing.due_at) == (MONDAY, MONDAY + timedelta(seconds=300))
    assert (timing.dims.queue, timing.dims.rep) == ("inbound/main", "rep_ann")


NOT_DUE = [
    ("a prospect", Tale().received(direction="outbound").decided("outbound/main").queued("outbound/main")),
    ("of a list", Tale().received(list=True).decided().queued()),
    ("rejected", Tale().received().decided(None, action="reject").rejected()),
    ("merged", Tale().received().decided(None, action="merge").merged(2)),
    ("put to sleep by a rule", Tale().received().decided(None, action="nurture").nurtured()),
    (
        "put to sleep by a rule, and woken",
        Tale().received().decided(None, action="nurture").nurtured().decided(seconds=99).queued(seconds=99),
    ),
    ("a test", Tale(test=True).enquiry()),
]


@pytest.mark.parametrize("tale", [row[1] for row in NOT_DUE], ids=[row[0] for row in NOT_DUE])
def test_nobody_is_due_to_answer(tale: Tale) -> None:
    assert clocks(tale) == {}


def test_a_lead_that_a_rep_put_to_sleep_was_due_all_the_same_even_if_a_rule_does_so_again() -> None:
    tale = enquiry().claimed().attempted().nurtured(seconds=99).decided(None, action="nurture", seconds=9999)
    assert clocks(tale)[ClockName.CAPTURED_ATTEMPT] == 60_000


def test_a_closed_lead_that_nobody_answered_waits_for_ever() -> None:
    assert clocks(enquiry().closed())[ClockName.CAPTURED_ATTEMPT] is None


def test_the_hand_over_clock_runs_from_the_making_to_the_closers_first_conversation() -> None:
    tale = closing()
    assert clocks(tale)[ClockName.QUALIFIED_CONVERSATION] is None
    tale.attempted("voicemail", seconds=310).attempted("conversation", seconds=420).attempted(
        "conversation", seconds=500
    )
    assert clocks(tale)[ClockName.QUALIFIED_CONVERSATION] == 300_000
    timing = next(t for t in timings_of(fold(tale)[0]) if t.clock == ClockName.QUALIFIED_CONVERSATION)
    assert timing.at == MONDAY + timedelta(seconds=120)
    assert timing.dims == Dims("inbound", "web", "closing/uk", None, "rep_bob")


def test_a_held_meeting_ends_the_hand_over_clock() -> None:
    assert clocks(closing().meeting(seconds=600, planned=500))[ClockName.QUALIFIED_CONVERSATION] == 380_000


def test_a_meeting_that_is_said_to_have_been_before_there_was_a_lead_makes_no_negative_wait() -> None:
    tale = Tale().received().decided("closing/uk").created(qualified_by="auto", seconds=0.05).queued("closing/uk")
    took = clocks(tale.claimed("rep_bob").meeting(seconds=600, planned=-56 * 365 * 86400))
    assert took[ClockName.CAPTURED_ATTEMPT] == took[ClockName.CAPTURED_CONVERSATION] == 0
    assert took[ClockName.QUALIFIED_CONVERSATION] == 0


def test_each_opportunity_has_its_own_hand_over_clock() -> None:
    tale = Tale().received(direction="outbound").created(1, seconds=100).created(2, seconds=200)
    assert [t.at - MONDAY for t in timings_of(fold(tale)[0])] == [timedelta(seconds=100), timedelta(seconds=200)]


# --- resubmissions ----------------------------------------------------------------------------------------------------


def resubmitted(seconds: float, n: int = 2) -> Known:
    tale = Tale(n, start=MONDAY + timedelta(seconds=seconds))
    return fold(tale.received(source="fair").decided(None, action="merge").merged(1))[0]


def took(resubmission: Known, root: Tale) -> list[int | None]:
    return [timing.took_ms for timing in restarted(fold(root)[0], [resubmission])]


def test_merged_before_an_attempt_it_starts_no_clock() -> None:
    assert took(resubmitted(30), enquiry().claimed()) == []
    assert took(resubmitted(30), enquiry().claimed().attempted(seconds=60)) == []


def test_merged_after_an_attempt_it_waits_from_its_own_captured_to_the_next() -> None:
    root = enquiry().claimed().attempted(seconds=60)
    assert took(resubmitted(100), root) == [None, None]
    root.attempted("voicemail", seconds=130)
    assert took(resubmitted(100), root) == [30_000, None]
    root.attempted("conversation", seconds=160)
    assert took(resubmitted(100), root) == [30_000, 60_000]


def test_an_attempt_at_the_very_moment_was_before_it() -> None:
    root = enquiry().claimed().attempted(seconds=100)
    assert took(resubmitted(100), root) == [None, None]
    assert took(resubmitted(99.999), root) == []


def test_it_counts_at_its_own_time_and_source_under_the_roots_queue_and_holder() -> None:
    timing, _ = restarted(fold(enquiry().claimed().attempted())[0], [resubmitted(100)])
    assert timing.lead == lead_id(2)
    assert timing.at == MONDAY + timedelta(seconds=100)
    assert timing.dims == Dims("inbound", "fair", "inbound/main", None, "rep_ann")


def test_only_a_hand_raisers_resubmission_restarts_the_clock_and_only_of_the_lead_it_was_merged_into() -> None:
    root = fold(enquiry().claimed().attempted())[0]
    again = resubmitted(100)
    assert list(restarted(root, [again]))
    for other in ({"hand_raiser": False}, {"test": True}, {"merged_into": lead_id(9)}):
        assert not list(restarted(root, [replace(again, **other)]))


UNTIMED = [
    ("put to sleep by a rule", Tale().received().decided(None, action="nurture").nurtured()),
    ("of a list", Tale().received(list=True).decided().queued()),
    ("a prospect", Tale().received(direction="outbound").decided("outbound/main").queued("outbound/main")),
]


@pytest.mark.parametrize("tale", [row[1] for row in UNTIMED], ids=[row[0] for row in UNTIMED])
def test_where_nobody_was_due_to_answer_the_first_to_raise_a_hand_starts_the_clock(tale: Tale) -> None:
    root = fold(tale)[0]
    first, second = resubmitted(100), resubmitted(200, n=3)
    started = list(restarted(root, [second, first]))
    assert [(each.lead, each.took_ms) for each in started] == [(first.lead, None)] * 2
    answered = replace(root, tries=(Try(MONDAY + timedelta(seconds=230), conversation=False),))
    assert [each.took_ms for each in restarted(answered, [second, first])] == [130_000, None]
    third = resubmitted(300, n=4)
    assert [each.lead for each in restarted(answered, [third, second, first])] == [first.lead] * 2 + [third.lead] * 2


def test_of_a_root_that_is_not_told_of_yet_it_is_not_known_whether_its_clock_runs() -> None:
    assert not list(restarted(Known(lead_id(1)), [resubmitted(100)]))


# --- the catalogue ----------------------------------------------------------------------------------------------------


def test_each_kind_of_fact_is_counted_somewhere_and_has_a_bit_of_its_own() -> None:
    assert set().union(*(count.of for count in COUNTS)) == set(FactKind)
    assert len(set(BIT.values())) == len(FactKind)
    assert all(step in {count.metric for count in COUNTS} for step in STEPS)
    assert sum(BIT.values()) < 1 << 31, "it is stored as an integer"


def test_what_a_customer_counts_for_goes_with_a_win_that_was_a_mistake() -> None:
    tale = closing().won().sold().deployed().expanded().renewed().churned()
    assert {"won", "deployed", "expanded", "renewed", "churned"} <= {*kinds(tale)}
    tale.corrected(seconds=7000).voided(seconds=7000)
    known, facts = fold(tale)
    assert sorted(kind for _, kind in facts) == BEFORE
    assert known.reached == {FactKind(kind) for kind in BEFORE}


def test_a_win_that_is_corrected_counts_as_what_it_is() -> None:
    assert kinds(closing().won().corrected(to="open")) == BEFORE
    assert kinds(closing().won().corrected(to="lost")) == sorted([*BEFORE, "lost"])
    assert only(closing().won().corrected(to="won", amount=5), K.WON).value == Money(amount=5, currency="GBP")
    assert kinds(closing().lost().corrected(was="lost", to="won")) == sorted([*BEFORE, "won"])


def test_what_the_closer_gives_back_is_not_qualified_until_it_is_again() -> None:
    refused = closing().refused()
    assert "qualified" not in kinds(refused)
    assert kinds(refused.created(2, seconds=900)).count("qualified") == 1


def test_what_is_parted_or_released_is_a_lead_again() -> None:
    assert kinds(Tale().received().merged(2)) == ["merged", "submission"]
    assert kinds(Tale().received().merged(2).unmerged()) == ["lead", "submission"]
    assert kinds(Tale().received().rejected().routed_again()) == ["lead", "submission"]
