"""Tasks: asked of another desk, pulled and done there, seen by who asked."""

from typing import Any

import pytest
from kit.desks import GBP, Caller, Desks, Hold, mistakes, ok, refused

from services.store import tables as t

QUOTE = {"kind": "quote", "summary": "40 vans, three years"}


async def deal_of(desks: Desks, **said: Any) -> Hold:
    bob = await desks.rep("closing/uk")
    await desks.lead("buy", **said)
    return await bob.take("closing", test=bool(said.get("test")))


async def customer_of(desks: Desks) -> tuple[Hold, Hold, str]:
    """The closer's hold, now over, that of who looks after the customer, and the customer."""
    deal = await deal_of(desks)
    customer = ok(await deal.deal("won", {"value": GBP}))["customer_id"]
    return deal, await (await desks.rep("customer/main")).take("customer"), customer


async def done_by(desks: Desks, rep: Caller, **result: Any) -> dict[str, Any]:
    held = await rep.take("service")
    return ok(await held.act("complete", {"outcome": "done", "result": result or None}))


async def test_a_task_goes_where_the_policy_sends_it_and_its_result_comes_back(desks: Desks) -> None:
    deal = await deal_of(desks)
    sue = await desks.rep("service/main")
    before = await desks.lead_row(deal.lead)
    raised = ok(await deal.deal("tasks", {**QUOTE, "needed_by": "2026-07-08"}), 201)
    assert raised == {
        "id": raised["id"],
        "kind": "quote",
        "state": "open",
        "summary": QUOTE["summary"],
        "needed_by": "2026-07-08T22:59:59.999Z",
        "raised_by": deal.rep.id,
        "raised_at": raised["raised_at"],
        "opportunity_id": deal.opportunity,
        "customer_id": None,
        "closed_at": None,
        "lead_time_ms": None,
        "result": None,
        "reason": None,
    }
    assert raised["id"].startswith("tsk_")
    desks.later(minutes=5)
    held = await sue.take("service")
    item = held.said["item"]
    assert (item["kind"], item["queue"], item["task"]) == ("task", "service/main", raised)
    assert (item["opportunity"], item["customer"], item["lead"]["id"]) == (None, None, deal.lead)
    assert ok(await sue.get(f"/v1/tasks/{raised['id']}")) == raised
    desks.later(minutes=10)
    result = {"note": "see the file", "value": GBP, "url": "https://files.example.com/7"}
    said = ok(await held.act("complete", {"outcome": "done", "result": result}))
    assert (said["item"]["state"], said["claim"]["state"], said["opportunity_id"]) == ("done", "completed", None)
    done = {**raised, "state": "done", "result": result, "closed_at": said["item"]["task"]["closed_at"]}
    assert {**said["item"]["task"], "lead_time_ms": None} == done
    assert said["item"]["task"]["lead_time_ms"] == 15 * 60_000
    assert ok(await held.act("complete", {"outcome": "done", "result": result})) == said
    for who in (deal.rep, await desks.manager("service"), await desks.manager("closing")):
        assert ok(await who.get(f"/v1/tasks/{raised['id']}")) == said["item"]["task"]
    assert ok(await deal.rep.get(f"/v1/opportunities/{deal.opportunity}"))["tasks"] == [said["item"]["task"]]
    for who in (sue, await desks.rep("service/main"), await desks.manager("inbound")):
        refused(await who.get(f"/v1/tasks/{raised['id']}"), 404, "not_found")
    (told,) = await desks.told(deal.lead, "task.raised")
    assert (told["kind"], told["queue"], told["raised_by"]) == ("quote", "service/main", deal.rep.id)
    (told,) = await desks.told(deal.lead, "task.closed")
    assert (told["state"], told["lead_time_ms"], told["actor"]["id"]) == ("done", 15 * 60_000, sue.id)
    assert "vans" not in str(await desks.routing.events(deal.lead))
    after = await desks.lead_row(deal.lead)
    assert (after["state"], after["queue"], after["milestones"]) == ("claimed", "closing/uk", before["milestones"])


async def test_a_task_is_declined_with_a_reason_that_who_asked_sees(desks: Desks) -> None:
    deal = await deal_of(desks)
    raised = ok(await deal.deal("tasks", {"kind": "solution_design", "summary": "two depots"}), 201)
    eli = await desks.rep("engineering/main")
    held = await eli.take("engineering")
    assert mistakes(await held.act("complete", {"outcome": "declined"})) == [("#/reason", "required")]
    assert mistakes(await held.act("complete", {"outcome": "qualified"})) == [("#/outcome", "not_allowed")]
    ok(await held.act("complete", {"outcome": "declined", "reason": "not abroad"}))
    said = ok(await deal.rep.get(f"/v1/tasks/{raised['id']}"))
    assert (said["state"], said["reason"], said["result"]) == ("declined", "not abroad", None)
    assert mistakes(await deal.act("complete", {"outcome": "done"})) == [("#/outcome", "not_allowed")]


async def test_a_kind_that_the_policy_sends_nowhere_is_refused_with_a_remedy(desks: Desks) -> None:
    deal = await deal_of(desks)
    response = await deal.deal("tasks", {"kind": "administration", "summary": "x"})
    assert mistakes(response) == [("#/kind", "not_allowed")]
    assert "quote" in response.json()["errors"][0]["remedy"]
    wrong = {"kind": "lunch", "summary": "", "needed_by": "soon"}
    found = [("#/kind", "not_allowed"), ("#/summary", "required"), ("#/needed_by", "invalid_time")]
    assert mistakes(await deal.deal("tasks", wrong)) == found
    assert mistakes(await deal.deal("tasks", {**QUOTE, "needed_by": "2026-07-05"})) == [("#/needed_by", "out_of_range")]
    assert ok(await deal.deal("tasks", {**QUOTE, "needed_by": "2026-07-06"}), 201)["needed_by"] is not None


async def test_who_asked_takes_it_back_without_a_token_even_from_who_holds_it(desks: Desks) -> None:
    deal = await deal_of(desks)
    sue, mo = await desks.rep("service/main"), await desks.manager("closing")
    first, second = [ok(await deal.deal("tasks", QUOTE), 201)["id"] for _ in range(2)]
    held = await sue.take("service")
    for other in (sue, await desks.rep("closing/uk"), await desks.manager("inbound")):
        refused(await other.post(f"/v1/tasks/{first}/cancel"), 404, "not_found")
    assert ok(await deal.rep.post(f"/v1/tasks/{first}/cancel"))["state"] == "cancelled"
    refused(await held.act("complete", {"outcome": "done"}), 409, "claim_lost", state="revoked")
    assert ok(await mo.post(f"/v1/tasks/{second}/cancel"))["state"] == "cancelled"
    refused(await deal.rep.post(f"/v1/tasks/{first}/cancel"), 409, "already_closed", state="cancelled")
    assert (await sue.pull("service")).status_code == 204
    assert [each["state"] for each in await desks.told(deal.lead, "task.closed")] == ["cancelled"] * 2
    assert (await desks.lead_row(deal.lead))["state"] == "claimed"


async def test_only_the_holder_and_a_manager_ask_and_after_the_win_its_closer(desks: Desks) -> None:
    lead = await desks.lead("visit")
    bob, mo = await desks.rep("closing/field"), await desks.manager()
    path = f"/v1/opportunities/{(await desks.item_of(lead))['opportunity_id']}/tasks"
    refused(await mo.post(path, QUOTE), 409, "not_claimed", state="queued")
    refused(await bob.post(path, QUOTE), 404, "not_found")
    deal = await bob.take("closing")
    refused(await bob.post(path, QUOTE), 428, "claim_token_required")
    assert ok(await mo.post(path, QUOTE), 201)["raised_by"].startswith("key_")
    ok(await deal.deal("won", {"value": GBP}))
    assert ok(await bob.post(path, QUOTE), 201)["raised_by"] == bob.id
    ok(await mo.post(path, QUOTE), 201)
    refused(await (await desks.rep("closing/field")).post(path, QUOTE), 404, "not_found")
    keyed = [ok(await bob.post(path, QUOTE, key="k"), 201)["id"] for _ in range(2)]
    assert len(set(keyed)) == 1


async def test_once_lost_nothing_is_asked_and_what_was_asked_is_cancelled(desks: Desks) -> None:
    deal = await deal_of(desks)
    raised = ok(await deal.deal("tasks", QUOTE), 201)
    held = await (await desks.rep("service/main")).take("service")
    ok(await deal.deal("lost", {"reason": "price"}))
    assert ok(await deal.rep.get(f"/v1/tasks/{raised['id']}"))["state"] == "cancelled"
    refused(await held.act("complete", {"outcome": "done"}), 409, "claim_lost", state="revoked")
    refused(await deal.deal("tasks", QUOTE), 409, "already_closed", state="lost")


async def test_a_customer_has_tasks_too(desks: Desks) -> None:
    deal, care, customer = await customer_of(desks)
    path = f"/v1/customers/{customer}/tasks"
    refused(await care.rep.post(path, QUOTE), 428, "claim_token_required")
    refused(await deal.rep.post(path, QUOTE), 404, "not_found")
    raised = ok(await care.rep.post(path, {**QUOTE, "kind": "support"}, token=care.token), 201)
    assert (raised["customer_id"], raised["opportunity_id"]) == (customer, None)
    sue = await desks.rep("service/main")
    await done_by(desks, sue, note="done by phone")
    said = ok(await care.rep.get(f"/v1/customers/{customer}"))
    assert (said["tasks"][0]["state"], said["tasks"][0]["result"]["note"]) == ("done", "done by phone")
    assert (await desks.lead_row(deal.lead))["state"] == "closed"


async def test_a_task_is_worked_as_any_item_and_its_attempts_answer_nobodys_enquiry(desks: Desks) -> None:
    deal = await deal_of(desks)
    ok(await deal.deal("tasks", QUOTE), 201)
    sue = await desks.rep("service/main")
    held = await sue.take("service")
    before = (await desks.lead_row(deal.lead))["milestones"]
    await held.attempt("conversation")
    assert (await desks.lead_row(deal.lead))["milestones"] == before
    ok(await held.act("return", {"reason": "no_capacity"}))
    assert (await sue.pull("service")).status_code == 204
    assert (await desks.lead_row(deal.lead))["state"] == "claimed"
    assert ok(await deal.rep.get(f"/v1/leads/{deal.lead}"))["open_item"]["kind"] == "opportunity"


async def test_who_opts_out_while_a_task_is_worked_ends_the_task_alone_unless_no_channel_is_left(desks: Desks) -> None:
    deal = await deal_of(desks, phone="+442079460123")
    first = ok(await deal.deal("tasks", QUOTE), 201)["id"]
    sue = await desks.rep("service/main")
    await (await sue.take("service")).attempt("opt_out")
    assert ok(await deal.rep.get(f"/v1/tasks/{first}"))["state"] == "declined"
    assert (await desks.lead_row(deal.lead))["state"] == "claimed"
    second, third = [ok(await deal.deal("tasks", QUOTE), 201)["id"] for _ in range(2)]
    await (await sue.take("service")).attempt("opt_out", suppress="all")
    states = [(await desks.row(t.tasks, task))["state"] for task in (second, third)]
    assert states == ["declined", "cancelled"]
    assert (await desks.lead_row(deal.lead))["outcome"] == "disqualified"


@pytest.mark.parametrize("test", [False, True])
async def test_the_task_of_a_test_is_a_test(desks: Desks, test: bool) -> None:
    deal = await deal_of(desks, test=test)
    ok(await deal.deal("tasks", QUOTE), 201)
    sue = await desks.rep("service/main")
    assert (await sue.pull("service", test=not test)).status_code == 204
    assert (await sue.take("service", test=test)).said["item"]["test"] is test
