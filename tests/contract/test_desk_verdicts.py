"""Opportunities as a whole: accepted, rejected to their qualifier, reopened, corrected."""

from typing import Any

import pytest
from kit.desks import GBP, POLICY, Caller, Desks, Hold, mistakes, ok, refused
from kit.floor import settle
from sqlalchemy import select

from services.store import tables as t
from services.worker import due

NOT_A_FIT = {"reason": "not_a_fit", "note": "they lease"}
LESS = {"amount": 100, "currency": "GBP"}


async def qualified(desks: Desks) -> tuple[Caller, Hold]:
    """Who qualified it, and its closer's hold; the enquiry is a day old."""
    ann, bob = await desks.rep("inbound/main", name="Ann"), await desks.rep("closing/uk", name="Bob")
    await desks.lead()
    desks.later(days=1)
    await (await ann.take("inbound")).qualify()
    desks.later(hours=1)
    return ann, await bob.take("closing")


async def made_by_a_rule(desks: Desks) -> Hold:
    bob = await desks.rep("closing/uk", name="Bob")
    await desks.lead("buy")
    return await bob.take("closing")


async def state_of(desks: Desks, hold: Hold) -> str:
    return str((await desks.row(t.opportunities, hold.opportunity))["state"])


# --- accepted, rejected ----------------------------------------------------------------------------------------------


async def test_it_is_accepted_once_somebody_has_talked_with_them(desks: Desks) -> None:
    _, hold = await qualified(desks)
    mo = await desks.manager("closing")
    path = f"/v1/opportunities/{hold.opportunity}/accept"
    refused(await hold.deal("accept", {}), 409, "wrong_state", state="qualified")
    await hold.attempt("voicemail")
    refused(await hold.deal("accept", {}), 409, "wrong_state", state="attempt")
    refused(await hold.rep.post(path), 428, "claim_token_required")
    await hold.attempt("conversation")
    said = ok(await hold.deal("accept", {}))["opportunity"]
    assert (said["state"], said["accepted_at"] is not None) == ("open", True)
    desks.later(minutes=1)
    for again in (await hold.deal("accept", {}), await mo.post(path)):
        assert ok(again)["opportunity"]["accepted_at"] == said["accepted_at"]
    assert len(await desks.told(hold.lead, "opportunity.accepted")) == 1
    refused(await hold.deal("reject", NOT_A_FIT), 409, "wrong_state", state="accepted")
    ok(await hold.act("return", {"reason": "no_capacity"}))
    refused(await mo.post(path), 409, "not_claimed", state="parked")


async def test_rejected_it_is_its_qualifiers_again_as_what_it_was_and_as_old(desks: Desks) -> None:
    ann, hold = await qualified(desks)
    other = await desks.rep("inbound/main")
    enquiry = (await desks.routing.rows(select(t.items).where(t.items.c.lead_id == hold.lead).order_by(t.items.c.id)))[
        0
    ]
    refused(await hold.deal("reject", NOT_A_FIT), 409, "wrong_state", state="qualified")
    await hold.attempt("conversation")
    assert mistakes(await hold.deal("reject", {"reason": "price"})) == [("#/reason", "not_allowed")]
    asked = ok(await hold.deal("tasks", {"kind": "quote", "summary": "40 vans"}), 201)
    said = ok(await hold.deal("reject", NOT_A_FIT))["opportunity"]
    assert (said["state"], said["reason"], said["accepted_at"]) == ("rejected", "not_a_fit", None)
    assert (await desks.row(t.tasks, asked["id"]))["state"] == "cancelled"
    assert ok(await hold.deal("reject", NOT_A_FIT))["opportunity"] == said
    refused(await hold.deal("reject", {"reason": "no_need"}), 409, "already_closed", state="rejected")
    refused(await hold.deal("won", {"value": GBP}), 409, "already_closed", state="rejected")
    lead = await desks.lead_row(hold.lead)
    assert (lead["state"], lead["queue"], lead["opportunity_id"]) == ("queued", "inbound/main", None)
    item = await desks.item_of(hold.lead)
    for name in ("kind", "queue", "queued_at", "rank_at", "priority"):
        assert item[name] == enquiry[name], name
    assert (await other.pull("inbound")).status_code == 204
    again = await ann.take("inbound")
    assert (again.item, again.said["claim"]["exception"]) == (item["id"], "continuity")
    assert (await desks.told(hold.lead, "item.queued"))[-1]["cause"] == "reject"
    (told,) = await desks.told(hold.lead, "opportunity.rejected")
    assert (told["reason"], told["actor"]["id"]) == ("not_a_fit", hold.rep.id)
    assert any(entry["note"] == "they lease" for entry in again.said["item"]["history"])
    assert "they lease" not in str(await desks.routing.events(hold.lead))
    made = await again.qualify()
    assert made["opportunity_id"] != hold.opportunity


async def test_what_a_rule_made_goes_to_the_fallback_as_old_as_it_is(desks: Desks) -> None:
    hold = await made_by_a_rule(desks)
    mo = await desks.manager()
    was = await desks.item_of(hold.lead)
    await hold.attempt("conversation")
    ok(await mo.post(f"/v1/opportunities/{hold.opportunity}/reject", NOT_A_FIT))
    item = await desks.item_of(hold.lead)
    assert (item["kind"], item["queue"], item["queued_at"]) == ("enquiry", "inbound/main", was["queued_at"])
    assert item["reserved_for"] is None
    assert (await (await desks.rep("inbound/main")).take("inbound")).lead == hold.lead


async def test_where_nobody_qualifies_nothing_is_rejected(desks: Desks) -> None:
    hold = await made_by_a_rule(desks)
    await hold.attempt("conversation")
    await desks.routing.publish(POLICY.replace("{inbound: inbound/main,", "{inbound: closing/uk,"))
    refused(await hold.deal("reject", NOT_A_FIT), 409, "wrong_state", state="conversation")
    assert await state_of(desks, hold) == "open"


# --- reopened --------------------------------------------------------------------------------------------------------


async def test_who_lost_it_opens_it_again_without_a_token_and_a_manager_may(desks: Desks) -> None:
    hold = await made_by_a_rule(desks)
    other, mo = await desks.rep("closing/uk"), await desks.manager("closing")
    path = f"/v1/opportunities/{hold.opportunity}/reopen"
    refused(await mo.post(path), 409, "wrong_state", state="open")
    ok(await hold.deal("lost", {"reason": "timing"}))
    refused(await other.post(path), 404, "not_found")
    said = ok(await hold.rep.post(path))["opportunity"]
    assert (said["state"], said["reason"], said["closed_at"]) == ("open", None, None)
    refused(await hold.rep.post(path), 404, "not_found")
    (told,) = await desks.told(hold.lead, "opportunity.reopened")
    assert told["actor"]["id"] == hold.rep.id
    assert (await other.pull("closing")).status_code == 204
    again = await hold.rep.take("closing")
    assert (again.opportunity, again.said["claim"]["exception"]) == (hold.opportunity, "continuity")
    ok(await mo.post(f"/v1/opportunities/{hold.opportunity}/lost", {"reason": "price"}))
    refused(await hold.rep.post(path), 404, "not_found")
    refused(await again.rep.post(path, token=again.token), 404, "not_found")
    assert ok(await mo.post(path))["opportunity"]["state"] == "open"
    assert (await desks.lead_row(hold.lead))["state"] == "queued"
    ok(await (await hold.rep.take("closing")).deal("won", {"value": GBP}))
    refused(await mo.post(path), 409, "already_closed", state="won")


async def test_on_its_date_a_lost_one_opens_by_itself(desks: Desks) -> None:
    hold = await made_by_a_rule(desks)
    ok(await hold.deal("lost", {"reason": "timing", "reopen_after": "2026-07-08"}))
    desks.later(days=1, hours=12)
    await settle(due.duty(desks.edge))
    assert await state_of(desks, hold) == "lost"
    desks.later(hours=3)
    await settle(due.duty(desks.edge))
    assert await state_of(desks, hold) == "open"
    assert (await hold.rep.take("closing")).said["claim"]["exception"] == "continuity"


async def test_who_can_be_reached_on_no_channel_is_not_opened_again(desks: Desks) -> None:
    hold = await made_by_a_rule(desks)
    await hold.attempt("opt_out", suppress="all")
    mo = await desks.manager()
    for what, body in (("reopen", {}), ("correct", {"state": "open"})):
        refused(await mo.post(f"/v1/opportunities/{hold.opportunity}/{what}", body), 409, "wrong_state", state="lost")


# --- corrected -------------------------------------------------------------------------------------------------------


async def test_a_win_that_was_none_is_open_again_and_its_customer_void(desks: Desks) -> None:
    hold = await made_by_a_rule(desks)
    mo, eve = await desks.manager("closing"), await desks.rep("customer/main")
    customer = ok(await hold.deal("won", {"value": GBP}))["customer_id"]
    care = await eve.take("customer")
    path = f"/v1/opportunities/{hold.opportunity}/correct"
    body = {"state": "open", "value": None, "reason": None, "note": "the order was for another firm"}
    refused(await hold.rep.post(path, body), 403, "forbidden")
    refused(await (await desks.manager("inbound")).post(path, body), 404, "not_found")
    said = ok(await mo.post(path, body))["opportunity"]
    assert (said["state"], said["value"], said["closed_at"], said["customer_id"]) == ("open", None, None, None)
    told = await desks.told(hold.lead)
    assert ok(await mo.post(path, body))["opportunity"] == said
    assert await desks.told(hold.lead) == told
    assert ok(await mo.get(f"/v1/customers/{customer}"))["state"] == "void"
    refused(await care.act("heartbeat"), 409, "claim_closed", state="completed")
    lead = await desks.lead_row(hold.lead)
    assert (lead["state"], lead["outcome"], lead["customer_id"]) == ("queued", None, None)
    assert not {"won", "lost"} & set(lead["milestones"])
    (event,) = await desks.told(hold.lead, "opportunity.corrected")
    assert (event["from"], event["to"], event["value"]) == ("won", "open", None)
    assert "another firm" not in str(await desks.routing.events(hold.lead))
    again = await hold.rep.take("closing")
    won = ok(await again.deal("won", {"value": LESS}))
    assert won["customer_id"] != customer


@pytest.mark.parametrize(
    ("before", "first", "body", "state", "outcome"),
    [
        ("won", {"value": GBP}, {"state": "lost", "reason": "no_decision"}, "lost", "lost"),
        ("lost", {"reason": "price"}, {"state": "won", "value": GBP}, "won", "won"),
        ("lost", {"reason": "price"}, {"state": "lost", "reason": "timing"}, "lost", "lost"),
        ("won", {"value": GBP}, {"state": "won", "value": LESS}, "won", "won"),
    ],
)
async def test_it_is_corrected_to_what_it_is(
    desks: Desks, before: str, first: dict[str, Any], body: dict[str, Any], state: str, outcome: str
) -> None:
    hold = await made_by_a_rule(desks)
    mo = await desks.manager()
    ok(await hold.deal(before, first))
    had = (await desks.row(t.opportunities, hold.opportunity))["customer_id"]
    desks.later(hours=1)
    said = ok(await mo.post(f"/v1/opportunities/{hold.opportunity}/correct", body))["opportunity"]
    assert (said["state"], said["value"], said["reason"]) == (state, body.get("value"), body.get("reason"))
    assert (said["accepted_at"] is not None) == ("won" in (before, state))
    lead = await desks.lead_row(hold.lead)
    assert (lead["state"], lead["outcome"], lead["customer_id"]) == ("closed", outcome, said["customer_id"])
    assert (state in lead["milestones"], before in lead["milestones"]) == (True, before == state)
    customers = await desks.routing.rows(select(t.customers))
    states = [(row["state"], row["value_amount"]) for row in customers]
    if state == "won":
        assert states == [("onboarding", body["value"]["amount"])]
        assert said["customer_id"] == (had or customers[0]["id"])
        assert customers[0]["closer"] == hold.rep.id
    else:
        assert states == ([("void", GBP["amount"])] if before == "won" else [])


async def test_a_correction_says_what_its_state_needs_and_no_more(desks: Desks) -> None:
    hold = await made_by_a_rule(desks)
    mo = await desks.manager()
    path = f"/v1/opportunities/{hold.opportunity}/correct"
    for body, wrong in (
        ({"state": "won"}, [("#/value", "required")]),
        ({"state": "lost"}, [("#/reason", "required")]),
        ({"state": "lost", "reason": "no_need"}, [("#/reason", "not_allowed")]),
        ({"state": "rejected"}, [("#/state", "not_allowed")]),
        ({}, [("#/state", "required")]),
    ):
        assert mistakes(await mo.post(path, body)) == wrong, body
    refused(await mo.post(path, {"state": "open", "value": GBP}), 422, "invalid")
    await hold.attempt("conversation")
    ok(await hold.deal("reject", NOT_A_FIT))
    refused(await mo.post(path, {"state": "open"}), 409, "already_closed", state="rejected")


async def test_what_is_open_is_corrected_to_won_though_nobody_holds_it(desks: Desks) -> None:
    lead = await desks.lead("visit")
    mo = await desks.manager()
    deal = (await desks.item_of(lead))["opportunity_id"]
    said = ok(await mo.post(f"/v1/opportunities/{deal}/correct", {"state": "won", "value": GBP}))["opportunity"]
    assert (said["state"], said["value"]) == ("won", GBP)
    states = {row["kind"]: row["state"] for row in await desks.routing.rows(select(t.items))}
    assert states == {"opportunity": "cancelled", "customer": "queued"}
    assert (await desks.lead_row(lead))["outcome"] == "won"
