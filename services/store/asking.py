"""Asking: what came of a meeting that nobody has recorded. Its holder is asked an hour after its end."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, select, update

from router.leases import ASKED_AFTER
from schemas.events.lifecycle import ItemOverdue
from schemas.words import ItemId, MeetingState
from services.runtime.tx import ReadTx, Tx
from services.store import holding, items, queues
from services.store import tables as t
from services.store.due import Due, free_leads, look
from services.store.story import telling


async def unrecorded_meetings(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Meetings whose holder has not been asked yet what came of them, the longest ago first."""
    return await look(tx, t.meetings, _unrecorded(tx.now), t.meetings.c.at, limit, but, lead=t.opportunities.c.lead_id)


async def ask(tx: Tx, found: Sequence[Due]) -> int:
    """Warn their holders, once for each meeting; how many."""
    met, deal = t.meetings.c, t.opportunities.c
    async with telling(tx) as stories:
        free = await free_leads(tx, stories, found)
        again = select(met.id, met.at, deal.lead_id, deal.item_id).where(
            met.id.in_([due.id for due in found]), deal.lead_id.in_(free), _unrecorded(tx.now)
        )
        rows = await tx.fetch(again.order_by(met.id))
        for row in rows:
            item = await items.lock(tx, ItemId(row["item_id"]))
            assert item is not None, "an item is never deleted"
            claim = await holding.of_item(tx, item.id)
            assert claim is not None, "it is held"
            story = await stories.lock(row["lead_id"])
            story.tell(
                ItemOverdue(**items.of_item(item), claim_id=claim.id, rep_id=claim.rep_id, due_at=row["at"]),
            )
            await tx.execute(update(t.meetings).where(met.id == row["id"]).values(asked_at=tx.now))
    return len(rows)


def _unrecorded(now: datetime) -> ColumnElement[bool]:
    met, deal = t.meetings.c, t.opportunities.c
    return and_(
        queues.spelled(met.state, MeetingState.BOOKED),
        met.asked_at.is_(None),
        met.at <= now - ASKED_AFTER,
        deal.id == met.opportunity_id,
        exists().where(t.claims.c.item_id == deal.item_id, queues.HELD),
    )
