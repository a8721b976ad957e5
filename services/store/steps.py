"""Steps: the next step of what is held, promised or not; and giving it back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from router.lifecycle import Act
from schemas.events.lifecycle import ItemPromised
from schemas.words import Side
from services.store import holding, items, lateness, parking
from services.store.items import Claim, Item
from services.store.work import Work

FOLLOW_UP = "follow_up"
"""What the next step is, where the holder does not say."""


async def next_step(
    work: Work, claim: Claim, *, what: str, at: datetime, side: Side = Side.OURS, promise: bool = False, **columns: Any
) -> Claim:
    """Replace the next step of a claim whose lateness is settled; other `columns` of it are set along."""
    if promise:
        work.story.tell(ItemPromised(**work.on_item(), due_at=at), work.actor, note=None if what == FOLLOW_UP else what)
    step = {"next_what": what, "next_at": at, "next_side": side.value, "next_promise": promise}
    columns = {**holding.NO_NEXT_STEP, **columns, **step}
    return await holding.extend(work.tx, work.policy, claim, work.item.opportunity_id, **columns)


async def replace_step(work: Work, *, what: str, at: datetime, side: Side, promise: bool) -> Claim:
    """What a holder says comes next, with an opportunity or customer."""
    claim = await lateness.settle(work.tx, work.story, work.item, work.held)
    alive = {"heartbeat_at": work.tx.now}
    return await next_step(work, claim, what=what, at=at, side=side, promise=promise, **alive)


async def give_back(work: Work, *, reason: str, note: str | None, ended_by: Mapping[str, Any]) -> Item:
    """Return an item to its queue, age kept, not to be offered to this rep again.

    When each rep who may have it, there or away, has returned it, it is parked.
    """
    claim = await lateness.settle(work.tx, work.story, work.item, work.held, ending=True)
    claim = await holding.write(work.tx, claim, returned_because=reason)
    returned_by = tuple(dict.fromkeys((*work.item.returned_by, claim.rep_id)))
    by_all = await parking.is_refused(work.tx, work.policy, work.item.queue, returned_by)
    back = await items.apply(
        work.tx,
        work.story,
        work.item,
        Act.RETURN,
        work.actor,
        claim=claim,
        detail={"reason": reason},
        ended_by=dict(ended_by),
        note=note,
        announce=not by_all,
        returned_by=returned_by,
    )
    if by_all:
        return await items.apply(work.tx, work.story, back, Act.PARK, detail={"reason": parking.BY_ALL})
    return back
