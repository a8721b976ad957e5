"""Cancelling: nobody may work a lead any more."""

from sqlalchemy import select

from router.lifecycle import Act
from schemas.events.opportunity import OpportunityLost
from schemas.events.stamp import SYSTEM
from schemas.words import ItemState, OpportunityState
from services.runtime.tx import Tx
from services.store import holding, items, lateness, opportunities, tasks
from services.store import tables as t
from services.store.items import Item
from services.store.queues import OPEN
from services.store.story import Story


async def cancel(tx: Tx, story: Story, reason: str) -> None:
    """Cancel the open items of a locked lead: claims are revoked, opportunities lost, tasks closed."""
    open_ones = select(t.items).where(t.items.c.lead_id == story.id, OPEN).order_by(t.items.c.id)
    for row in await tx.fetch(open_ones.with_for_update()):
        await _cancel(tx, story, Item.of({**row}), reason)


async def _cancel(tx: Tx, story: Story, item: Item, reason: str) -> None:
    said = {"reason": reason}
    if item.state == ItemState.CLAIMED:
        claim = await holding.of_item(tx, item.id)
        assert claim is not None, "it is claimed"
        claim = await lateness.settle(tx, story, item, claim)
        item = await items.apply(tx, story, item, Act.REVOKE, claim=claim, detail=said, announce=False)
    await items.apply(tx, story, item, Act.CANCEL, detail=said)
    if item.task_id is not None:
        await tasks.cancelled(tx, story, item)
    found = await opportunities.find(tx, item.opportunity_id) if item.opportunity_id else None
    if found is not None and found.state == OpportunityState.OPEN:
        lost = OpportunityLost(opportunity_id=found.id, queue=item.queue, reason=reason, reopen_after=None)
        await opportunities.move(tx, story, found, Act.LOSE, lost, SYSTEM, closed_at=tx.now, reason=reason)
