"""Opportunities: meetings, proposals, won, lost; who may, and what a closed one answers."""

from typing import Any

import pytest
from kit.desks import GBP, Desks, Hold, mistakes, ok, refused
from sqlalchemy import select

from services import policies
from services.store import opportunities
from services.store import tables as t
from services.store.story import telling

WRITES: list[tuple[str, dict[str, Any], int]] = [
    ("meetings", {"at": "2026-07-08T10:00:00Z", "mode": "in_person"}, 201),
    ("proposal-requests", {"note": None}, 201),
    ("proposals", {"value": GBP}, 201),
    ("won", {"value": GBP}, 200),
    ("lost", {"reason": "price"}, 200),
]
PARTS = WRITES[:3]


async def deal_of(desks: Desks, intent: str = "buy", queue: str = "closing/uk") -> Hold:
    """An opportunity in somebody's hand."""
    bob = await desks.rep(queue)
    await desks.lead(intent)
    return await bob.take("closing")


async def test_the_holder_writes_with_the_token_and_a_manager_without(desks: Desks) -> None:
    hold = await deal_of(desks)
    other, mo, elsewhere = await desks.rep("closing/uk"), await desks.manager("closing"), await desks.manager("inbound")
    for what, body, _ in WRITES:
        path = f"/v1/opportunities/{hold.opportunity}/{what}"
        refused(await hold.rep.post(path, body), 428, "claim_token_required")
        refused(await hold.rep.post(path, body, token=9), 409, "claim_lost", state="active")
        refused(await other.post(path, body, token=1), 404, "not_found")
        refused(await elsewhere.post(path, body), 404, "not_found")
        refused(await mo.post(f"/v1/opportunities/opp_{'0' * 26}/{what}", body), 404, "not_found")
    assert (await desks.row(t.opportunities, hold.opportunity))["stage"] == "qualified"
    for what, body, status in WRITES[:-1]:
        ok(await mo.post(f"/v1/opportunities/{hold.opportunity}/{what}", body), status)
        told = (await desks.routing.events(hold.lead))[-1][1]
        assert (told["actor"]["kind"], told["rep_id"] in (hold.rep.id, None)) == ("manager", True)


async def test_on_what_nobody_holds_a_manager_may_only_lose_it(desks: Desks) -> None:
    lead = await desks.lead("visit")
    mo = await desks.manager()
    path = f"/v1/opportunities/{(await desks.item_of(lead))['opportunity_id']}"
    for what, body, _ in WRITES[:-1]:
        refused(await mo.post(f"{path}/{what}", body), 409, "not_claimed", state="queued")
    assert ok(await mo.post(f"{path}/lost", {"reason": "price"}))["opportunity"]["state"] == "lost"
    assert (await desks.item_of(lead))["state"] == "cancelled"
    assert (await desks.lead_row(lead))["outcome"] == "lost"


async def test_who_held_it_is_told_for_a_day_that_it_is_lost(desks: Desks) -> None:
    hold = await deal_of(desks)
    await desks.rep("closing/uk")
    ok(await hold.act("return", {"reason": "no_capacity"}))
    paths = {f"/v1/opportunities/{hold.opportunity}/{what}": body for what, body, _ in WRITES}
    for path, body in paths.items():
        refused(await hold.rep.post(path, body, token=1), 409, "claim_lost", state="returned")
        refused(await hold.rep.post(path, body), 404, "not_found")
    desks.later(hours=25)
    for path, body in paths.items():
        refused(await hold.rep.post(path, body, token=1), 404, "not_found")


async def test_what_answers_201_adds_each_time_unless_keyed(desks: Desks) -> None:
    hold = await deal_of(desks)
    for what, body, _ in PARTS:
        first, second = ok(await hold.deal(what, body), 201), ok(await hold.deal(what, body), 201)
        keyed, again = ok(await hold.deal(what, body, key="k"), 201), ok(await hold.deal(what, body, key="k"), 201)
        assert keyed == again
        assert len({each["id"] for each in (first, second, keyed)}) == 3


async def test_a_meeting_is_booked_moved_and_held(desks: Desks) -> None:
    hold = await deal_of(desks)
    booked = ok(await hold.deal("meetings", {"at": "2026-07-08T10:00:00+02:00", "mode": "in_person"}), 201)
    assert booked == {
        "id": booked["id"],
        "state": "booked",
        "at": "2026-07-08T08:00:00.000Z",
        "mode": "in_person",
        "moves": 0,
    }
    move = {"state": "moved", "at": "2026-07-07T10:00:00Z"}
    moved = ok(await hold.meeting(booked["id"], move))
    assert (moved["state"], moved["at"], moved["moves"]) == ("booked", "2026-07-07T10:00:00.000Z", 1)
    assert ok(await hold.meeting(booked["id"], move)) == moved
    desks.later(days=1, hours=3)
    held = ok(await hold.meeting(booked["id"], {"state": "held"}))
    assert ok(await hold.meeting(booked["id"], {"state": "held"})) == held
    refused(await hold.meeting(booked["id"], {"state": "no_show"}), 409, "wrong_state", state="held")
    refused(await hold.meeting(booked["id"], move), 409, "wrong_state", state="held")
    said = ok(await hold.rep.get(f"/v1/opportunities/{hold.opportunity}"))
    assert (said["stage"], said["meetings"]) == ("meeting", [held])
    assert said["accepted_at"] == "2026-07-07T12:00:00.001Z"
    told = await desks.told(hold.lead, "opportunity.meeting")
    assert [each["state"] for each in told] == ["booked", "moved", "held"]
    assert told[2]["face_to_face"] is True
    assert (told[2]["rep_id"], told[2]["queue"]) == (hold.rep.id, "closing/uk")
    milestones = (await desks.lead_row(hold.lead))["milestones"]
    at = "2026-07-07T10:00:00.000Z"
    assert (milestones["meeting"], milestones["attempt"], milestones["closer_conversation"]) == (at, at, at)


async def test_a_meeting_held_before_its_time_counts_now(desks: Desks) -> None:
    hold = await deal_of(desks)
    booked = ok(await hold.deal("meetings", {"at": "2026-07-08T10:00:00Z", "mode": "video"}), 201)
    desks.later(minutes=1)
    ok(await hold.meeting(booked["id"], {"state": "held"}))
    assert (await desks.lead_row(hold.lead))["milestones"]["meeting"] == "2026-07-06T09:01:00.001Z"
    assert (await desks.told(hold.lead, "opportunity.meeting"))[1]["face_to_face"] is False


async def test_a_conversation_after_a_held_meeting_is_not_the_first(desks: Desks) -> None:
    hold = await deal_of(desks)
    booked = ok(await hold.deal("meetings", {"at": "2026-07-06T09:00:00Z", "mode": "phone"}), 201)
    ok(await hold.meeting(booked["id"], {"state": "held"}))
    said = await hold.attempt("conversation")
    assert (said["first"], said["first_conversation"], said["item"]["opportunity"]["stage"]) == (
        False,
        False,
        "meeting",
    )


@pytest.mark.parametrize("state", ["no_show", "cancelled"])
async def test_a_meeting_that_was_not_held_accepts_nothing(desks: Desks, state: str) -> None:
    hold = await deal_of(desks)
    booked = ok(await hold.deal("meetings", {"at": "2026-07-08T10:00:00Z", "mode": "video"}), 201)
    ended = ok(await hold.meeting(booked["id"], {"state": state}))
    assert ended["state"] == state
    said = ok(await hold.rep.get(f"/v1/opportunities/{hold.opportunity}"))
    assert (said["accepted_at"], said["stage"]) == (None, "qualified")


async def test_a_meeting_is_found_at_its_own_opportunity_alone(desks: Desks) -> None:
    hold = await deal_of(desks)
    await desks.lead("buy")
    other = await hold.rep.take("closing")
    booked = ok(await hold.deal("meetings", {"at": "2026-07-08T10:00:00Z", "mode": "video"}), 201)
    refused(await other.meeting(booked["id"], {"state": "held"}), 404, "not_found")
    path = f"/v1/opportunities/{hold.opportunity}/meetings/{booked['id']}"
    refused(await hold.rep.patch(path, {"state": "held"}), 428, "claim_token_required")
    refused(await hold.rep.patch(path, {"state": "held"}, token=2), 409, "claim_lost")


MISTAKEN: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("meetings", {"at": "2026-07-08T10:00:00Z"}, [("#/mode", "required")]),
    ("meetings", {"at": "2026-07-08", "mode": "zoom"}, [("#/at", "invalid_time"), ("#/mode", "not_allowed")]),
    ("proposal-requests", {"note": 5}, [("#/note", "wrong_type")]),
    ("proposals", {}, [("#/value", "required")]),
    ("proposals", {"value": {"amount": 1.5, "currency": "GBP"}}, [("#/value/amount", "wrong_type")]),
    ("proposals", {"request_id": "prq_1", "value": GBP}, [("#/request_id", "not_allowed")]),
    ("won", {"value": None}, [("#/value", "wrong_type")]),
    ("won", {"value": {"amount": 10**16, "currency": "GBP"}}, [("#/value/amount", "out_of_range")]),
    ("won", {"value": {"amount": 1, "currency": "XXZ"}}, [("#/value/currency", "invalid_currency")]),
    ("won", {"value": GBP, "at": "2026-07-06T09:02:00Z"}, [("#/at", "in_future")]),
    ("lost", {}, [("#/reason", "required")]),
    ("lost", {"reason": "no_need"}, [("#/reason", "not_allowed")]),
    ("lost", {"reason": "price", "reopen_after": "2026-07-06"}, [("#/reopen_after", "out_of_range")]),
    ("lost", {"reason": "price", "reopen_after": "2026-07-06T09:00:00Z"}, [("#/reopen_after", "out_of_range")]),
]


async def test_a_mistaken_body_is_refused(desks: Desks) -> None:
    hold = await deal_of(desks)
    for what, body, wrong in MISTAKEN:
        assert mistakes(await hold.deal(what, body)) == wrong, body


async def test_a_mistaken_end_of_a_meeting_is_refused(desks: Desks) -> None:
    hold = await deal_of(desks)
    booked = ok(await hold.deal("meetings", {"at": "2026-07-08T10:00:00Z", "mode": "video"}), 201)
    for body in ({"state": "booked"}, {"state": "moved"}, {"state": "held", "at": "2026-07-08T10:00:00Z"}):
        refused(await hold.meeting(booked["id"], body), 422, "invalid")


@pytest.mark.parametrize(
    ("what", "body", "event"),
    [
        ("proposal-requests", {"note": "two depots"}, "opportunity.proposal_requested"),
        ("proposals", {"value": GBP}, "opportunity.proposal_presented"),
        ("won", {"value": GBP}, "opportunity.won"),
    ],
)
async def test_it_accepts_the_opportunity_once(desks: Desks, what: str, body: dict[str, Any], event: str) -> None:
    hold = await deal_of(desks)
    await hold.deal("proposals", {"value": GBP}) if what == "proposal-requests" else None
    await hold.deal(what, body)
    assert len(await desks.told(hold.lead, "opportunity.accepted")) == 1
    assert len(await desks.told(hold.lead, event)) == 1
    assert (await desks.row(t.opportunities, hold.opportunity))["accepted_at"] is not None


async def test_proposals_are_versions_that_may_answer_a_request(desks: Desks) -> None:
    hold = await deal_of(desks)
    asked = ok(await hold.deal("proposal-requests", {"note": "two depots"}), 201)
    assert (asked["id"][:4], asked["note"]) == ("prq_", "two depots")
    first = ok(await hold.deal("proposals", {"request_id": asked["id"], "value": GBP}), 201)
    desks.later(days=1)
    second = ok(await hold.deal("proposals", {"value": {"amount": 9, "currency": "EUR"}}), 201)
    said = ok(await hold.rep.get(f"/v1/opportunities/{hold.opportunity}"))
    assert (said["proposals"], said["proposal_requests"]) == ([first, second], [asked])
    assert said["stage"] == "proposal_presented"
    (told, _) = await desks.told(hold.lead, "opportunity.proposal_presented")
    assert (told["proposal_id"], told["value"]) == (first["id"], GBP)
    assert "depots" not in str(await desks.told(hold.lead, "opportunity.proposal_requested"))


async def test_won_it_is_a_customer_in_the_queue_of_the_customer_desk(desks: Desks) -> None:
    ann, eve = await desks.rep("inbound/main"), await desks.rep("customer/main")
    lead = await desks.lead()
    made = await (await ann.take("inbound")).qualify()
    bob = await desks.rep("closing/uk")
    hold = await bob.take("closing")
    desks.later(hours=2)
    response = await hold.deal("won", {"value": GBP, "at": "2026-07-06T10:00:00Z"})
    said = ok(response)
    deal = said["opportunity"]
    assert (deal["state"], deal["value"], deal["closed_at"]) == ("won", GBP, "2026-07-06T10:00:00.000Z")
    assert deal["customer_id"] == said["customer_id"]
    row = await desks.lead_row(lead)
    assert (row["state"], row["outcome"], row["customer_id"]) == ("closed", "won", said["customer_id"])
    assert row["milestones"]["won"] == "2026-07-06T10:00:00.000Z"
    refused(await hold.act("heartbeat"), 409, "claim_closed", state="completed")
    (won,) = await desks.told(lead, "opportunity.won")
    assert won["credit"] == [
        {"desk": "inbound", "rep_id": ann.id, "share": 0.5},
        {"desk": "closing", "rep_id": bob.id, "share": 0.5},
    ]
    assert (await desks.told(lead))[-6:] == [
        "opportunity.accepted",
        "opportunity.won",
        "item.completed",
        "lead.closed",
        "customer.created",
        "item.queued",
    ]
    care = await eve.take("customer")
    assert (care.said["item"]["kind"], care.said["item"]["opportunity"]) == ("customer", None)
    assert care.said["item"]["customer"] == {
        "id": said["customer_id"],
        "lead_id": lead,
        "opportunity_id": made["opportunity_id"],
        "state": "onboarding",
        "closer": bob.id,
        "since": "2026-07-06T10:00:00.000Z",
        "value": GBP,
        "deployed_at": None,
        "expansions": [],
        "renewals": [],
        "tasks": [],
        "churned_at": None,
        "reason": None,
    }
    assert (await desks.lead_row(lead))["state"] == "closed"


@pytest.mark.parametrize(("intent", "share"), [("buy", 1), ("trial", 1)])
async def test_what_nobody_qualified_is_all_the_closers(desks: Desks, intent: str, share: float) -> None:
    hold = await deal_of(desks, intent)
    ok(await hold.deal("won", {"value": GBP}))
    (won,) = await desks.told(hold.lead, "opportunity.won")
    assert won["credit"] == [{"desk": "closing", "rep_id": hold.rep.id, "share": share}]


async def test_a_company_without_a_customer_desk_has_customers_all_the_same(desks: Desks) -> None:
    hold = await deal_of(desks)
    async with desks.edge.database.read() as tx:
        version = await policies.show(tx)
    assert version is not None
    await desks.routing.publish(version.yaml.partition("  customer:")[0])
    said = ok(await hold.deal("won", {"value": GBP}))
    items = await desks.routing.rows(select(t.items).where(t.items.c.lead_id == hold.lead))
    assert (len(items), ok(await hold.rep.get(f"/v1/customers/{said['customer_id']}"))["state"]) == (1, "onboarding")


@pytest.mark.parametrize(
    ("what", "body", "other", "state"),
    [
        ("won", {"value": GBP}, {"value": {"amount": 1, "currency": "GBP"}}, "won"),
        ("lost", {"reason": "price"}, {"reason": "timing"}, "lost"),
    ],
)
async def test_closed_the_same_again_is_200_and_all_else_409(
    desks: Desks, what: str, body: dict[str, Any], other: dict[str, Any], state: str
) -> None:
    hold = await deal_of(desks)
    mo = await desks.manager()
    booked = ok(await hold.deal("meetings", {"at": "2026-07-06T09:00:00Z", "mode": "video"}), 201)
    ended = ok(await hold.deal("meetings", {"at": "2026-07-06T09:00:00Z", "mode": "video"}), 201)
    ok(await hold.meeting(ended["id"], {"state": "held"}))
    first = ok(await hold.deal(what, body))
    told = await desks.told(hold.lead)
    desks.later(hours=1)
    path = f"/v1/opportunities/{hold.opportunity}"
    for again in (await hold.deal(what, body), await mo.post(f"{path}/{what}", body)):
        assert ok(again) == first
    for act, said, _ in [*PARTS, (what, other, 0)]:
        refused(await hold.deal(act, said), 409, "already_closed", state=state)
        refused(await mo.post(f"{path}/{act}", said), 409, "already_closed", state=state)
    ok(await hold.meeting(ended["id"], {"state": "held"}))
    refused(await hold.meeting(booked["id"], {"state": "held"}), 409, "already_closed", state=state)
    assert await desks.told(hold.lead) == told
    refused(await hold.rep.post(f"{path}/{what}", body), 404, "not_found")


async def test_lost_by_its_holder_it_is_closed_with_the_reason(desks: Desks) -> None:
    hold = await deal_of(desks)
    said = ok(await hold.deal("lost", {"reason": "timing", "reopen_after": "2026-10-01"}))["opportunity"]
    assert (said["state"], said["reason"], said["reopen_after"]) == ("lost", "timing", "2026-09-30T23:00:00.000Z")
    row = await desks.lead_row(hold.lead)
    assert (row["state"], row["outcome"], row["reason"]) == ("closed", "lost", "timing")
    assert (await desks.told(hold.lead))[-3:] == ["opportunity.lost", "item.completed", "lead.closed"]


async def reopen(desks: Desks, opportunity: str) -> bool:
    async with desks.edge.database.tx() as tx, telling(tx) as stories:
        found = await opportunities.find(tx, opportunity)
        assert found is not None
        story = await stories.lock(found.lead_id)
        return await opportunities.reopen(tx, story, found.id, await policies.active(tx))


async def test_reopened_it_is_a_new_item_for_its_last_holder_first(desks: Desks) -> None:
    hold = await deal_of(desks)
    other = await desks.rep("closing/uk")
    ok(await hold.deal("lost", {"reason": "timing", "reopen_after": "2026-07-07T09:00:00Z"}))
    desks.later(days=1)
    assert await reopen(desks, hold.opportunity)
    assert not await reopen(desks, hold.opportunity)
    row = await desks.lead_row(hold.lead)
    assert (row["state"], row["outcome"], row["reason"], row["milestones"].get("lost")) == ("queued", None, None, None)
    assert (await desks.told(hold.lead))[-2:] == ["opportunity.reopened", "item.queued"]
    assert (await desks.told(hold.lead, "item.queued"))[-1]["cause"] == "reopen"
    assert (await other.pull("closing")).status_code == 204
    again = await hold.rep.take("closing")
    assert (again.opportunity, again.said["claim"]["exception"]) == (hold.opportunity, "continuity")
    assert again.item != hold.item
    assert again.said["item"]["opportunity"]["state"] == "open"
    ok(await again.deal("won", {"value": GBP}))


async def test_reopened_its_former_tokens_are_good_for_nothing(desks: Desks) -> None:
    hold = await deal_of(desks)
    ok(await hold.deal("lost", {"reason": "timing"}))
    assert await reopen(desks, hold.opportunity)
    again = await hold.rep.take("closing")
    assert again.said["claim"]["token"] > hold.said["claim"]["token"]
    refused(await hold.deal("won", {"value": GBP}), 409, "claim_lost", state="active")
    ok(await again.deal("won", {"value": GBP}))


async def test_reopened_while_its_last_holder_is_away_it_is_anyones(desks: Desks) -> None:
    hold = await deal_of(desks)
    other = await desks.rep("closing/uk")
    ok(await hold.deal("lost", {"reason": "timing"}))
    ok(await hold.rep.put("/v1/reps/me/presence", {"status": "away"}))
    assert await reopen(desks, hold.opportunity)
    assert (await other.take("closing")).said["claim"]["exception"] is None


async def test_an_opportunity_is_seen_by_its_holder_its_closer_and_its_managers(desks: Desks) -> None:
    hold = await deal_of(desks)
    other = await desks.rep("closing/uk")
    path = f"/v1/opportunities/{hold.opportunity}"
    for who in (hold.rep, await desks.manager(), await desks.manager("closing", "inbound")):
        assert ok(await who.get(path))["id"] == hold.opportunity
    for who in (other, await desks.manager("inbound")):
        refused(await who.get(path), 404, "not_found")
    customer = ok(await hold.deal("won", {"value": GBP}))["customer_id"]
    assert ok(await hold.rep.get(path))["state"] == "won"
    eve = await desks.rep("customer/main")
    path = f"/v1/customers/{customer}"
    for who in (eve, other, await desks.manager("inbound")):
        refused(await who.get(path), 404, "not_found")
    await eve.take("customer")
    for who in (eve, hold.rep, await desks.manager(), await desks.manager("closing"), await desks.manager("customer")):
        assert ok(await who.get(path))["id"] == customer
    refused(await eve.get(f"/v1/customers/cus_{'0' * 26}"), 404, "not_found")
