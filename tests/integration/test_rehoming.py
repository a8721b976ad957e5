"""No policy and no change of reps makes a lead vanish: what has lost its place, or its last rep, gets one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from kit.floor import MAIN, UK, Floor, policy, settle
from kit.rulebooks import policy_of

from schemas.words import ItemId, QueueName
from services import policies
from services.cli.inforce import put_in_force
from services.runtime.edge import Edge
from services.runtime.exits import Refused
from services.store import parking, rehoming, reps
from services.store import tables as t
from services.worker import rehome, release

FIELD = QueueName("closing/field")
WITHOUT_POOL = ", field: {calendar: london, lease: 3 working days}"
WITH_POOL = ', field: {calendar: london, lease: 3 working days, release: {at: "08:30", buffer: {fixed: 1}}}'


@pytest.fixture
async def floor(edge: Edge) -> Floor:
    floor = Floor(edge)
    await floor.publish(policy(more=WITH_POOL))
    return floor


async def run(floor: Floor) -> None:
    await settle(rehome.duty(floor.edge))


async def test_what_lies_in_a_pool_that_a_queue_no_longer_has_goes_into_the_queue(floor: Floor) -> None:
    items = await floor.leads(3, FIELD)
    await run(floor)
    assert await floor.states(items) == ["pooled"] * 3
    await floor.publish(policy(more=WITHOUT_POOL))
    await settle(release.duty(floor.edge))
    await run(floor)
    assert await floor.states(items) == ["queued"] * 3
    assert {(each["cause"], each["queue"]) for each in await floor.told("item.queued")} == {("requeue", FIELD)}
    assert (await floor.lead_of(items[0]))["state"] == "queued"


async def test_what_lies_in_a_queue_that_is_dropped_goes_where_the_fallback_sends_it(floor: Floor) -> None:
    pooled = await floor.leads(2, FIELD)
    queued = await floor.leads(1, FIELD, pooled=False)
    before = [await floor.item(item) for item in pooled + queued]
    await floor.publish()
    await run(floor)
    after = [await floor.item(item) for item in pooled + queued]
    assert [(item.queue, item.state) for item in after] == [(UK, "pooled"), (UK, "pooled"), (UK, "queued")]
    assert [item.rank_at for item in after] == [item.rank_at for item in before]
    told = await floor.told("item.queued", lead=after[2].lead_id)
    assert [(each["cause"], each["queue"]) for each in told] == [("decision", FIELD), ("requeue", UK)]
    for item in after:
        assert (await floor.row(t.opportunities, str(item.opportunity_id)))["queue"] == UK
        assert (await floor.row(t.leads, item.lead_id))["queue"] == UK
    await settle(release.duty(floor.edge))
    assert await floor.states(pooled) == ["queued", "queued"]


async def test_a_dropped_pool_whose_fallback_has_none_goes_into_its_queue(floor: Floor) -> None:
    items = await floor.leads(2, FIELD)
    await floor.publish(policy(uk=""))
    await run(floor)
    assert [((await floor.item(item)).queue, (await floor.item(item)).state) for item in items] == [(UK, "queued")] * 2


async def test_what_a_rep_holds_in_a_dropped_queue_stays_held_and_moves_when_it_comes_back(floor: Floor) -> None:
    (item,) = await floor.leads(1, FIELD, pooled=False)
    await floor.claim(item, await floor.rep(FIELD))
    await floor.publish()
    await run(floor)
    assert (await floor.item(item)).queue == FIELD
    await floor.change(t.items, item, state="queued")
    await floor.change(t.leads, (await floor.item(item)).lead_id, state="queued")
    await run(floor)
    assert (await floor.item(item)).queue == UK


async def test_what_a_new_policy_would_move_is_known_before(floor: Floor) -> None:
    await floor.leads(2, FIELD)
    await floor.leads(1, FIELD, pooled=False)
    await floor.leads(1, UK)
    async with floor.edge.database.read() as tx:
        dropped = await rehoming.moving(tx, policy_of(policy()))
        unpooled = await rehoming.moving(tx, policy_of(policy(more=WITHOUT_POOL)))
    assert [(each.queue, each.items, each.home) for each in dropped] == [(FIELD, 3, UK)]
    assert [(each.queue, each.items, each.home) for each in unpooled] == [(FIELD, 2, FIELD)]


async def test_a_policy_under_which_open_work_has_no_place_at_all_is_not_published(floor: Floor) -> None:
    customer = QueueName("customer/main")
    await floor.leads(2, customer, pooled=False)
    without = "\n".join(line for line in policy().splitlines() if not line.startswith("  customer:"))
    with pytest.raises(Refused, match="2 customers would have no queue"):
        async with floor.edge.database.tx() as tx:
            await put_in_force(tx, policies.sound(without), None)
    async with floor.edge.database.read() as tx:
        assert customer in (await policies.active(tx)).queues


async def test_what_has_its_place_is_let_be(floor: Floor) -> None:
    items = [*await floor.leads(1, FIELD), *await floor.leads(1, MAIN, pooled=False)]
    before = len(await floor.told("item.queued"))
    await run(floor)
    assert await floor.states(items) == ["pooled", "queued"]
    assert len(await floor.told("item.queued")) == before


# --- whom each rep has returned --------------------------------------------------------------------------------------


async def off(floor: Floor, rep: str, *queues: QueueName) -> None:
    """Take a rep off the queues that are not named."""
    async with floor.edge.database.tx() as tx:
        found = await reps.lock(tx, rep)
        assert found is not None
        await reps.change(tx, found, queues=queues)


async def test_when_the_last_rep_who_could_have_an_item_leaves_its_queue_it_is_parked(floor: Floor) -> None:
    ann, bob = await floor.rep(MAIN, away=True), await floor.rep(MAIN, UK)
    returned, fresh = await floor.leads(2, MAIN, pooled=False)
    await floor.change(t.items, returned, returned_by=[ann])
    await run(floor)
    assert await floor.states([returned, fresh]) == ["queued", "queued"]
    await off(floor, bob, UK)
    await run(floor)
    assert await floor.states([returned, fresh]) == ["parked", "queued"]
    (told,) = await floor.told("item.parked")
    assert (told["item_id"], told["reason"]) == (returned, "returned_by_all")
    assert (await floor.lead_of(returned))["state"] == "queued"


async def test_in_a_queue_without_reps_an_item_waits_for_the_first(floor: Floor) -> None:
    ann = await floor.rep(MAIN)
    (item,) = await floor.leads(1, MAIN, pooled=False)
    await floor.change(t.items, item, returned_by=[ann])
    await off(floor, ann, UK)
    await run(floor)
    assert await floor.states([item]) == ["queued"]


async def test_a_rep_who_comes_between_look_and_act_may_have_it(floor: Floor) -> None:
    ann = await floor.rep(MAIN)
    (item,) = await floor.leads(1, MAIN, pooled=False)
    await floor.change(t.items, item, returned_by=[ann])
    async with floor.edge.database.read() as tx:
        found = await parking.refused_items(tx, await policies.active(tx), 10, ())
    assert [due.id for due in found] == [item]
    await floor.rep(MAIN)
    async with floor.edge.database.tx() as tx:
        assert await parking.park(tx, await policies.active(tx), found) == 0
    assert await floor.states([item]) == ["queued"]


# --- reservations ----------------------------------------------------------------------------------------------------


async def reserve(floor: Floor, item: ItemId, rep: str) -> None:
    until = floor.edge.clock.now() + timedelta(days=1)
    await floor.change(t.items, item, reserved_for=rep, reserved_until=until, reserved_why="continuity")


async def reserved_for(floor: Floor, *items: ItemId) -> list[str | None]:
    return [(await floor.item(item)).reserved_for for item in items]


async def test_what_is_reserved_for_a_rep_who_leaves_its_queue_is_anyones_at_once(floor: Floor) -> None:
    ann, bob = await floor.rep(MAIN, UK), await floor.rep(MAIN, away=True)
    for_ann, for_bob, for_ann_at_uk = *await floor.leads(2, MAIN, pooled=False), *await floor.leads(1, UK, pooled=False)
    for item, rep in ((for_ann, ann), (for_bob, bob), (for_ann_at_uk, ann)):
        await reserve(floor, item, rep)
    before = await floor.item(for_ann)
    await run(floor)
    assert await reserved_for(floor, for_ann, for_bob, for_ann_at_uk) == [ann, bob, ann]
    await off(floor, ann, UK)
    await run(floor)
    assert await reserved_for(floor, for_ann, for_bob, for_ann_at_uk) == [None, bob, ann]
    after = await floor.item(for_ann)
    assert after == replace(before, reserved_for=None, reserved_until=None, reserved_why=None)
    told = (await floor.told("item.queued", lead=after.lead_id))[-1]
    assert (told["cause"], told["queue"], told["reserved_for"]) == ("requeue", MAIN, None)


async def test_what_goes_to_another_queue_is_reserved_no_more_unless_its_rep_works_that_too(floor: Floor) -> None:
    ann, bob = await floor.rep(FIELD), await floor.rep(FIELD, UK)
    for_ann, for_bob = await floor.leads(2, FIELD, pooled=False)
    await reserve(floor, for_ann, ann)
    await reserve(floor, for_bob, bob)
    await floor.publish()
    await run(floor)
    await run(floor)
    assert [(await floor.item(item)).queue for item in (for_ann, for_bob)] == [UK, UK]
    assert await reserved_for(floor, for_ann, for_bob) == [None, bob]


async def test_a_rep_who_is_back_in_the_queue_between_look_and_act_keeps_what_is_reserved(floor: Floor) -> None:
    ann = await floor.rep(UK)
    (item,) = await floor.leads(1, MAIN, pooled=False)
    await reserve(floor, item, ann)
    async with floor.edge.database.read() as tx:
        found = await rehoming.idle_reservations(tx, 10, ())
    assert [due.id for due in found] == [item]
    await off(floor, ann, MAIN)
    async with floor.edge.database.tx() as tx:
        assert await rehoming.unreserve(tx, found) == 0
    assert await reserved_for(floor, item) == [ann]
