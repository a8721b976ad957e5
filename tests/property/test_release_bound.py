"""Law 5: a release never ends above the target, whatever else happens to the queue; several workers at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.floor import UK, Floor, policy, settle
from sqlalchemy import delete, select

from schemas.words import ItemId, Priority
from services import policies
from services.runtime.edge import Edge
from services.store import pool
from services.store import tables as t
from services.store.story import telling
from services.worker import release

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pool"), st.integers(1, 6)),
        st.tuples(st.just("hot"), st.integers(1, 3)),
        st.tuples(st.just("claim"), st.integers(1, 4)),
        st.tuples(st.just("pull"), st.integers(1, 3)),
        st.tuples(st.just("target"), st.integers(0, 8)),
        st.tuples(st.just("work"), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=8,
)


async def lying(floor: Floor, state: str) -> list[dict[str, Any]]:
    """What lies in the queue or in its pool, in order."""
    item = t.items.c
    async with floor.edge.database.read() as tx:
        return [dict(row) for row in await tx.fetch(select(t.items).where(item.state == state).order_by(item.rank_at))]


async def pull(floor: Floor, rep: str) -> None:
    """Release and claim at once: here the claim follows by a second transaction, so it is kept out of the depth."""
    async with floor.edge.database.tx() as tx, telling(tx) as stories:
        policy = await policies.active(tx)
        found = await pool.release_for(tx, stories, policy, policy.queues[UK], rep)
        if found is not None:
            await tx.execute(t.items.update().where(t.items.c.id == found.id).values(state="claimed"))


async def step(floor: Floor, rep: str, what: str, n: int, target: int) -> int:
    """Do one thing; the target from then on."""
    match what:
        case "pool":
            await floor.leads(n)
        case "hot":
            await floor.leads(n, pooled=False, priority=Priority.HOT)
        case "claim":
            for row in (await lying(floor, "queued"))[:n]:
                await floor.claim(ItemId(row["id"]), rep)
        case "pull":
            await asyncio.gather(*(pull(floor, rep) for _ in range(n)))
        case "target":
            await floor.publish(policy(f'release: {{at: "08:30", buffer: {{fixed: {n}}}}}'))
            return n
        case "work":
            await asyncio.gather(*(settle(release.duty(floor.edge)) for _ in range(n)))
    return target


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
async def test_a_release_never_ends_above_its_target(edge: Edge, steps: Sequence[tuple[str, int]]) -> None:
    floor = Floor(edge)
    async with edge.database.tx() as tx:
        for table in (t.items, t.claims, t.timeline, t.leads, t.lead_details, t.submissions):
            await tx.execute(delete(table))
    await floor.publish(policy('release: {at: "08:30", buffer: {fixed: 2}}'))
    rep, target = await floor.rep(UK), 2
    highest = target
    for what, n in [*steps, ("work", 2)]:
        order = [row["id"] for row in await lying(floor, "pooled")]
        target = await step(floor, rep, what, n, target)
        highest = max(highest, target)
        left = [row["id"] for row in await lying(floor, "pooled") if row["id"] in order]
        assert left == order[len(order) - len(left) :], "the head of the pool went first"
    for told in await floor.told("opportunity.released"):
        if told["cause"] != "pull":
            assert told["depth_after"] <= told["target"]
    depth, waiting = len(await lying(floor, "queued")), len(await lying(floor, "pooled"))
    hot = sum(row["priority"] == Priority.HOT for row in await lying(floor, "queued"))
    assert depth >= target or not waiting, "it is filled as far as the pool goes"
    assert depth - hot <= highest, "what was released stays within the buffer"
