"""What is late goes the steps of its queue, each once, until somebody attempts it."""

from kit.desks import POLICY, Desks, ok, refused
from kit.floor import settle

from services.worker import due

STEPS = "[{after: 10m, raise: high}, {after: 30m, queue: inbound/second}, {after: 1h, notify: true}]"


async def under(desks: Desks, steps: str = STEPS) -> None:
    main = "main: {calendar: always, in_hand: 3, lease: 15m"
    await desks.routing.publish(POLICY.replace(main, f"{main}, escalate: {steps}"))


async def after(desks: Desks, **by: float) -> None:
    desks.later(**by)
    for _ in range(2):
        await settle(due.duty(desks.edge))


async def test_what_is_late_goes_each_step_once_in_its_time(desks: Desks) -> None:
    await under(desks)
    bob = await desks.rep("inbound/second")
    lead = await desks.lead()
    before = await desks.item_of(lead)
    await after(desks, minutes=14)
    assert await desks.told(lead, "item.escalated") == []
    await after(desks, minutes=1)
    (raised,) = await desks.told(lead, "item.escalated")
    assert (raised["step"], raised["does"], raised["priority"], raised["due_at"]) == (
        1,
        "raise",
        "high",
        "2026-07-06T09:05:00.000Z",
    )
    item = await desks.item_of(lead)
    assert (item["priority"], item["rank_at"], item["reserved_for"]) == ("high", before["rank_at"], None)
    await after(desks, minutes=10)
    assert len(await desks.told(lead, "item.escalated")) == 1
    await after(desks, minutes=10)
    item = await desks.item_of(lead)
    assert (item["queue"], item["state"], item["queued_at"]) == ("inbound/second", "queued", before["queued_at"])
    assert (await desks.told(lead))[-2:] == ["item.escalated", "item.queued"]
    await after(desks, minutes=30)
    assert [each["does"] for each in await desks.told(lead, "item.escalated")] == ["raise", "queue", "notify"]
    await after(desks, days=3)
    assert len(await desks.told(lead, "item.escalated")) == 3
    assert (await bob.take("inbound")).lead == lead


async def test_an_attempt_ends_it_and_one_who_holds_and_attempts_nothing_loses_it(desks: Desks) -> None:
    await under(desks)
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/second")
    tried, held = await desks.lead(), await desks.lead()
    first, second = await ann.take("inbound"), await ann.take("inbound")
    await after(desks, minutes=6)
    await first.attempt("voicemail")
    await after(desks, minutes=29)
    assert await desks.told(tried, "item.escalated") == []
    assert len(await desks.told(held, "item.escalated")) == 2
    refused(await second.act("heartbeat"), 409, "claim_lost", state="revoked")
    ok(await first.act("heartbeat"))
    assert (await bob.take("inbound")).lead == held


async def test_several_steps_that_were_missed_are_caught_up_in_their_order(desks: Desks) -> None:
    await under(desks)
    lead = await desks.lead("urgent")
    await after(desks, hours=5)
    await after(desks)
    told = await desks.told(lead, "item.escalated")
    assert [(each["step"], each["does"]) for each in told] == [(1, "raise"), (2, "queue"), (3, "notify")]
    assert (await desks.item_of(lead))["priority"] == "high"


async def test_steps_that_the_policy_dropped_meanwhile_are_not_gone(desks: Desks) -> None:
    await under(desks)
    lead = await desks.lead()
    await after(desks, minutes=6)
    await under(desks, "[]")
    await after(desks, hours=2)
    assert await desks.told(lead, "item.escalated") == []
    assert len(await desks.told(lead, "item.sla_breached")) == 1
