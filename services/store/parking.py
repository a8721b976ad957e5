"""Parking: the manager's list, what comes to it since nobody is left who may have it, and the way back into a queue."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, and_, cast, func, literal, select

from router.lifecycle import Act
from router.policy.compiled import Policy
from schemas.words import Desk, ItemId, ItemKind, ItemState, QueueName, RepId
from services.runtime.tx import ReadTx, Tx
from services.store import items, lateness, opportunities, reps
from services.store import tables as t
from services.store.due import Due, items_again, look
from services.store.items import Item
from services.store.queues import PARKED, QUEUED
from services.store.story import telling
from services.store.work import Work

BY_ALL = "returned_by_all"
"""Why an item is parked that each rep of its queue has returned."""
REQUEUED = "requeued"
"""Why a claim was revoked; what the manager wrote is a note."""


async def is_refused(tx: ReadTx, policy: Policy, queue: QueueName, returned_by: Sequence[RepId]) -> bool:
    """Whether nobody is left who may have an item of this queue, which these reps have returned."""
    condition = reps.all_returned(cast(queue, Text), literal(list(returned_by), ARRAY(Text)), _skills(policy))
    return bool(await tx.value(select(condition)))


async def refused_items(tx: ReadTx, policy: Policy, limit: int, but: Collection[str]) -> list[Due]:
    """Queued items that each rep of their queue has returned: who could still have had them works it no more."""
    return await look(tx, t.items, _refused(policy), t.items.c.rank_at, limit, but)


async def park(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Put them on the manager's list."""
    async with telling(tx) as stories:
        refused = await items_again(tx, stories, found, _refused(policy))
        for item in refused:
            await items.apply(tx, await stories.lock(item.lead_id), item, Act.PARK, detail={"reason": BY_ALL})
    return len(refused)


def _skills(policy: Policy) -> Mapping[QueueName, Collection[str]]:
    return {name: queue.skills for name, queue in policy.queues.items() if queue.skills}


def _refused(policy: Policy) -> ColumnElement[bool]:
    item = t.items.c
    returned = func.cardinality(item.returned_by) > 0
    return and_(QUEUED, returned, reps.all_returned(item.queue, item.returned_by, _skills(policy)))


async def parked(tx: ReadTx, *, desks: Collection[Desk] | None, after: ItemId | None, limit: int) -> list[ItemId]:
    """Parked items of these desks (None: of all), the newest first, past the one that `after` names."""
    item = t.items.c
    query = select(item.id).where(PARKED).order_by(item.id.desc()).limit(limit)
    if desks is not None:
        query = query.where(func.split_part(item.queue, "/", 1).in_([desk.value for desk in desks]))
    if after is not None:
        query = query.where(item.id < after)
    return [row["id"] for row in await tx.fetch(query)]


async def revoked(work: Work, reason: str, note: str | None = None) -> Item:
    """Take a claimed item from whoever holds it. Another act follows, which says where it goes."""
    claim = await lateness.settle(work.tx, work.story, work.item, work.held)
    detail = {"reason": reason}
    return await items.apply(
        work.tx, work.story, work.item, Act.REVOKE, work.actor, claim=claim, detail=detail, note=note
    )


async def requeue(work: Work, queue: QueueName, reason: str) -> Item:
    """Put an open item into a queue, for anyone: past the pool, its age kept, its claim revoked. Raises: WrongState."""
    item = work.item
    note: str | None = reason
    placed: dict[str, Any] = {**items.UNRESERVED, "returned_by": (), "queue": queue, "next_at": None}
    if item.state == ItemState.CLAIMED:
        item, note = await revoked(work, REQUEUED, note), None
    back = await items.apply(work.tx, work.story, item, Act.REQUEUE, work.actor, note=note, **placed)
    if item.kind == ItemKind.OPPORTUNITY:
        await opportunities.change(work.tx, work.deal.id, queue=queue)
    return back
