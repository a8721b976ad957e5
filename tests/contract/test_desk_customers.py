"""Customers: deployed, enlarged, renewed, lost; by whom, and what one that is gone answers."""

from typing import Any

import pytest
from kit.desks import GBP, POLICY, Caller, Desks, Hold, mistakes, ok, refused

from services.store import tables as t

MORE = {"amount": 300000, "currency": "GBP"}
WRITES: list[tuple[str, dict[str, Any], int]] = [
    ("deployed", {}, 200),
    ("expansions", {"value": MORE}, 201),
    ("renewals", {"value": GBP, "until": "2027-07-06"}, 201),
    ("tasks", {"kind": "support", "summary": "a login"}, 201),
    ("churn", {"reason": "product"}, 200),
]


async def customer_of(desks: Desks) -> tuple[Caller, Hold, str]:
    """The closer, who looks after the customer, and the customer."""
    bob, eve = await desks.rep("closing/uk", name="Bob"), await desks.rep("customer/main", name="Eve")
    await desks.lead("buy")
    customer = ok(await (await bob.take("closing")).deal("won", {"value": GBP}))["customer_id"]
    return bob, await eve.take("customer"), customer


async def say(care: Hold, customer: str, what: str, body: Any, **more: Any) -> Any:
    return await care.rep.post(f"/v1/customers/{customer}/{what}", body, token=care.token, **more)


async def test_the_life_of_a_customer(desks: Desks) -> None:
    bob, care, customer = await customer_of(desks)
    desks.later(days=2)
    said = ok(await say(care, customer, "deployed", {"at": "2026-07-07T10:00:00+01:00"}))["customer"]
    assert (said["state"], said["deployed_at"], said["closer"]) == ("active", "2026-07-07T09:00:00.000Z", None)
    desks.later(days=30)
    ok(await say(care, customer, "expansions", {"value": MORE}), 201)
    said = ok(await say(care, customer, "renewals", {"value": GBP, "until": "2028-07-06"}), 201)["customer"]
    at = said["renewals"][0]["at"]
    assert (said["expansions"], said["renewals"]) == (
        [{"at": at, "value": MORE}],
        [{"at": at, "value": GBP, "until": "2028-07-06"}],
    )
    held = ok(await care.rep.get("/v1/claims"))["data"][0]["item"]
    assert held["customer"] == said
    step = {"what": "look at the numbers together", "at": "2026-09-01T10:00:00Z", "side": "ours", "promise": True}
    assert ok(await care.act("next-step", step))["item"]["next_step"] == {**step, "at": "2026-09-01T10:00:00.000Z"}
    said = ok(await say(care, customer, "churn", {"reason": "product"}))["customer"]
    assert (said["state"], said["reason"], said["churned_at"] is not None) == ("churned", "product", True)
    refused(await care.act("heartbeat"), 409, "claim_closed", state="completed")
    assert (await desks.row(t.items, care.item))["state"] == "done"
    told = {
        name: data
        for name, data in await desks.routing.events(care.lead)
        if name.startswith("customer.") and name != "customer.created"
    }
    assert list(told) == ["customer.deployed", "customer.expanded", "customer.renewed", "customer.churned"]
    assert all((each["rep_id"], each["queue"]) == (care.rep.id, "customer/main") for each in told.values())
    assert (told["customer.deployed"]["closer"], told["customer.expanded"]["value"]) == (bob.id, MORE)
    assert (told["customer.renewed"]["until"], told["customer.churned"]["tenure_days"]) == ("2028-07-06", 32)
    assert (await desks.lead_row(care.lead))["state"] == "closed"


async def test_the_closer_may_say_that_it_is_deployed_and_is_no_longer_named(desks: Desks) -> None:
    bob, care, customer = await customer_of(desks)
    path = f"/v1/customers/{customer}"
    assert ok(await bob.get(path))["closer"] == bob.id
    refused(await (await desks.rep("closing/uk")).post(f"{path}/deployed"), 404, "not_found")
    said = ok(await bob.post(f"{path}/deployed"))["customer"]
    assert (said["state"], said["closer"]) == ("active", None)
    desks.later(hours=1)
    for again in (await bob.post(f"{path}/deployed"), await say(care, customer, "deployed", {})):
        assert ok(again)["customer"] == said
    refused(await say(care, customer, "deployed", {"at": "2026-07-06T09:30:00Z"}), 409, "wrong_state", state="active")
    refused(await bob.get(path), 404, "not_found")
    refused(await bob.post(f"{path}/churn", {"reason": "price"}), 404, "not_found")
    assert len(await desks.told(care.lead, "customer.deployed")) == 1


async def test_its_holder_writes_with_the_token_and_a_manager_without(desks: Desks) -> None:
    _, care, customer = await customer_of(desks)
    other, mo, elsewhere = (
        await desks.rep("customer/main"),
        await desks.manager("customer"),
        await desks.manager("inbound"),
    )
    for what, body, status in WRITES:
        path = f"/v1/customers/{customer}/{what}"
        refused(await care.rep.post(path, body), 428, "claim_token_required")
        refused(await care.rep.post(path, body, token=9), 409, "claim_lost", state="active")
        refused(await other.post(path, body, token=1), 404, "not_found")
        refused(await elsewhere.post(path, body), 404, "not_found")
        refused(await mo.post(f"/v1/customers/cus_{'0' * 26}/{what}", body), 404, "not_found")
        ok(await mo.post(path, body), status)


async def test_on_one_that_nobody_holds_a_manager_adds_nothing(desks: Desks) -> None:
    _, care, customer = await customer_of(desks)
    mo = await desks.manager()
    ok(await care.act("return", {"reason": "no_capacity"}))
    for what, body, status in WRITES:
        answer = await mo.post(f"/v1/customers/{customer}/{what}", body)
        if status == 201:
            refused(answer, 409, "not_claimed", state="parked")
        else:
            ok(answer)
    assert (await desks.row(t.items, care.item))["state"] == "cancelled"


async def test_where_there_is_no_customer_desk_a_manager_says_what_becomes_of_it(desks: Desks) -> None:
    bob, mo = await desks.rep("closing/uk"), await desks.manager()
    await desks.routing.publish(POLICY.partition("  customer:")[0])
    await desks.lead("buy")
    customer = ok(await (await bob.take("closing")).deal("won", {"value": GBP}))["customer_id"]
    for what, body, status in WRITES:
        ok(await mo.post(f"/v1/customers/{customer}/{what}", body), status)
    assert ok(await mo.get(f"/v1/customers/{customer}"))["state"] == "churned"


async def test_one_that_is_gone_answers_the_same_churn_and_refuses_all_else(desks: Desks) -> None:
    _, care, customer = await customer_of(desks)
    mo = await desks.manager()
    asked = ok(await say(care, customer, "tasks", {"kind": "support", "summary": "a login"}), 201)["id"]
    first = ok(await say(care, customer, "churn", {"reason": "product"}))
    assert first["customer"]["tasks"][0]["state"] == (await desks.row(t.tasks, asked))["state"] == "cancelled"
    told = await desks.told(care.lead)
    for again in (
        await say(care, customer, "churn", {"reason": "product"}),
        await mo.post(f"/v1/customers/{customer}/churn", {"reason": "product"}),
    ):
        assert ok(again) == first
    for what, body, _ in [*WRITES[:4], ("churn", {"reason": "price"}, 0)]:
        for answer in (await say(care, customer, what, body), await mo.post(f"/v1/customers/{customer}/{what}", body)):
            refused(answer, 409, "already_closed", state="churned")
    assert await desks.told(care.lead) == told


async def test_what_answers_201_adds_each_time_unless_keyed(desks: Desks) -> None:
    _, care, customer = await customer_of(desks)
    for what, body, status in WRITES:
        if status == 201:
            for key in (None, None, "k", "k"):
                ok(await say(care, customer, what, body, key=key), 201)
    said = ok(await care.rep.get(f"/v1/customers/{customer}"))
    assert [len(said[name]) for name in ("expansions", "renewals", "tasks")] == [3, 3, 3]


MISTAKEN: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("deployed", {"at": "2026-07-06T10:00:00Z"}, [("#/at", "in_future")]),
    ("deployed", {"at": "2026-07-05T10:00:00Z"}, [("#/at", "out_of_range")]),
    ("expansions", {}, [("#/value", "required")]),
    ("expansions", {"value": GBP, "at": "2026-07-05T10:00:00Z"}, [("#/at", "out_of_range")]),
    ("renewals", {"value": GBP}, [("#/until", "required")]),
    ("renewals", {"value": GBP, "until": "2026-13-01"}, [("#/until", "invalid_time")]),
    ("renewals", {"value": GBP, "until": "2026-07-05"}, [("#/until", "out_of_range")]),
    ("churn", {"reason": "no_need"}, [("#/reason", "not_allowed")]),
    ("churn", {"reason": "price", "at": "2026-07-05T10:00:00Z"}, [("#/at", "out_of_range")]),
]


async def test_a_mistaken_body_is_refused(desks: Desks) -> None:
    _, care, customer = await customer_of(desks)
    for what, body, wrong in MISTAKEN:
        assert mistakes(await say(care, customer, what, body)) == wrong, body


@pytest.mark.parametrize("what", ["expansions", "churn"])
async def test_who_held_it_is_told_for_a_day_that_it_is_lost(desks: Desks, what: str) -> None:
    _, care, customer = await customer_of(desks)
    await desks.rep("customer/main")
    ok(await care.act("return", {"reason": "no_capacity"}))
    body = {name: body for name, body, _ in WRITES}[what]
    refused(await say(care, customer, what, body), 409, "claim_lost", state="returned")
    desks.later(hours=25)
    refused(await say(care, customer, what, body), 404, "not_found")
