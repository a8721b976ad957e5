"""Releases: from the pool into the queue, up to its target."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from kit.clock import ManualClock
from kit.floor import MAIN, UK, Floor, policy, settle
from sqlalchemy import select

from schemas.words import LeadId, PersonId, Priority, QueueName
from services import policies
from services.runtime.edge import Edge
from services.store import measures, pool, suppressions
from services.store import tables as t
from services.store.items import Item
from services.store.story import telling
from services.worker import release

FIELD = QueueName("closing/field")
PER_HOUR = 'release: {at: "08:30", buffer: {per_rep_hour: 0.5}}'
"""On the floor's London calendar, of eight hours: four for each rep."""


@pytest.fixture
async def floor(edge: Edge) -> Floor:
    """With a policy whose `closing/uk` has a target of three."""
    floor = Floor(edge)
    await floor.publish()
    return floor


async def run(floor: Floor) -> None:
    """Let the releases do all that there is to do."""
    await settle(release.duty(floor.edge))


async def pull(floor: Floor, rep: str, *, test: bool = False) -> Item | None:
    """What a pull does that finds its queue empty, and commits."""
    async with floor.edge.database.tx() as tx, telling(tx) as stories:
        policy = await policies.active(tx)
        return await pool.release_for(tx, stories, policy, policy.queues[UK], rep, test=test)


async def test_a_queue_is_filled_from_the_head_of_its_pool_up_to_its_target(floor: Floor) -> None:
    young = await floor.leads(3)
    old = await floor.leads(2, aged=timedelta(hours=1))
    await run(floor)
    assert await floor.states(old + young) == ["queued", "queued", "queued", "pooled", "pooled"]
    told = await floor.told("opportunity.released")
    assert sorted(each["depth_after"] for each in told) == [1, 2, 3]
    assert {(each["target"], each["queue"]) for each in told} == {(3, "closing/uk")}


async def test_a_release_tells_why_then_that_the_item_can_be_pulled_and_moves_the_lead(floor: Floor) -> None:
    (item,) = await floor.leads()
    await run(floor)
    lead = await floor.lead_of(item)
    told = await floor.told("opportunity.created", "opportunity.released", "item.queued", lead=lead["id"])
    assert [each["name"] for each in told] == ["opportunity.created", "opportunity.released", "item.queued"]
    assert told[2]["cause"] == "release"
    assert told[2]["actor"] == {"kind": "system", "id": None}
    assert lead["state"] == "queued"


async def test_as_it_empties_below_its_target_it_is_filled_again(floor: Floor) -> None:
    waiting = await floor.leads(4)
    rep = await floor.rep(UK)
    await run(floor)
    await floor.claim(waiting[0], rep)
    await run(floor)
    assert await floor.states(waiting) == ["claimed", "queued", "queued", "queued"]
    (last,) = await floor.told("opportunity.released", lead=(await floor.lead_of(waiting[3]))["id"])
    assert (last["cause"], last["depth_after"]) == ("level", 3)


async def test_a_top_up_is_harmless_to_repeat(floor: Floor) -> None:
    await floor.leads(5)
    for _ in range(4):
        await run(floor)
    assert len(await floor.told("opportunity.released")) == 3


async def test_what_skips_the_pool_is_counted_so_a_release_adds_nothing_on_top(floor: Floor) -> None:
    await floor.leads(4, pooled=False, priority=Priority.HOT)
    pooled = await floor.leads(2)
    await run(floor)
    assert await floor.states(pooled) == ["pooled", "pooled"]
    assert await floor.told("opportunity.released") == []


async def test_the_target_counts_the_reps_who_are_there_each_shared_among_their_queues(floor: Floor) -> None:
    await floor.publish(policy(PER_HOUR, more=f", field: {{calendar: london, lease: 3 working days, {PER_HOUR}}}"))
    await floor.rep(UK)
    await floor.rep(UK, FIELD)
    await floor.rep(UK, away=True)
    await floor.rep(UK, away_until=datetime(2026, 7, 6, 8, tzinfo=UTC))  # back since an hour
    await floor.leads(20)
    await floor.leads(20, FIELD)
    await run(floor)
    told = await floor.told("opportunity.released")
    assert {(each["queue"], each["target"]) for each in told} == {("closing/uk", 10), ("closing/field", 2)}
    assert len(told) == 12


async def test_a_queue_that_the_policy_has_dropped_takes_no_share_of_a_rep(floor: Floor) -> None:
    await floor.publish(policy(PER_HOUR))
    await floor.rep(UK, FIELD)
    await floor.leads(20)
    await run(floor)
    assert {each["target"] for each in await floor.told("opportunity.released")} == {4}
    async with floor.edge.database.read() as tx:
        (measured,) = await measures.measure(tx, await policies.active(tx), [UK])
    assert (measured.target, measured.reps_present) == (4, 1)


async def test_list_enquiries_drip_from_the_inbound_pool_without_an_opportunity(floor: Floor) -> None:
    await floor.publish(policy(inbound="release: {buffer: {fixed: 2}}"))
    items = await floor.leads(3, MAIN, list=True)
    await run(floor)
    assert await floor.states(items) == ["queued", "queued", "pooled"]
    assert {each["cause"] for each in await floor.told("item.queued")} == {"release"}
    assert await floor.told("opportunity.released") == []


async def test_a_large_release_is_done_in_bounded_transactions(floor: Floor) -> None:
    await floor.publish(policy('release: {at: "08:30", buffer: {fixed: 110}}'))
    await floor.leads(120)
    duty = release.duty(floor.edge)
    turns = 1
    while await duty.turn():
        turns += 1
    assert turns == 3  # 100, 10, and that there is no more
    told = await floor.told("opportunity.released")
    assert sorted(each["depth_after"] for each in told) == list(range(1, 111))
    assert {each["cause"] for each in told} == {"day_start"}


async def test_several_workers_at_once_never_release_above_the_target(floor: Floor) -> None:
    await floor.publish(policy('release: {at: "08:30", buffer: {fixed: 7}}'))
    await run(floor)
    items = await floor.leads(30)
    await asyncio.gather(*(run(floor) for _ in range(6)))
    assert (await floor.states(items)).count("queued") == 7
    assert sorted(each["depth_after"] for each in await floor.told("opportunity.released")) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_release_waits_for_no_lead_and_takes_the_next_instead(floor: Floor) -> None:
    items = await floor.leads(4)
    async with floor.edge.database.tx() as tx:
        await tx.fetch(select(t.leads).where(t.leads.c.id == (await floor.item(items[0])).lead_id).with_for_update())
        await asyncio.wait_for(run(floor), 5)
    assert await floor.states(items) == ["pooled", "queued", "queued", "queued"]


# --- in a pull -------------------------------------------------------------------------------------------------------


async def test_a_pull_reaches_into_the_pool_though_the_target_is_nought(floor: Floor) -> None:
    await floor.publish(policy(PER_HOUR))
    rep = await floor.rep(UK, away=True)
    items = await floor.leads(2)
    await run(floor)
    assert await floor.states(items) == ["pooled", "pooled"]
    found = await pull(floor, rep)
    assert found is not None
    assert (found.id, found.state) == (items[0], "queued")
    (told,) = await floor.told("opportunity.released")
    assert (told["cause"], told["depth_after"], told["target"]) == ("pull", 0, 0)
    assert told["actor"] == {"kind": "rep", "id": rep}


async def test_a_pull_is_not_given_from_the_pool_what_its_rep_returned(floor: Floor) -> None:
    rep, other = await floor.rep(UK), await floor.rep(UK)
    first, second = await floor.leads(2)
    await floor.change(t.items, first, returned_by=[rep])
    found = await pull(floor, rep)
    assert found is not None
    assert found.id == second
    again = await pull(floor, other)
    assert again is not None
    assert again.id == first
    assert await pull(floor, other) is None


async def test_pulls_at_once_get_different_items_from_the_pool(floor: Floor) -> None:
    items = await floor.leads(5)
    reps = [await floor.rep(UK) for _ in range(8)]
    found = await asyncio.gather(*(pull(floor, rep) for rep in reps))
    assert sorted(item.id for item in found if item) == sorted(items)


# --- who may not be reached, and who is only a test ------------------------------------------------------------------


async def suppress(floor: Floor, item: str) -> None:
    person = (await floor.lead_of(item))["person_id"]
    async with floor.edge.database.tx() as tx:
        await suppressions.suppress(tx, PersonId(person), None, "opted_out")


async def test_a_release_closes_who_may_not_be_reached_and_fills_up_with_the_next(floor: Floor) -> None:
    items = await floor.leads(5)
    await suppress(floor, items[0])
    await suppress(floor, items[1])
    await run(floor)
    assert await floor.states(items) == ["cancelled", "cancelled", "queued", "queued", "queued"]
    lead = await floor.lead_of(items[0])
    assert (lead["state"], lead["outcome"], lead["reason"]) == ("closed", "disqualified", "suppressed")


async def test_a_pull_passes_over_who_may_not_be_reached(floor: Floor) -> None:
    items = await floor.leads(2)
    await suppress(floor, items[0])
    found = await pull(floor, await floor.rep(UK))
    assert found is not None
    assert found.id == items[1]
    assert await floor.states(items[:1]) == ["cancelled"]


async def test_test_leads_are_in_no_buffer_and_in_no_count(floor: Floor) -> None:
    real = await floor.leads(3)
    tests = await floor.leads(5, test=True)
    await run(floor)
    assert set(await floor.states(real + tests)) == {"queued"}
    depths = [each["depth_after"] for each in await floor.told("opportunity.released") if not each["test"]]
    assert sorted(depths) == [1, 2, 3]


async def test_a_test_pull_gets_test_leads_and_another_real_ones(floor: Floor) -> None:
    rep = await floor.rep(UK)
    (real,) = await floor.leads(1)
    (test,) = await floor.leads(1, test=True)
    for wanted, is_test in ((test, True), (real, False)):
        found = await pull(floor, rep, test=is_test)
        assert found is not None
        assert found.id == wanted


# --- the day's start -------------------------------------------------------------------------------------------------


async def started_on(floor: Floor) -> date:
    return (await floor.row(t.queues, UK))["day_started_on"]


async def cause_now(floor: Floor) -> str:
    """Why one more is released now that there is room for one, and one in the pool."""
    waiting = await queued(floor)
    if len(waiting) == 3:
        await floor.claim(waiting[0], await floor.rep(UK))
    (item,) = await floor.leads()
    await run(floor)
    (told,) = await floor.told("opportunity.released", lead=LeadId((await floor.lead_of(item))["id"]))
    return str(told["cause"])


async def queued(floor: Floor) -> list[str]:
    async with floor.edge.database.read() as tx:
        return [row["id"] for row in await tx.fetch(select(t.items.c.id).where(t.items.c.state == "queued"))]


async def test_the_day_starts_once_for_each_open_local_day(floor: Floor, clock: ManualClock) -> None:
    assert await cause_now(floor) == "day_start"
    assert await cause_now(floor) == "level"
    clock.set(datetime(2026, 7, 7, 7, 29, 59, tzinfo=UTC))  # a second before 08:30 in London
    assert await cause_now(floor) == "level"
    clock.set(datetime(2026, 7, 7, 7, 30, tzinfo=UTC))
    assert await cause_now(floor) == "day_start"
    assert await cause_now(floor) == "level"
    assert await started_on(floor) == date(2026, 7, 7)


async def test_a_day_start_that_was_missed_is_caught_up_even_days_later(floor: Floor, clock: ManualClock) -> None:
    await run(floor)
    clock.set(datetime(2026, 7, 12, 22, tzinfo=UTC))  # nobody worked until Sunday night
    assert await cause_now(floor) == "day_start"
    assert await started_on(floor) == date(2026, 7, 10)
    clock.set(datetime(2026, 7, 13, 7, 30, tzinfo=UTC))
    assert await cause_now(floor) == "day_start"
    assert await started_on(floor) == date(2026, 7, 13)


async def test_the_day_starts_by_the_wall_clock_on_both_sides_of_a_change(floor: Floor, clock: ManualClock) -> None:
    clock.set(datetime(2026, 10, 23, 7, 30, tzinfo=UTC))  # Friday, summer time
    assert await cause_now(floor) == "day_start"
    clock.set(datetime(2026, 10, 26, 7, 30, tzinfo=UTC))  # Monday, 07:30 in London
    assert await cause_now(floor) == "level"
    clock.set(datetime(2026, 10, 26, 8, 30, tzinfo=UTC))
    assert await cause_now(floor) == "day_start"


async def test_two_workers_start_a_day_once(floor: Floor) -> None:
    await floor.leads(3)
    await asyncio.gather(run(floor), run(floor), run(floor))
    causes = [each["cause"] for each in await floor.told("opportunity.released")]
    assert causes == ["day_start"] * 3


# --- shortage --------------------------------------------------------------------------------------------------------


async def shortages(floor: Floor) -> list[tuple[int, str]]:
    return [(each["quantity"], each["by"]) for each in await floor.signals("queue.replenishment_required")]


async def test_a_shortage_is_signalled_upstream_when_it_comes_and_whenever_it_changes(floor: Floor) -> None:
    tomorrow = "2026-07-07T07:30:00.000Z"
    await run(floor)
    assert await shortages(floor) == [(3, tomorrow)]
    await run(floor)
    assert await shortages(floor) == [(3, tomorrow)]
    first, *_ = await floor.leads(2)
    await run(floor)
    assert await shortages(floor) == [(3, tomorrow), (1, tomorrow)]
    await floor.leads(1)
    await run(floor)
    assert len(await shortages(floor)) == 2
    await floor.claim(first, await floor.rep(UK))
    await run(floor)
    assert await shortages(floor) == [(3, tomorrow), (1, tomorrow), (1, tomorrow)]


async def test_a_shortage_that_lasts_is_signalled_once(floor: Floor, clock: ManualClock) -> None:
    await run(floor)
    clock.move(timedelta(days=1))
    await run(floor)
    assert len(await shortages(floor)) == 1


async def test_surplus_in_the_pool_is_no_shortage(floor: Floor) -> None:
    await floor.leads(5)
    await run(floor)
    assert await shortages(floor) == []
