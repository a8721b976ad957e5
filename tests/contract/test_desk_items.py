"""Items by id, the manager's list, and back into a queue."""

from typing import Any

import pytest
from kit.desks import GBP, Desks, mistakes, ok, refused
from sqlalchemy import update

from services.store import tables as t


async def park(desks: Desks) -> str:
    """An item on the manager's list, put there by hand."""
    lead = await desks.lead("visit")
    async with desks.edge.database.tx() as tx:
        await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(state="parked"))
    return str((await desks.item_of(lead))["id"])


async def test_an_item_is_seen_by_its_holder_and_its_managers(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    path = f"/v1/items/{hold.item}"
    for who in (ann, await desks.manager(), await desks.manager("inbound")):
        assert ok(await who.get(path)) == hold.said["item"]
    for who in (bob, await desks.manager("closing")):
        refused(await who.get(path), 404, "not_found")
    ok(await hold.act("return", {"reason": "shift_over"}))
    refused(await ann.get(path), 404, "not_found")
    refused(await ann.get(f"/v1/items/itm_{'0' * 26}"), 404, "not_found")


async def test_the_managers_list_is_what_is_parked_newest_first(desks: Desks) -> None:
    ids = [await park(desks) for _ in range(3)]
    await desks.lead()
    mo = await desks.manager("closing")
    page = ok(await mo.get("/v1/items", state="parked", limit=2))
    rest = ok(await mo.get("/v1/items", state="parked", limit=2, cursor=page["next_cursor"]))
    assert [item["id"] for item in page["data"] + rest["data"]] == ids[::-1]
    assert (page["data"][0]["state"], rest["next_cursor"]) == ("parked", None)
    assert ok(await (await desks.manager("inbound")).get("/v1/items", state="parked"))["data"] == []
    refused(await (await desks.rep("closing/uk")).get("/v1/items", state="parked"), 403, "forbidden")


async def test_only_the_managers_list_is_listed(desks: Desks) -> None:
    mo = await desks.manager()
    for query in ({}, {"state": "queued"}, {"state": "parked", "queue": "closing/uk"}):
        refused(await mo.get("/v1/items", **query), 422, "invalid")


@pytest.mark.parametrize("state", ["queued", "pooled", "parked", "snoozed"])
async def test_an_open_item_is_requeued_for_anyone_with_its_age(desks: Desks, state: str) -> None:
    bob = await desks.rep("closing/field")
    lead = await desks.lead("trial")
    before = await desks.item_of(lead)
    given = {"state": state, "returned_by": [bob.id], "reserved_for": f"rep_{'0' * 26}"}
    async with desks.edge.database.tx() as tx:
        await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(given))
        lead_state = "pooled" if state == "pooled" else "queued"
        await tx.execute(update(t.leads).where(t.leads.c.id == lead).values(state=lead_state))
    desks.later(days=1)
    mo = await desks.manager("closing")
    path = f"/v1/items/{before['id']}/requeue"
    said = ok(await mo.post(path, {"queue": "closing/field", "reason": "it is a field deal"}))["item"]
    assert (said["state"], said["queue"], said["next_at"]) == ("queued", "closing/field", None)
    assert said["queued_at"] == "2026-07-06T09:00:00.000Z"
    assert said["history"][-1]["note"] == "it is a field deal"
    told = (await desks.told(lead, "item.queued"))[-1]
    assert (told["cause"], told["queue"], told["actor"]["kind"]) == ("requeue", "closing/field", "manager")
    assert "deal" not in str(told)
    hold = await bob.take("closing")
    assert (hold.lead, hold.said["item"]["opportunity"]["queue"]) == (lead, "closing/field")


async def test_requeueing_what_is_held_revokes_the_claim(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/second")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    mo = await desks.manager()
    said = ok(await mo.post(f"/v1/items/{hold.item}/requeue", {"queue": "inbound/second", "reason": "Ann left"}))
    assert said["item"]["state"] == "queued"
    refused(await hold.act("heartbeat"), 409, "claim_lost", state="revoked")
    assert (await desks.told(lead))[-2:] == ["item.revoked", "item.queued"]
    assert (await desks.told(lead, "item.revoked"))[0]["rep_id"] == ann.id
    again = await bob.take("inbound")
    assert (again.lead, again.token) == (lead, 2)
    assert (await desks.lead_row(lead))["queue"] == "inbound/second"


async def test_a_closed_item_is_not_requeued(desks: Desks) -> None:
    bob, mo = await desks.rep("closing/uk"), await desks.manager()
    await desks.lead("buy")
    hold = await bob.take("closing")
    ok(await hold.deal("won", {"value": GBP}))
    path = f"/v1/items/{hold.item}/requeue"
    refused(await mo.post(path, {"queue": "closing/uk", "reason": "again"}), 409, "already_closed", state="done")


MISTAKEN: list[tuple[dict[str, Any], list[Any]]] = [
    ({}, [("#/queue", "required"), ("#/reason", "required")]),
    ({"queue": "closing/ukk", "reason": "x"}, [("#/queue", "not_allowed")]),
    ({"queue": "inbound/main", "reason": "x"}, [("#/queue", "not_allowed")]),
    ({"queue": "closing/uk", "reason": ""}, [("#/reason", "required")]),
]


async def test_a_mistaken_requeue_is_refused(desks: Desks) -> None:
    item = await park(desks)
    mo = await desks.manager()
    for body, wrong in MISTAKEN:
        response = await mo.post(f"/v1/items/{item}/requeue", body)
        assert mistakes(response) == wrong, body
        if body.get("queue") == "closing/ukk":
            assert response.json()["errors"][0]["remedy"] == "Did you mean closing/uk?"


async def test_only_its_managers_requeue_an_item(desks: Desks) -> None:
    item = await park(desks)
    body = {"queue": "closing/uk", "reason": "x"}
    refused(await (await desks.manager("inbound")).post(f"/v1/items/{item}/requeue", body), 404, "not_found")
    refused(await (await desks.rep("closing/uk")).post(f"/v1/items/{item}/requeue", body), 403, "forbidden")
    refused(await (await desks.manager()).post(f"/v1/items/itm_{'0' * 26}/requeue", body), 404, "not_found")


# --- to a rep --------------------------------------------------------------------------------------------------------


async def test_what_is_assigned_takes_the_place_of_the_reps_next_blind_pull_and_says_why(desks: Desks) -> None:
    ann, bob, mo = await desks.rep("inbound/main"), await desks.rep("inbound/main"), await desks.manager("inbound")
    older, lead = await desks.lead(), await desks.lead()
    item = await desks.item_of(lead)
    body = {"rep_id": ann.id, "reason": "named_referral", "note": "They asked for Ann"}
    said = ok(await mo.post(f"/v1/items/{item['id']}/assign", body))["item"]
    assert (said["state"], said["queued_at"], said["history"][-1]["note"]) == (
        "queued",
        "2026-07-06T09:00:00.001Z",
        "They asked for Ann",
    )
    told = (await desks.told(lead, "item.queued"))[-1]
    assert (told["cause"], told["reserved_for"], told["exception"]) == ("assign", ann.id, "named_referral")
    assert "asked" not in str(told)
    hold = await ann.take("inbound")
    assert (hold.lead, hold.said["why"], hold.said["claim"]["exception"]) == (lead, "next", "named_referral")
    assert (await desks.told(lead, "item.claimed"))[0]["exception"] == "named_referral"
    assert (await bob.take("inbound")).lead == older, "the one pull gave one thing"
    for _ in range(3):
        await desks.lead()
    await ann.take("inbound")
    await ann.take("inbound")
    refused(await ann.pull("inbound"), 409, "limit_reached", current=3)


@pytest.mark.parametrize("state", ["pooled", "snoozed", "parked"])
async def test_an_open_item_is_assigned_though_the_rep_once_returned_it(desks: Desks, state: str) -> None:
    bob, mo = await desks.rep("closing/uk"), await desks.manager()
    lead = await desks.lead("trial")
    item = await desks.item_of(lead)
    lead_state = "pooled" if state == "pooled" else "queued"
    given = {"state": state, "returned_by": [bob.id, f"rep_{'1' * 26}"]}
    async with desks.edge.database.tx() as tx:
        await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(given))
        await tx.execute(update(t.leads).where(t.leads.c.id == lead).values(state=lead_state))
    ok(await mo.post(f"/v1/items/{item['id']}/assign", {"rep_id": bob.id, "reason": "manager"}))
    assert (await desks.item_of(lead))["returned_by"] == [f"rep_{'1' * 26}"]
    hold = await bob.take("closing")
    assert (hold.lead, hold.said["claim"]["exception"]) == (lead, "manager")


async def test_assigning_what_another_holds_revokes_the_claim_and_what_the_rep_holds_stays(desks: Desks) -> None:
    ann, bob, mo = await desks.rep("inbound/main"), await desks.rep("inbound/main"), await desks.manager()
    lead = await desks.lead()
    hold = await ann.take("inbound")
    path = f"/v1/items/{hold.item}/assign"
    assert ok(await mo.post(path, {"rep_id": ann.id, "reason": "conflict"}))["item"]["state"] == "claimed"
    ok(await hold.act("heartbeat"))
    ok(await mo.post(path, {"rep_id": bob.id, "reason": "conflict"}))
    refused(await hold.act("heartbeat"), 409, "claim_lost", state="revoked")
    assert (await ann.pull("inbound")).status_code == 204
    again = await bob.take("inbound")
    assert (again.lead, again.token, again.said["claim"]["exception"]) == (lead, 2, "conflict")


async def test_a_promise_goes_on_with_who_is_assigned(desks: Desks) -> None:
    ann, bob, mo = await desks.rep("closing/field"), await desks.rep("closing/field"), await desks.manager()
    await desks.lead("visit")
    hold = await ann.take("closing")
    await hold.attempt("callback", next_at="2026-07-06T15:00:00Z", promise=True)
    ok(await mo.post(f"/v1/items/{hold.item}/assign", {"rep_id": bob.id, "reason": "conflict"}))
    again = await bob.take("closing")
    assert again.said["item"]["next_step"]["promise"]
    assert (again.said["claim"]["exception"], again.said["claim"]["expires_at"]) == (
        "conflict",
        "2026-07-06T17:00:00.000Z",
    )


async def test_an_assignment_that_is_not_taken_for_a_day_is_anyones(desks: Desks) -> None:
    ann, bob, mo = await desks.rep("inbound/main"), await desks.rep("inbound/main"), await desks.manager()
    item = await desks.item_of(await desks.lead())
    ok(await mo.post(f"/v1/items/{item['id']}/assign", {"rep_id": ann.id, "reason": "manager"}))
    assert (await bob.pull("inbound")).status_code == 204
    desks.later(days=1)
    assert (await bob.take("inbound")).said["claim"]["exception"] is None


async def test_nothing_is_assigned_to_who_is_away_or_may_not_have_it(desks: Desks) -> None:
    ann, bob, mo = await desks.rep("inbound/main"), await desks.rep("closing/uk"), await desks.manager()
    item = await desks.item_of(await desks.lead())
    path = f"/v1/items/{item['id']}/assign"
    ok(await ann.put("/v1/reps/me/presence", {"status": "away"}))
    refused(await mo.post(path, {"rep_id": ann.id, "reason": "manager"}), 409, "rep_away", state="away")
    for body, wrong in (
        ({"rep_id": bob.id, "reason": "manager"}, [("#/rep_id", "not_allowed")]),
        ({"rep_id": "rep_nobody", "reason": "manager"}, [("#/rep_id", "not_allowed")]),
        ({"rep_id": ann.id, "reason": "live"}, [("#/reason", "not_allowed")]),
        ({}, [("#/rep_id", "required"), ("#/reason", "required")]),
    ):
        assert mistakes(await mo.post(path, body)) == wrong, body
    refused(await bob.post(path, {"rep_id": bob.id, "reason": "manager"}), 403, "forbidden")
    other = await desks.manager("closing")
    refused(await other.post(path, {"rep_id": ann.id, "reason": "manager"}), 404, "not_found")
    assert (await desks.item_of(item["lead_id"]))["reserved_for"] is None
