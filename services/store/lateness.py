"""Lateness of what is held: the holder is warned when a next step is overdue; a promise not kept in time is broken."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from schemas.events.lifecycle import ItemOverdue, ItemPromiseBroken
from services.runtime.tx import Tx
from services.store import items
from services.store import tables as t
from services.store.items import Claim, Item
from services.store.story import Story

KEPT_WITHIN = timedelta(minutes=15)
"""An attempt up to so long after its time keeps a promise."""


async def settle(tx: Tx, story: Story, item: Item, claim: Claim, *, ending: bool = False) -> Claim:
    """Tell of a claim's next step what is due to be told, each once: that it is overdue, that its promise is broken.

    Lead and claim are locked. `ending`: the claim ends by itself now, so a promise whose time has come is broken.
    Whoever replaces the next step, or ends the claim, calls it first, so that nothing depends on when sweeps run.
    """
    written: dict[str, Any] = {}
    if claim.next_at is None:
        return claim
    about = {**items.of_item(item), "claim_id": claim.id, "rep_id": claim.rep_id, "due_at": claim.next_at}
    if claim.overdue_at is None and claim.next_at <= tx.now:
        written["overdue_at"] = tx.now
        story.tell(ItemOverdue(**about))
    if claim.next_promise and claim.settled_at is None and _broken(claim.next_at, tx.now, ending=ending):
        written["settled_at"] = tx.now
        story.tell(ItemPromiseBroken(**about))
    if written:
        await tx.execute(update(t.claims).where(t.claims.c.id == claim.id).values(written))
    return replace(claim, **written)


def _broken(due: datetime, now: datetime, *, ending: bool) -> bool:
    return due <= now if ending else due + KEPT_WITHIN < now
