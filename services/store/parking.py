"""Parking: the manager's list, and the way back into a queue."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select

from router.lifecycle import Act
from schemas.words import Desk, ItemId, ItemKind, ItemState, QueueName
from services.runtime.tx import ReadTx
from services.store import items, lateness, opportunities
from services.store import tables as t
from services.store.items import Item
from services.store.queues import PARKED
from services.store.work import Work

REQUEUED = "requeued"
"""Why a claim was revoked; what the manager wrote is a note."""


async def parked(tx: ReadTx, *, desks: Collection[Desk] | None, after: ItemId | None, limit: int) -> list[ItemId]:
    """Parked items of these desks (None: of all), the newest first, past the one that `after` names."""
    item = t.items.c
    query = select(item.id).where(PARKED).order_by(item.id.desc()).limit(limit)
    if desks is not None:
        query = query.where(func.split_part(item.queue, "/", 1).in_([desk.value for desk in desks]))
    if after is not None:
        query = query.where(item.id < after)
    return [row["id"] for row in await tx.fetch(query)]


async def requeue(work: Work, queue: QueueName, reason: str) -> Item:
    """Put an open item into a queue, for anyone: past the pool, its age kept, its claim revoked. Raises: WrongState."""
    item = work.item
    note: str | None = reason
    anyones = {"reserved_for": None, "reserved_until": None, "reserved_why": None, "returned_by": ()}
    placed: dict[str, Any] = {**anyones, "queue": queue, "exempt": True, "next_at": None}
    if item.state == ItemState.CLAIMED:
        claim = await lateness.settle(work.tx, work.story, item, work.held)
        item = await items.apply(
            work.tx,
            work.story,
            item,
            Act.REVOKE,
            work.actor,
            claim=claim,
            detail={"reason": REQUEUED},
            note=note,
        )
        note = None
    back = await items.apply(work.tx, work.story, item, Act.REQUEUE, work.actor, note=note, **placed)
    if item.kind == ItemKind.OPPORTUNITY:
        await opportunities.change(work.tx, work.deal.id, queue=queue)
    return back
