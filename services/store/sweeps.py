"""What time does to items and claims: claims run out, items wake, next steps are late."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_

from router.lifecycle import Act
from services.runtime.tx import ReadTx, Tx
from services.store import covering, items, lateness, pullkeys, queues
from services.store import tables as t
from services.store.due import Due, claims_again, items_again, look
from services.store.story import telling

EXPIRED = "expired"
"""Why an item is parked whose claim ended after an attempt, and nobody covers."""


async def ended_claims(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Claims that have run out, the longest ago first."""
    claim = t.claims.c
    return await look(tx, t.claims, _run_out(tx.now), claim.expires_at, limit, but)


async def end_claims(tx: Tx, found: Sequence[Due]) -> int:
    """End claims that have run out. Before an attempt the item goes back to its queue, and nobody is marked by it.

    After one it goes to a cover of the holder's who is there, else to the manager's list. The holder is warned first,
    and the item keeps its age.
    """
    async with telling(tx) as stories:
        held = await claims_again(tx, stories, found, _run_out(tx.now))
        covers = await covering.of_reps(tx, {claim.rep_id for claim, _ in held if claim.attempted_at is not None})
        for claim, item in held:
            story = await stories.lock(claim.lead_id)
            warned = await lateness.settle(tx, story, item, claim, ending=True)
            tried = claim.attempted_at is not None
            back = await items.apply(tx, story, item, Act.EXPIRE, claim=warned, announce=not tried)
            heir = covers.of(claim.rep_id, item.queue, item.returned_by)
            if tried and heir is not None:
                await items.apply(tx, story, back, Act.COVER, **covering.reserved_for(tx, warned, heir, ended=True))
            elif tried:
                await items.apply(tx, story, back, Act.PARK, detail={"reason": EXPIRED})
    return len(held)


async def late_claims(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Claims of whose next step there is something to tell."""
    return await look(tx, t.claims, _late(tx.now), t.claims.c.next_at, limit, but)


async def warn_holders(tx: Tx, found: Sequence[Due]) -> int:
    """Tell, once each, that a next step is overdue and that a promise is broken."""
    async with telling(tx) as stories:
        held = await claims_again(tx, stories, found, _late(tx.now))
        for claim, item in held:
            await lateness.settle(tx, await stories.lock(claim.lead_id), item, claim)
    return len(held)


async def snoozed_items(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Sleeping items whose time has come."""
    return await look(tx, t.items, _rested(tx.now), t.items.c.next_at, limit, but)


async def wake_items(tx: Tx, found: Sequence[Due]) -> int:
    """Put sleeping items back into their queues, age kept, for anyone."""
    async with telling(tx) as stories:
        rested = await items_again(tx, stories, found, _rested(tx.now))
        for item in rested:
            await items.apply(tx, await stories.lock(item.lead_id), item, Act.WAKE, next_at=None)
    return len(rested)


async def prune_pull_keys(tx: Tx, limit: int) -> int:
    """Forget the keys of pulls when their time is over, and their claims have ended; how many."""
    key, claim = t.pull_keys.c, t.claims.c
    place = (key.rep_id, key.desk, key.key)
    old = (
        select(*place)
        .join(t.claims, and_(claim.id == key.claim_id, queues.HELD), isouter=True)
        .where(key.at < tx.now - pullkeys.KEPT, claim.id.is_(None))
        .limit(limit)
    )
    return await tx.execute(delete(t.pull_keys).where(tuple_(*place).in_(old)))


def _run_out(now: datetime) -> ColumnElement[bool]:
    return and_(queues.HELD, t.claims.c.expires_at <= now)


def _late(now: datetime) -> ColumnElement[bool]:
    claim = t.claims.c
    broken = and_(claim.next_promise, claim.settled_at.is_(None), claim.next_at < now - lateness.KEPT_WITHIN)
    return and_(queues.HELD, claim.next_at <= now, or_(claim.overdue_at.is_(None), broken))


def _rested(now: datetime) -> ColumnElement[bool]:
    return and_(queues.SNOOZED, t.items.c.next_at <= now)
