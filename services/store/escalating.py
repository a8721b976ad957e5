"""Escalating: what the policy does, step after step, with what nobody attempted by the time at which it was due.

The steps are those of the queue in which that time passed, wherever the item lies since; each is done once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import assert_never

from sqlalchemy import ColumnElement, and_, update

from router.lifecycle import Act
from router.policy.compiled import MoveTo, Notify, Policy, Queue, Raise
from schemas.events.lifecycle import ItemEscalated, ItemSlaBreached
from schemas.words import Escalation, ItemKind, ItemState, Priority, QueueName
from services.runtime.tx import ReadTx, Tx
from services.store import holding, items, lateness, opportunities, queues
from services.store import tables as t
from services.store.due import Due, items_again, look
from services.store.items import Item
from services.store.story import Stories, telling

ESCALATED = "escalated"
"""Why a claim was revoked: nothing was attempted under it, and the item is for another queue now."""


async def unanswered_items(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Open items that nobody attempted by the time at which they were due."""
    return await look(tx, t.items, _unanswered(tx.now), t.items.c.due_at, limit, but)


async def breach(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Tell once that the answer to an item is late, wherever it lies; the steps of its queue follow."""
    async with telling(tx) as stories:
        late = await items_again(tx, stories, found, _unanswered(tx.now))
        for item in late:
            assert item.due_at is not None
            story = await stories.lock(item.lead_id)
            story.tell(ItemSlaBreached(**items.of_item(item), due_at=item.due_at))
            queue = policy.queues.get(item.queue)
            columns = {"sla_breached_at": tx.now, "escalates_by": item.queue, "escalate_at": _due(queue, item, 0)}
            await _set(tx, item, **columns)
    return len(late)


async def escalating_items(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Open items, still not attempted, whose next step has come."""
    return await look(tx, t.items, _escalating(tx.now), t.items.c.escalate_at, limit, but)


async def escalate(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Do the next step of each, as the policy in force has it; how many there were."""
    async with telling(tx) as stories:
        late = await items_again(tx, stories, found, _escalating(tx.now))
        for item in late:
            queue = policy.queues.get(QueueName(str(item.escalates_by)))
            if queue is not None and item.escalated < len(queue.escalate):
                await _step(tx, stories, queue, item)
            await _set(tx, item, escalated=item.escalated + 1, escalate_at=_due(queue, item, item.escalated + 1))
    return len(late)


async def _step(tx: Tx, stories: Stories, queue: Queue, item: Item) -> None:
    story = await stories.lock(item.lead_id)
    assert item.due_at is not None
    does = queue.escalate[item.escalated].does
    said = {**items.of_item(item), "step": item.escalated + 1, "due_at": item.due_at}
    match does:
        case Raise(to=to):
            priority = max(item.priority, to, key=list(Priority).index)
            story.tell(ItemEscalated(**said, does=Escalation.RAISE, priority=priority))
            story.set(priority=priority.value)
            await _set(tx, item, priority=priority.value)
        case MoveTo(queue=to):
            story.tell(ItemEscalated(**said, does=Escalation.QUEUE, to_queue=to))
            await _move(tx, stories, item, to)
        case Notify():
            story.tell(ItemEscalated(**said, does=Escalation.NOTIFY))
        case _:
            assert_never(does)


async def _move(tx: Tx, stories: Stories, item: Item, to: QueueName) -> None:
    """To another queue, for anyone, past the pool, its age kept; from whoever holds it and attempted nothing."""
    story = await stories.lock(item.lead_id)
    if item.state == ItemState.CLAIMED:
        claim = await holding.of_item(tx, item.id)
        assert claim is not None, "it is claimed, and locked"
        claim = await lateness.settle(tx, story, item, claim)
        item = await items.apply(tx, story, item, Act.REVOKE, claim=claim, detail={"reason": ESCALATED})
    await items.apply(tx, story, item, Act.REQUEUE, **items.UNRESERVED, returned_by=(), queue=to, next_at=None)
    if item.kind == ItemKind.OPPORTUNITY and item.opportunity_id is not None:
        await opportunities.change(tx, item.opportunity_id, queue=to)


def _due(queue: Queue | None, item: Item, step: int) -> datetime | None:
    """When a step of a queue comes, for an item that was due; None: there is none."""
    if queue is None or item.due_at is None or step >= len(queue.escalate):
        return None
    return queue.calendar.due(item.due_at, queue.escalate[step].after)


async def _set(tx: Tx, item: Item, **columns: object) -> None:
    await tx.execute(update(t.items).where(t.items.c.id == item.id).values(columns))


def _unanswered(now: datetime) -> ColumnElement[bool]:
    item = t.items.c
    return and_(queues.OPEN, item.attempted_at.is_(None), item.sla_breached_at.is_(None), item.due_at < now)


def _escalating(now: datetime) -> ColumnElement[bool]:
    item = t.items.c
    return and_(queues.OPEN, item.attempted_at.is_(None), item.escalate_at <= now)
