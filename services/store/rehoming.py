"""Items whose place the policy no longer has: a queue that it dropped, or a pool that it took from one.

No policy makes a lead vanish: what could be pulled goes where the fallback sends its kind. What is held stays held, and
comes here when it comes back; what is parked is on the manager's list. Nor does what is reserved wait for a rep who can
no longer have it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, exists, func, not_, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import array

from router.lifecycle import Act
from router.policy.compiled import Policy
from router.policy.rule import Place
from schemas.words import Direction, ItemKind, ItemState, QueueName
from services.runtime.tx import ReadTx, Tx
from services.store import items, queues
from services.store import tables as t
from services.store.due import Due, items_again, look
from services.store.items import Item
from services.store.story import Stories, telling


async def misplaced_items(tx: ReadTx, policy: Policy, limit: int, but: Collection[str]) -> list[Due]:
    """Queued items of no queue, pooled items of no pool."""
    item = t.items.c
    parts = [
        select(item.id, item.lead_id).where(which, item.id.not_in(but)).limit(limit).subquery().select()
        for which in _misplaced(policy)
    ]
    return [Due(row["id"], row["lead_id"]) for row in await tx.fetch(union_all(*parts).limit(limit))]


async def rehome(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Move them: what was pooled to a pool, if there is one, else to the queue, age kept. How many were moved."""
    async with telling(tx) as stories:
        lost = await items_again(tx, stories, found, or_(*_misplaced(policy)))
        for item in lost:
            await _move(tx, stories, item, policy, _home(policy, item.queue, item.kind))
    return len(lost)


@dataclass(frozen=True, slots=True)
class Moving:
    """So many items that wait in a queue will be in another, or in the same one and no longer in its pool."""

    queue: QueueName
    items: int
    home: QueueName


async def moving(tx: ReadTx, policy: Policy) -> list[Moving]:
    """What `rehome` would have to do once this policy is in force."""
    item = t.items.c
    counted = select(item.queue, item.kind, func.count().label("items")).where(or_(*_misplaced(policy)))
    found = await tx.fetch(counted.group_by(item.queue, item.kind).order_by(item.queue, item.kind))
    return [Moving(row["queue"], row["items"], _home(policy, row["queue"], ItemKind(row["kind"]))) for row in found]


async def homeless(tx: ReadTx, policy: Policy) -> dict[ItemKind, int]:
    """How many open items of each kind would have no place at all under this policy: it must not come into force."""
    item = t.items.c
    kinds = [kind.value for kind in ItemKind if _fallback(policy, kind) is None]
    lost = and_(queues.OPEN, item.kind.in_(kinds), item.queue.not_in(list(policy.queues)))
    found = await tx.fetch(select(item.kind, func.count().label("items")).where(lost).group_by(item.kind))
    return {ItemKind(row["kind"]): row["items"] for row in found}


async def idle_reservations(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Queued items reserved for a rep who works their queue no more."""
    return await look(tx, t.items, _idle(tx.now), t.items.c.rank_at, limit, but)


async def unreserve(tx: Tx, found: Sequence[Due]) -> int:
    """Let anyone have them, where they lie, age kept. How many there were."""
    async with telling(tx) as stories:
        idle = await items_again(tx, stories, found, _idle(tx.now))
        for item in idle:
            await items.apply(tx, await stories.lock(item.lead_id), item, Act.REQUEUE, **items.UNRESERVED)
    return len(idle)


def _idle(now: datetime) -> ColumnElement[bool]:
    item, rep = t.items.c, t.reps.c
    works_it = exists().where(rep.id == item.reserved_for, rep.queues.contains(array([item.queue], type_=Text)))
    return and_(queues.QUEUED, item.reserved_for.is_not(None), item.reserved_until > now, not_(works_it))


def _misplaced(policy: Policy) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    queue = t.items.c.queue
    pools = [name for name, each in policy.queues.items() if each.release is not None]
    homeless = [kind.value for kind in ItemKind if _fallback(policy, kind) is None]
    known = or_(queue.in_(list(policy.queues)), t.items.c.kind.not_in(homeless))
    return and_(queues.POOLED, queue.not_in(pools), known), and_(
        queues.QUEUED, queue.not_in(list(policy.queues)), known
    )


async def _move(tx: Tx, stories: Stories, item: Item, policy: Policy, home: QueueName) -> None:
    story = await stories.lock(item.lead_id)
    if item.state == ItemState.POOLED and policy.queues[home].release is not None:
        await tx.execute(update(t.items).where(t.items.c.id == item.id).values(queue=home))
        if item.kind in items.LEAD_KINDS:
            story.set(queue=home)
        tx.wake(f"queue:{home}")
    else:
        await items.apply(tx, story, item, Act.REQUEUE, queue=home)
    if item.opportunity_id is not None:
        await tx.execute(update(t.opportunities).where(t.opportunities.c.id == item.opportunity_id).values(queue=home))


def _home(policy: Policy, queue: QueueName, kind: ItemKind) -> QueueName:
    home = queue if queue in policy.queues else _fallback(policy, kind)
    assert home is not None
    return home


def _fallback(policy: Policy, kind: ItemKind) -> QueueName | None:
    """Where what is of this kind goes when nothing else says; None: the company has no such desk any more."""
    match kind:
        case ItemKind.ENQUIRY:
            then = policy.fallback[Direction.INBOUND].then
        case ItemKind.PROSPECT:
            then = policy.fallback[Direction.OUTBOUND].then
        case ItemKind.OPPORTUNITY:
            then = policy.fallback_handover.then
        case ItemKind.CUSTOMER:
            return policy.customer_queue
        case ItemKind.TASK:
            return next(iter(policy.tasks.values()), None)
    assert isinstance(then, Place)
    return then.queue
