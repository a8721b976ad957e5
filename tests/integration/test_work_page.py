"""The work page, rendered: what it shows of hand-overs between the desks, and which it offers."""

from kit.desks import GBP, Caller, Desks, ok


async def shown(rep: Caller) -> str:
    response = await rep.client.get("/work", headers={"Accept": "text/html"})
    assert response.status_code == 200
    return response.text


async def test_each_desk_sees_what_was_asked_what_came_of_it_and_what_it_may_do(desks: Desks) -> None:
    bob, sue, eve = await desks.rep("closing/uk"), await desks.rep("service/main"), await desks.rep("customer/main")
    await desks.lead("buy")
    deal = await bob.take("closing")
    ok(await deal.deal("tasks", {"kind": "quote", "summary": "40 vans <b>", "needed_by": "2026-07-10"}), 201)
    page = await shown(bob)
    for text in ("Accept or reject", "Ask another desk", "40 vans &lt;b&gt;", "Take it back", "Solution design"):
        assert text in page, text
    held = await sue.take("service")
    page = await shown(sue)
    for text in ("Needed by", "40 vans", "What came of it", "Decline"):
        assert text in page, text
    result = {"note": "see the file", "value": GBP, "url": "example.com/7"}
    ok(await held.act("complete", {"outcome": "done", "result": result}))
    page = await shown(bob)
    assert ("see the file" in page, 'href="https://example.com/7"' in page, "Take it back" in page) == (
        True,
        True,
        False,
    )
    customer = ok(await deal.deal("won", {"value": GBP}))["customer_id"]
    care = await eve.take("customer")
    page = await shown(eve)
    for text in ("It is deployed", "They renewed", "They leave", "Ask another desk"):
        assert text in page, text
    body = {"value": GBP, "until": "2027-07-06"}
    ok(await eve.post(f"/v1/customers/{customer}/renewals", body, token=care.token), 201)
    assert "Renewed until 2027-07-06" in await shown(eve)
