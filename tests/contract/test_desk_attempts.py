"""Attempts: what is recorded, what comes after, promises, opting out."""

import asyncio
from typing import Any

import pytest
from kit.desks import GBP, Desks, mistakes, ok, refused
from sqlalchemy import select

from services.store import tables as t


async def test_an_attempt_is_answered_with_itself_and_what_it_left(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    desks.later(minutes=3)
    said = await hold.attempt("no_answer", note="rang twice", evidence="https://calls.example.com/1")
    assert {name: said[name] for name in said if name not in ("id", "item", "claim")} == {
        "channel": "phone",
        "outcome": "no_answer",
        "at": "2026-07-06T09:03:00.001Z",
        "note": "rang twice",
        "next_at": None,
        "promise": False,
        "evidence": "https://calls.example.com/1",
        "first": True,
        "first_conversation": False,
    }
    assert (said["claim"]["state"], said["claim"]["expires_at"]) == ("active", "2026-07-06T09:18:00.001Z")
    assert said["item"]["history"][-1] == {
        "at": "2026-07-06T09:03:00.001Z",
        "what": "item.attempted",
        "by": ann.id,
        "note": "rang twice",
    }
    (told,) = await desks.told(lead, "item.attempted")
    assert (told["attempt_id"], told["rep_id"], told["claim_id"]) == (said["id"], ann.id, hold.claim)
    assert "rang" not in str(told)


async def test_the_first_of_any_outcome_and_the_first_conversation_are_milestones(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    marks = []
    for outcome in ("voicemail", "not_now", "conversation"):
        desks.later(minutes=1)
        said = await hold.attempt(outcome)
        marks.append((said["first"], said["first_conversation"]))
    assert marks == [(True, False), (False, True), (False, False)]
    milestones = (await desks.lead_row(lead))["milestones"]
    assert (milestones["attempt"], milestones["conversation"]) == (
        "2026-07-06T09:01:00.001Z",
        "2026-07-06T09:02:00.001Z",
    )


async def test_an_attempt_counts_when_it_was_made(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    desks.later(minutes=10)
    said = await hold.attempt("conversation", at="2026-07-06T10:04:00+01:00")
    assert said["at"] == "2026-07-06T09:04:00.000Z"
    assert (await desks.told(lead, "item.attempted"))[0]["attempted_at"] == "2026-07-06T09:04:00.000Z"
    assert (await desks.lead_row(lead))["milestones"]["conversation"] == "2026-07-06T09:04:00.000Z"


MISTAKEN: list[tuple[dict[str, Any], list[Any]]] = [
    ({}, [("#/channel", "required"), ("#/outcome", "required")]),
    ({"channel": "fax", "outcome": "busy"}, [("#/channel", "not_allowed"), ("#/outcome", "not_allowed")]),
    ({"at": "2026-07-06T08:59:59Z"}, [("#/at", "out_of_range")]),
    ({"at": "2026-07-06T09:06:10Z"}, [("#/at", "in_future")]),
    ({"at": "yesterday"}, [("#/at", "invalid_time")]),
    ({"next_at": "2026-07-06T09:05:00Z"}, [("#/next_at", "out_of_range")]),
    ({"promise": True}, [("#/next_at", "required")]),
    ({"promise": True, "next_at": None}, [("#/next_at", "required")]),
    ({"note": "x" * 2001, "evidence": 7}, [("#/note", "too_long"), ("#/evidence", "wrong_type")]),
    ({"suppress": "all"}, [("#/suppress", "not_allowed")]),
    ({"outcome": "opt_out", "suppress": "email"}, [("#/suppress", "not_allowed")]),
    ({"outcome": "opt_out", "next_at": "2026-07-07T09:00:00Z"}, [("#/next_at", "not_allowed")]),
    ({"outcom": "conversation"}, [("#/outcom", "unknown_field")]),
]


async def test_a_mistaken_attempt_is_refused(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    desks.later(minutes=5)
    for body, wrong in MISTAKEN:
        whole = {"channel": "phone", "outcome": "no_answer", **body} if body else {}
        assert mistakes(await hold.act("attempts", whole)) == wrong, body
    assert not await desks.told(lead, "item.attempted")


async def test_a_clock_a_little_ahead_is_now(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    desks.later(minutes=5)
    assert (await hold.attempt(at="2026-07-06T09:05:50Z"))["at"] == "2026-07-06T09:05:00.001Z"


async def test_with_a_next_time_that_is_no_promise_it_sleeps_until_then_for_anyone(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    said = await hold.attempt("voicemail", next_at="2026-07-06T14:00:00Z")
    assert (said["claim"]["state"], said["item"]["state"], said["item"]["next_at"]) == (
        "deferred",
        "snoozed",
        "2026-07-06T14:00:00.000Z",
    )
    assert (await desks.told(lead))[-2:] == ["item.attempted", "item.deferred"]
    assert (await desks.lead_row(lead))["state"] == "queued"
    assert (await bob.pull("inbound")).status_code == 204
    refused(await hold.act("heartbeat"), 409, "claim_closed", state="deferred")


async def test_with_a_promise_the_claim_stays_until_it_is_overdue_by_the_grace(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    said = await hold.attempt("callback", next_at="2026-07-06T14:00:00Z", promise=True)
    assert (said["claim"]["state"], said["claim"]["expires_at"]) == ("active", "2026-07-06T14:15:00.000Z")
    assert said["item"]["next_step"]["promise"] is True
    (promised,) = await desks.told(lead, "item.promised")
    assert promised["due_at"] == "2026-07-06T14:00:00.000Z"


async def test_an_attempt_within_a_quarter_of_an_hour_keeps_a_promise_and_does_what_was_next(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    await hold.attempt("callback", next_at="2026-07-06T10:00:00Z", promise=True)
    desks.later(hours=1, minutes=14)
    said = await hold.attempt("conversation")
    assert said["item"]["next_step"] is None
    assert said["claim"]["expires_at"] == "2026-07-06T10:29:00.001Z"
    (kept,) = await desks.told(lead, "item.promise_kept")
    assert kept["due_at"] == "2026-07-06T10:00:00.000Z"
    assert not await desks.told(lead, "item.promise_broken")


async def test_a_promise_kept_early_stands_until_its_time_and_is_told_once(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    await hold.attempt("callback", next_at="2026-07-06T10:00:00Z", promise=True)
    desks.later(minutes=20)
    said = await hold.attempt("no_answer")
    assert said["item"]["next_step"]["promise"] is True
    desks.later(minutes=41)
    assert ok(await ann.pull("inbound"))["why"] == "promise_due"
    await hold.attempt("conversation")
    assert len(await desks.told(lead, "item.promise_kept")) == 1
    assert not await desks.told(lead, "item.promise_broken")


async def test_a_promise_not_kept_in_time_is_broken_whoever_finds_it_first(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    await hold.attempt("callback", next_at="2026-07-06T10:00:00Z", promise=True)
    desks.later(hours=1, minutes=16)
    await hold.attempt("conversation")
    (broken,) = await desks.told(lead, "item.promise_broken")
    assert broken["due_at"] == "2026-07-06T10:00:00.000Z"
    assert not await desks.told(lead, "item.promise_kept")


async def test_a_promise_replaced_in_time_is_neither_kept_nor_broken(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    lead = await desks.lead("buy")
    hold = await bob.take("closing")
    step = {"what": "ring her", "at": "2026-07-06T10:00:00Z", "side": "ours", "promise": True}
    ok(await hold.act("next-step", step))
    ok(await hold.act("next-step", {**step, "at": "2026-07-07T10:00:00Z"}))
    desks.later(days=1, hours=1, minutes=5)
    assert ok(await bob.pull("closing"))["why"] == "promise_due"
    await hold.attempt("conversation")
    assert [each["due_at"] for each in await desks.told(lead, "item.promise_kept")] == ["2026-07-07T10:00:00.000Z"]
    assert not await desks.told(lead, "item.promise_broken")


async def test_a_first_attempt_at_an_opportunity_has_the_queues_next_step(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    await desks.lead("buy")
    hold = await bob.take("closing")
    said = await hold.attempt("no_answer")
    assert said["item"]["next_step"] == {
        "what": "follow_up",
        "at": "2026-07-08T09:00:00.001Z",
        "side": "ours",
        "promise": False,
    }
    assert said["claim"]["state"] == "active"
    desks.later(minutes=5)
    again = await hold.attempt("no_answer")
    assert again["item"]["next_step"] == said["item"]["next_step"]
    named = await hold.attempt("conversation", next_at="2026-07-07T10:00:00Z")
    assert named["item"]["next_step"]["at"] == "2026-07-07T10:00:00.000Z"
    assert named["item"]["opportunity"]["stage"] == "conversation"


async def test_an_attempt_does_a_next_step_whose_time_has_come(desks: Desks) -> None:
    bob = await desks.rep("closing/field")
    await desks.lead("visit")
    hold = await bob.take("closing")
    await hold.attempt("no_answer", next_at="2026-07-06T10:00:00Z")
    desks.later(hours=2)
    said = await hold.attempt("no_answer")
    assert (said["item"]["next_step"], said["claim"]["expires_at"]) == (None, "2026-07-06T15:00:00.001Z")


@pytest.mark.parametrize("everywhere", [False, True])
async def test_opting_out_ends_an_enquiry_and_suppresses_the_person(desks: Desks, everywhere: bool) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead(email="gone@example.com", phone="+442079460123")
    hold = await ann.take("inbound")
    more = {"suppress": "all"} if everywhere else {}
    said = await hold.attempt("opt_out", **more)
    assert (said["item"]["state"], said["claim"]["state"]) == ("done", "completed")
    assert said["item"]["channels"] == ([] if everywhere else ["sms", "email"])
    row = await desks.lead_row(lead)
    assert (row["state"], row["outcome"], row["reason"]) == ("closed", "disqualified", "opted_out")
    assert (await desks.told(lead, "item.completed"))[0]["reason"] == "opted_out"
    again = await desks.lead_row(await desks.lead(email="Gone@example.com", phone="+442079460123"))
    assert again["state"] == ("rejected" if everywhere else "queued")


async def test_opting_out_loses_an_opportunity(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    lead = await desks.lead("buy")
    hold = await bob.take("closing")
    await hold.attempt("opt_out", suppress="all")
    deal = await desks.row(t.opportunities, hold.opportunity)
    assert (deal["state"], deal["reason"], deal["reopen_after"]) == ("lost", "opted_out", None)
    row = await desks.lead_row(lead)
    assert (row["state"], row["outcome"], row["reason"]) == ("closed", "disqualified", "opted_out")


async def test_opting_out_of_what_has_no_suppression_of_its_own_is_out_of_all(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    said = ok(await hold.act("attempts", {"channel": "in_person", "outcome": "opt_out"}), 201)
    assert said["item"]["channels"] == []


async def test_a_customer_who_opts_out_stays_a_customer_without_anybodys_item(desks: Desks) -> None:
    bob, eve = await desks.rep("closing/uk"), await desks.rep("customer/main")
    lead = await desks.lead("buy")
    deal = await bob.take("closing")
    ok(await deal.deal("won", {"value": {"amount": 1, "currency": "GBP"}}))
    hold = await eve.take("customer")
    said = await hold.attempt("opt_out", suppress="all")
    assert (said["item"]["state"], said["item"]["customer"]["state"]) == ("done", "onboarding")
    row = await desks.lead_row(lead)
    assert (row["state"], row["outcome"]) == ("closed", "won")
    assert len(await desks.routing.rows(select(t.suppressions))) == 1


async def test_an_opt_out_waits_for_the_persons_other_leads_before_it_locks_its_own(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("closing/uk", "customer/main")
    await desks.lead("buy", email="lee@example.com")
    ok(await (await bob.take("closing")).deal("won", {"value": GBP}))
    await desks.lead(email="lee@example.com")
    holds = [await ann.take("inbound"), await bob.take("customer")]
    first, last = sorted(holds, key=lambda hold: hold.lead)
    async with desks.edge.database.tx() as tx:
        await tx.fetch(select(t.leads).where(t.leads.c.id == first.lead).with_for_update())
        opting = asyncio.create_task(
            last.act("attempts", {"channel": "phone", "outcome": "opt_out", "suppress": "all"})
        )
        await desks.routing.until_blocked(opting)
        assert not opting.done()
        await tx.fetch(select(t.leads).where(t.leads.c.id == last.lead).with_for_update(nowait=True))
    ok(await opting, 201)
    assert (await desks.row(t.items, first.item))["state"] == "cancelled"
