"""The measures of queues: an independent count of what lies there, told when it changes."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.floor import MAIN, UK, Floor, policy, settle
from sqlalchemy import insert, select

from schemas.events.signals import QueueMeasured
from schemas.words import ClaimState, ItemState, QueueName
from services import policies
from services.runtime.edge import Edge
from services.store import measures as kept
from services.store import tables as t
from services.worker import measures, release

GONE = QueueName("closing/gone")


@pytest.fixture
async def floor(edge: Edge) -> Floor:
    floor = Floor(edge)
    await floor.publish()
    return floor


async def run(floor: Floor) -> None:
    await settle(measures.duty(floor.edge))


async def told(floor: Floor, queue: QueueName = UK) -> list[dict[str, Any]]:
    return [each for each in await floor.signals("queue.measured") if each["queue"] == queue]


async def test_all_queues_are_measured_at_first_and_again_only_as_they_change(floor: Floor) -> None:
    await run(floor)
    await run(floor)
    assert Counter(each["queue"] for each in await floor.signals("queue.measured")) == {
        "closing/uk": 1,
        "inbound/main": 1,
        "outbound/main": 1,
        "customer/main": 1,
    }
    await floor.leads(1)
    await run(floor)
    await run(floor)
    assert [each["pool"] for each in await told(floor)] == [0, 1]
    assert len(await told(floor, MAIN)) == 1


async def test_a_row_has_what_the_contract_names(floor: Floor, clock: ManualClock) -> None:
    oldest = clock.now() - timedelta(hours=1) + timedelta(milliseconds=1)
    await floor.leads(5, aged=timedelta(hours=1))
    await floor.rep(UK)
    await settle(release.duty(floor.edge))
    clock.move(timedelta(seconds=1))
    await run(floor)
    (row,) = await told(floor)
    assert QueueMeasured.model_validate(row) == QueueMeasured(
        queue=UK,
        depth=3,
        target=3,
        zone="green",
        shortage=0,
        over_target=0,
        pool=2,
        in_hand=0,
        open=0,
        parked=0,
        snoozed=0,
        out_of_hours=0,
        opens_at=None,
        oldest_queued_at=oldest,
        reps_present=1,
        sla_breached=0,
        measured_at=clock.now(),
    )


async def test_without_a_pool_there_is_no_target_zone_or_shortage(floor: Floor) -> None:
    await floor.leads(4, MAIN, pooled=False)
    await run(floor)
    (row,) = await told(floor, MAIN)
    assert (row["depth"], row["target"], row["zone"], row["shortage"], row["over_target"]) == (4, None, None, 0, 0)


async def test_zones_are_thirds_of_the_target_and_what_exceeds_it_is_told(floor: Floor) -> None:
    seen = []
    for _ in range(4):
        await run(floor)
        row = (await told(floor))[-1]
        seen.append((row["zone"], row["shortage"], row["over_target"]))
        await floor.leads(1, pooled=False)
    await run(floor)
    assert seen == [("red", 3, 0), ("yellow", 2, 0), ("green", 1, 0), ("green", 0, 0)]
    assert (await told(floor))[-1]["over_target"] == 1


async def test_each_measure_equals_an_independent_count(floor: Floor, clock: ManualClock) -> None:
    await floor.publish(policy('release: {at: "08:30", buffer: {fixed: 40}}', "release: {buffer: {fixed: 0}}"))
    chosen = random.Random(7)
    now, names = clock.now(), [UK, MAIN, QueueName("customer/main"), GONE]
    items: list[dict[str, Any]] = []
    claims: list[dict[str, Any]] = []
    for n in range(1500):
        queued_at = now - timedelta(minutes=chosen.randrange(5000))
        item = {"id": f"itm_{n:026d}", "lead_id": f"ld_{n:026d}", "kind": "enquiry", "queue": chosen.choice(names)}
        item |= {"state": chosen.choice(list(ItemState)).value, "test": chosen.random() < 0.2, "priority": "normal"}
        item |= {"queued_at": queued_at, "rank_at": queued_at}
        item["attempted_at"] = chosen.choice([None, now])
        item["sla_breached_at"] = chosen.choice([None, now])
        items.append(item)
        claim = {"id": f"clm_{n:026d}", "item_id": item["id"], "lead_id": item["lead_id"], "queue": item["queue"]}
        claim |= {"rep_id": "rep_1", "token": 1, "why": "next", "test": item["test"], "granted_at": now}
        claim |= {"expires_at": now + timedelta(days=1), "state": chosen.choice(["active", "active", "expired"])}
        claim["next_at"] = chosen.choice([None, now, now - timedelta(hours=1), now + timedelta(hours=1)])
        claims.append(claim)
    async with floor.edge.database.tx() as tx:
        await tx.execute(insert(t.items), items)
        await tx.execute(insert(t.claims), claims)
        measured = await kept.measure(tx, await policies.active(tx), names)
    for row in measured:
        real = [each for each in items if each["queue"] == row.queue and not each["test"]]
        lie = Counter(each["state"] for each in real)
        held = [
            each
            for each in claims
            if each["queue"] == row.queue and not each["test"] and each["state"] == ClaimState.ACTIVE
        ]
        late = [each for each in real if each["sla_breached_at"] and not each["attempted_at"]]
        goal = {UK: 40, MAIN: 0}.get(row.queue)
        assert (row.depth, row.pool, row.parked, row.snoozed) == (
            lie["queued"],
            lie["pooled"],
            lie["parked"],
            lie["snoozed"],
        )
        assert (row.open, row.in_hand) == (
            len(held),
            sum(each["next_at"] is None or each["next_at"] <= now for each in held),
        )
        assert row.sla_breached == sum(each["state"] not in ("done", "cancelled") for each in late)
        assert row.oldest_queued_at == min(each["queued_at"] for each in real if each["state"] == "queued")
        assert row.target == goal
        if goal is not None:
            assert (row.shortage, row.over_target) == (
                max(0, goal - row.depth - row.pool),
                max(0, row.depth - goal),
            )


async def test_time_alone_is_a_change(floor: Floor, clock: ManualClock) -> None:
    (item,) = await floor.leads(1, MAIN, pooled=False)
    await floor.claim(item, await floor.rep(MAIN), lease=timedelta(days=1), next_at=clock.now() + timedelta(hours=1))
    await run(floor)
    clock.move(timedelta(hours=1))
    await run(floor)
    assert [(each["in_hand"], each["open"]) for each in await told(floor, MAIN)] == [(0, 1), (1, 1)]


async def test_measures_are_repeated_daily_so_that_the_log_always_has_each_queue(
    floor: Floor, clock: ManualClock
) -> None:
    await run(floor)
    clock.move(timedelta(days=1))
    await run(floor)
    assert len(await told(floor)) == 2


async def test_several_workers_tell_a_change_once(floor: Floor) -> None:
    await floor.leads(2)
    await asyncio.gather(*(run(floor) for _ in range(5)))
    await run(floor)
    assert len(await told(floor)) == 1


async def test_a_queue_whose_row_a_release_holds_is_left_to_the_next_look(floor: Floor) -> None:
    await run(floor)
    await floor.leads(1)
    async with floor.edge.database.tx() as tx:
        await tx.fetch(select(t.queues).where(t.queues.c.name == UK).with_for_update())
        await asyncio.wait_for(run(floor), 5)
        assert len(await told(floor)) == 1
    await run(floor)
    assert len(await told(floor)) == 2


async def test_what_lies_in_a_queue_that_the_policy_dropped_is_seen_until_it_is_gone(floor: Floor) -> None:
    more = ", gone: {calendar: london, lease: 3 working days}"
    await floor.publish(policy(more=more))
    (item,) = await floor.leads(1, GONE, pooled=False)
    await floor.claim(item, await floor.rep(GONE), lease=timedelta(days=1))
    await run(floor)
    await floor.publish()
    await run(floor)
    await floor.change(t.claims, (await claims_of(floor, item))[0], state="completed")
    await run(floor)
    assert [(each["open"], each["reps_present"]) for each in await told(floor, GONE)] == [(1, 1), (1, 0), (0, 0)]


async def claims_of(floor: Floor, item: str) -> list[str]:
    async with floor.edge.database.read() as tx:
        return [row["id"] for row in await tx.fetch(select(t.claims.c.id).where(t.claims.c.item_id == item))]
