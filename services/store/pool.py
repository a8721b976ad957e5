"""The pool: what is qualified for a queue and not released to it. A release moves its head into the queue.

A top-up reads the depth and adds to it under the lock of the queue's row, so it never ends above the target (law 5). A
pull that finds its queues empty releases and claims at once: that leaves the committed depth as it is, and waits for no
queue. Both take item and lead together by SKIP LOCKED, the lead first, and wait for no lead (law 14).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, not_, select, update

from router.buffer import target
from router.daystart import due_on, next_start
from router.lifecycle import Act
from router.policy.compiled import Policy, Queue, ReleasePlan
from router.release import release
from schemas.events.opportunity import OpportunityReleased
from schemas.events.signals import QueueReplenishmentRequired
from schemas.events.stamp import SYSTEM, Actor
from schemas.words import QueueName, ReleaseCause, RepId, Role
from services.runtime.tx import ReadTx, Tx
from services.store import hours, items, queues, suppressions
from services.store import tables as t
from services.store.items import Item
from services.store.story import Stories

BATCH = 100
"""How many items one transaction moves at most."""


@dataclass(frozen=True, slots=True)
class Wanting:
    """A queue that wants something of its pool. `day`: that of the day start that is due, if one is."""

    queue: Queue
    day: date | None


async def wanting(tx: ReadTx, policy: Policy) -> list[Wanting]:
    """Look, without a lock, which queues want a day start or a top-up, or have news of a shortage for upstream."""
    rows = {row["name"]: row for row in await tx.fetch(select(t.queues))}
    item = t.items.c
    found = await queues.tally(
        tx,
        queues.counted("depth", item.queue, queues.QUEUED, queues.REAL),
        queues.counted("pool", item.queue, queues.POOLED, queues.REAL),
        queues.counted("ready", item.queue, queues.POOLED, queues.REAL, queues.IN_HOURS),
        queues.counted("tests", item.queue, queues.POOLED, item.test, queues.IN_HOURS),
    )
    present = await queues.present(tx, policy)
    wanted = []
    for name, queue in policy.queues.items():
        goal = target(queue, present.get(name, ()), tx.now)
        if queue.release is None or goal is None:
            continue
        lie, row = found.get(name, {}), rows.get(name)
        depth, pool, ready, tests = (lie.get(what, 0) for what in ("depth", "pool", "ready", "tests"))
        day = due_on(queue, queue.release, tx.now)
        if row is None or row["day_started_on"] is None or row["day_started_on"] < day:
            wanted.append(Wanting(queue, day))
        elif (ready and depth < goal) or tests or queues.shortage(depth, pool, goal) != row["shortage"]:
            wanted.append(Wanting(queue, None))
    return wanted


async def top_up(
    tx: Tx, stories: Stories, policy: Policy, queue: Queue, cause: ReleaseCause = ReleaseCause.LEVEL
) -> bool:
    """Fill a queue from its pool up to its target; tell whether to go on at once. Harmless to repeat.

    Without a release plan there is no pool, and nothing to do. Test items are in no buffer: all are released. When the
    pool cannot fill the buffer, and each time that by how much changes, upstream is told.
    """
    if queue.release is None:
        return False
    row = await queues.lock(tx, queue.name)
    goal = await _target(tx, policy, queue)
    depth, pool = await queues.depth_and_pool(tx, queue.name)
    room = min(max(0, goal - depth), BATCH)
    heads = await _take(tx, stories, _pool(queue.name, test=False), room) if room and pool else []
    tests = await _take(tx, stories, _pool(queue.name, test=True), BATCH)
    closed = await suppressions.close_suppressed(tx, stories, {item.lead_id for item in [*heads, *tests]})
    free = {item.id: item for item in heads if item.lead_id not in closed}
    for id_ in release(list(free), waiting=depth, target=goal).items:
        depth += 1
        await _release(tx, stories, free[id_], cause, SYSTEM, depth, goal)
    for item in tests:
        if item.lead_id not in closed:
            await _release(tx, stories, item, cause, SYSTEM, depth, goal)
    if heads or tests:
        return True
    await _signal(tx, queue, queue.release, int(row["shortage"]), queues.shortage(depth, pool, goal))
    return False


async def start_day(tx: Tx, stories: Stories, policy: Policy, queue: Queue, day: date) -> bool:
    """The day start of `day`, unless it is done; tell whether to go on at once. Done once the queue is filled."""
    row = await queues.lock(tx, queue.name)
    if row["day_started_on"] is not None and row["day_started_on"] >= day:
        return False
    if await top_up(tx, stories, policy, queue, ReleaseCause.DAY_START):
        return True
    await tx.execute(update(t.queues).where(t.queues.c.name == queue.name).values(day_started_on=day))
    return False


async def release_for(
    tx: Tx, stories: Stories, policy: Policy, queue: Queue, rep: RepId, *, test: bool = False
) -> Item | None:
    """Release, for a rep whose queue has nothing for them, the first item in its pool that they may have.

    The queue has a pool. The item is queued and locked, its lead's story open; the caller claims it in this
    transaction. None: there is none, or others have it locked.
    """
    while heads := await _take(tx, stories, _pool(queue.name, test=test).where(_may_have(rep)), 1):
        if await suppressions.close_suppressed(tx, stories, [heads[0].lead_id]):
            continue
        if await hours.may_disturb(tx, policy, heads[0]):
            depth, _ = await queues.depth_and_pool(tx, queue.name)
            actor = Actor(kind=Role.REP, id=rep)
            goal = await _target(tx, policy, queue)
            return await _release(tx, stories, heads[0], ReleaseCause.PULL, actor, depth, goal)
    return None


def _pool(queue: QueueName, *, test: bool) -> Select[Any]:
    """The items of a pool whose persons may be called now, in their order, with their leads."""
    c = t.items.c
    return (
        select(t.items)
        .join(t.leads, t.leads.c.id == c.lead_id)
        .where(c.queue == queue, c.test.is_(test), queues.POOLED, queues.IN_HOURS)
        .order_by(c.rank_at, c.id)
    )


def _may_have(rep: RepId) -> ColumnElement[bool]:
    return not_(t.items.c.returned_by.contains([rep]))


async def _take(tx: Tx, stories: Stories, pool: Select[Any], limit: int) -> list[Item]:
    """Lock the head of a pool, items with their leads, but what others have locked; open the leads' stories."""
    rows = await tx.fetch(pool.limit(limit).with_for_update(of=(t.leads, t.items), skip_locked=True))
    taken = [Item.of(row) for row in rows]
    await stories.lock_all(item.lead_id for item in taken)
    return taken


async def _release(
    tx: Tx, stories: Stories, item: Item, cause: ReleaseCause, actor: Actor, depth_after: int, target: int
) -> Item:
    story = await stories.lock(item.lead_id)
    if item.opportunity_id is not None:
        story.tell(
            OpportunityReleased(
                opportunity_id=item.opportunity_id,
                queue=item.queue,
                cause=cause,
                depth_after=depth_after,
                target=target,
            ),
            actor,
        )
    return await items.apply(tx, story, item, Act.RELEASE, actor)


async def _target(tx: Tx, policy: Policy, queue: Queue) -> int:
    """The target of a queue that has a pool, as many of its reps as are there now."""
    found = target(queue, (await queues.present(tx, policy)).get(queue.name, ()), tx.now)
    assert found is not None
    return found


async def _signal(tx: Tx, queue: Queue, plan: ReleasePlan, before: int, short: int) -> None:
    """Tell upstream what the pool cannot give, when that changes."""
    if short == before:
        return
    await tx.execute(update(t.queues).where(t.queues.c.name == queue.name).values(shortage=short))
    if short:
        by = next_start(queue, plan, tx.now)
        tx.emit(QueueReplenishmentRequired(queue=queue.name, quantity=short, by=by))
