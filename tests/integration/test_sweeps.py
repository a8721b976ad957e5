"""What time does: claims end, the late are told of, sleepers wake, leads come back."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.floor import MAIN, UK, Floor, settle
from sqlalchemy import select

from schemas.words import QueueName
from services.runtime.edge import Edge
from services.store import sweeps
from services.store import tables as t
from services.worker import due, ended

MINUTE = timedelta(minutes=1)
CUSTOMERS = QueueName("customer/main")


@pytest.fixture
async def floor(edge: Edge) -> Floor:
    floor = Floor(edge)
    await floor.publish()
    return floor


async def run(floor: Floor) -> None:
    """Let all that is due be done."""
    await settle(ended.duty(floor.edge))
    await settle(due.duty(floor.edge))


async def held(floor: Floor, queue: QueueName = MAIN, **claim: Any) -> tuple[str, str]:
    """An item and the claim that holds it for a quarter of an hour."""
    (item,) = await floor.leads(1, queue, pooled=False)
    return item, await floor.claim(item, await floor.rep(queue), **claim)


# --- ended claims ----------------------------------------------------------------------------------------------------


async def test_before_an_attempt_an_ended_claim_goes_back_unmarked_its_age_kept(
    floor: Floor, clock: ManualClock
) -> None:
    item, claim = await held(floor)
    before = await floor.item(item)
    clock.move(15 * MINUTE)
    await run(floor)
    after = await floor.item(item)
    assert (after.state, after.returned_by) == ("queued", ())
    assert (after.queued_at, after.rank_at) == (before.queued_at, before.rank_at)
    row = await floor.row(t.claims, claim)
    assert (row["state"], row["ended_at"]) == ("expired", clock.now())
    told = await floor.told("item.expired", "item.queued")
    assert [(each["name"], each.get("cause")) for each in told[1:]] == [
        ("item.expired", None),
        ("item.queued", "lease"),
    ]
    assert (told[1]["claim_id"], told[1]["rep_id"]) == (claim, row["rep_id"])
    assert (await floor.lead_of(item))["state"] == "queued"


async def test_until_its_lease_ends_a_claim_stands(floor: Floor, clock: ManualClock) -> None:
    item, _ = await held(floor)
    clock.move(15 * MINUTE - timedelta(milliseconds=1))
    await run(floor)
    assert await floor.states([item]) == ["claimed"]


async def test_after_an_attempt_an_ended_claim_goes_to_the_managers_list(floor: Floor, clock: ManualClock) -> None:
    item, claim = await held(floor, attempted_at=clock.now())
    clock.move(15 * MINUTE)
    await run(floor)
    assert await floor.states([item]) == ["parked"]
    assert (await floor.row(t.claims, claim))["state"] == "expired"
    told = await floor.told("item.expired", "item.queued", "item.parked")
    assert [(each["name"], each.get("reason")) for each in told[1:]] == [
        ("item.expired", None),
        ("item.parked", "expired"),
    ]
    assert (await floor.lead_of(item))["state"] == "queued"


async def test_the_holder_is_warned_before_an_overdue_claim_ends_even_if_nobody_looked_in_time(
    floor: Floor, clock: ManualClock
) -> None:
    step = {"next_at": clock.now() + 5 * MINUTE, "next_promise": True, "attempted_at": clock.now()}
    await held(floor, **step)
    clock.move(timedelta(days=3))
    await run(floor)
    told = await floor.told("item.overdue", "item.promise_broken", "item.expired", "item.parked")
    assert [each["name"] for each in told] == ["item.overdue", "item.promise_broken", "item.expired", "item.parked"]


async def test_a_promise_whose_time_has_come_is_broken_when_its_claim_ends(floor: Floor, clock: ManualClock) -> None:
    await held(floor, next_at=clock.now() + 10 * MINUTE, next_promise=True)
    clock.move(15 * MINUTE)
    await run(floor)
    assert len(await floor.told("item.promise_broken")) == 1


async def test_an_ended_claim_of_a_customer_leaves_the_lead_as_it_is(floor: Floor, clock: ManualClock) -> None:
    item, _ = await held(floor, CUSTOMERS)
    await floor.change(t.leads, (await floor.item(item)).lead_id, state="closed", outcome="won")
    clock.move(15 * MINUTE)
    await run(floor)
    assert await floor.states([item]) == ["queued"]
    assert (await floor.lead_of(item))["state"] == "closed"


async def test_a_claim_kept_alive_between_look_and_act_stands(floor: Floor, clock: ManualClock) -> None:
    item, claim = await held(floor)
    clock.move(15 * MINUTE)
    async with floor.edge.database.read() as tx:
        found = await sweeps.ended_claims(tx, 10, ())
    await floor.change(t.claims, claim, expires_at=clock.now() + MINUTE)
    async with floor.edge.database.tx() as tx:
        assert await sweeps.end_claims(tx, found) == 0
    assert await floor.states([item]) == ["claimed"]


async def test_a_lead_that_another_holds_is_left_to_the_next_look(floor: Floor, clock: ManualClock) -> None:
    busy, free = (await held(floor))[0], (await held(floor))[0]
    clock.move(15 * MINUTE)
    async with floor.edge.database.tx() as tx:
        await tx.fetch(select(t.leads).where(t.leads.c.id == (await floor.item(busy)).lead_id).with_for_update())
        await asyncio.wait_for(run(floor), 5)
        assert await floor.states([busy, free]) == ["claimed", "queued"]
    await run(floor)
    assert await floor.states([busy]) == ["queued"]


async def test_several_workers_end_each_claim_once_in_bounded_batches(floor: Floor, clock: ManualClock) -> None:
    rep = await floor.rep(MAIN)
    await floor.hold_many(250, MAIN, rep, lease=15 * MINUTE)
    clock.move(15 * MINUTE)
    duties = [ended.duty(floor.edge) for _ in range(3)]
    await asyncio.gather(*(settle(duty) for duty in duties))
    await settle(duties[0])
    told = await floor.told("item.expired")
    assert len(told) == len({each["claim_id"] for each in told}) == 250


async def test_a_claim_that_cannot_be_ended_blocks_no_other(floor: Floor, clock: ManualClock) -> None:
    items = [(await held(floor))[0] for _ in range(7)]
    await floor.change(t.items, items[3], state="done")  # which no act of ours leads to while it is claimed
    clock.move(15 * MINUTE)
    await run(floor)
    assert await floor.states(items) == ["queued"] * 3 + ["done"] + ["queued"] * 3
    failed = floor.edge.telemetry.failures.labels("worker.ended")
    assert failed._value.get() == 1


# --- lateness --------------------------------------------------------------------------------------------------------


async def test_the_holder_is_warned_once_of_each_next_step_that_is_overdue(floor: Floor, clock: ManualClock) -> None:
    step = clock.now() + 5 * MINUTE
    _, claim = await held(floor, lease=timedelta(days=1), next_at=step)
    clock.move(5 * MINUTE - timedelta(milliseconds=1))
    await run(floor)
    assert await floor.told("item.overdue") == []
    for _ in range(3):
        clock.move(timedelta(seconds=1))
        await run(floor)
    (told,) = await floor.told("item.overdue")
    assert (told["claim_id"], told["due_at"]) == (claim, "2026-07-06T09:05:00.000Z")
    assert (await floor.row(t.claims, claim))["overdue_at"] == step + timedelta(milliseconds=999)
    await floor.change(t.claims, claim, next_at=clock.now() + MINUTE, overdue_at=None)
    clock.move(2 * MINUTE)
    await run(floor)
    assert len(await floor.told("item.overdue")) == 2


async def test_a_promise_is_broken_once_a_quarter_of_an_hour_after_its_time(floor: Floor, clock: ManualClock) -> None:
    _, claim = await held(floor, lease=timedelta(days=1), next_at=clock.now(), next_promise=True)
    clock.move(15 * MINUTE)
    await run(floor)
    assert await floor.told("item.promise_broken") == []
    for _ in range(3):
        clock.move(timedelta(milliseconds=1))
        await run(floor)
    (told,) = await floor.told("item.promise_broken")
    assert (told["claim_id"], told["due_at"]) == (claim, "2026-07-06T09:00:00.000Z")


async def test_a_promise_that_was_kept_is_never_broken(floor: Floor, clock: ManualClock) -> None:
    await held(floor, lease=timedelta(days=1), next_at=clock.now(), next_promise=True, settled_at=clock.now())
    clock.move(timedelta(hours=1))
    await run(floor)
    assert await floor.told("item.promise_broken") == []


async def test_an_answer_is_late_once_wherever_the_item_lies(floor: Floor, clock: ManualClock) -> None:
    queued, claimed, attempted = await floor.leads(3, MAIN, pooled=False, due=5 * MINUTE)
    (pooled,) = await floor.leads(1, due=5 * MINUTE)
    await floor.leads(1, MAIN, pooled=False)  # without an hour to answer by
    rep = await floor.rep(MAIN)
    await floor.claim(claimed, rep, lease=timedelta(days=1))
    await floor.change(t.items, attempted, attempted_at=clock.now())
    clock.move(5 * MINUTE)
    await run(floor)
    assert await floor.told("item.sla_breached") == []
    for _ in range(3):
        clock.move(timedelta(milliseconds=1))
        await run(floor)
    told = await floor.told("item.sla_breached")
    assert {each["item_id"] for each in told} == {queued, claimed, pooled}
    assert len(told) == 3
    assert {each["due_at"] for each in told} == {"2026-07-06T09:05:00.000Z"}


# --- coming back -----------------------------------------------------------------------------------------------------


async def test_a_sleeper_wakes_in_its_queue_at_its_time(floor: Floor, clock: ManualClock) -> None:
    (item,) = await floor.leads(1, MAIN, pooled=False)
    await floor.change(t.items, item, state="snoozed", next_at=clock.now() + MINUTE)
    before = await floor.item(item)
    await run(floor)
    assert await floor.states([item]) == ["snoozed"]
    clock.move(MINUTE)
    await run(floor)
    after = await floor.item(item)
    assert (after.state, after.next_at, after.rank_at) == ("queued", None, before.rank_at)
    assert (await floor.told("item.queued"))[-1]["cause"] == "next_at"


async def test_a_nurtured_lead_is_decided_anew_on_its_day(floor: Floor, clock: ManualClock) -> None:
    (item,) = await floor.leads(1, MAIN, pooled=False)
    lead = (await floor.item(item)).lead_id
    await floor.change(t.items, item, state="done")
    await floor.change(t.leads, lead, state="nurturing", nurture_until=clock.now() + timedelta(days=90))
    clock.move(timedelta(days=90) - MINUTE)
    await run(floor)
    assert (await floor.row(t.leads, lead))["state"] == "nurturing"
    clock.move(MINUTE)
    await run(floor)
    row = await floor.row(t.leads, lead)
    assert (row["state"], row["nurture_until"]) == ("queued", None)
    (decided,) = await floor.told("lead.decided")
    assert (decided["rule"], decided["queue"]) == ("enquiry", "inbound/main")


async def test_a_lost_opportunity_reopens_by_itself_on_its_date(floor: Floor, clock: ManualClock) -> None:
    (item,) = await floor.leads(1, UK)
    found = await floor.item(item)
    assert found.opportunity_id is not None
    await floor.change(t.items, item, state="done")
    await floor.change(t.leads, found.lead_id, state="closed", outcome="lost", reason="timing")
    later = datetime(2026, 10, 1, tzinfo=UTC)
    await floor.change(t.opportunities, found.opportunity_id, state="lost", reason="timing", reopen_after=later)
    clock.set(later - MINUTE)
    await run(floor)
    assert await floor.told("opportunity.reopened") == []
    clock.move(MINUTE)
    for _ in range(2):
        await run(floor)
    assert len(await floor.told("opportunity.reopened")) == 1
    opportunity = await floor.row(t.opportunities, found.opportunity_id)
    assert (opportunity["state"], opportunity["reopen_after"]) == ("open", None)
    assert await floor.states([opportunity["item_id"]]) == ["queued"]
    assert (await floor.row(t.leads, found.lead_id))["state"] == "queued"
