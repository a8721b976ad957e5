"""Assigning: a manager reserves an item for a rep. That is an exception to the order, so it says why."""

from dataclasses import replace
from typing import Any

from router.lifecycle import Act
from schemas.words import Exempt, ItemState
from services.store import holding, items, lateness, parking
from services.store.continuity import RESERVED
from services.store.items import Item
from services.store.reps import Rep
from services.store.work import Work

ASSIGNED = "assigned"
"""Why a claim was revoked; what the manager wrote is a note."""


async def assign(work: Work, rep: Rep, why: Exempt, note: str | None) -> Item:
    """Reserve an open item for a day for a rep of its queue, its age kept, past the pool; a claim on it is revoked.

    What was to happen next under that goes on with the rep. That they returned it before does not stand in the way. Who
    holds it already keeps it, as they hold it. Raises: WrongState.
    """
    item = work.item
    if work.rep == rep.id:
        return item
    reserved: dict[str, Any] = {}
    if item.state == ItemState.CLAIMED:
        claim = await lateness.settle(work.tx, work.story, item, work.held)
        reserved["carried_from"] = holding.carried(claim, work.tx.now)
        item = await parking.revoked(replace(work, claim=claim), ASSIGNED)
    reserved |= {
        "reserved_for": rep.id,
        "reserved_until": work.tx.now + RESERVED,
        "reserved_why": why.value,
        "returned_by": tuple(each for each in item.returned_by if each != rep.id),
        "next_at": None,
    }
    return await items.apply(work.tx, work.story, item, Act.ASSIGN, work.actor, note=note, **reserved)
