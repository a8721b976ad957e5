"""Leaving: a rep goes for good. What they promised goes to their covers, the rest back where it came from, age kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from router import covers
from router.lifecycle import Act
from router.policy.compiled import Policy
from schemas.events.stamp import SYSTEM, Actor
from schemas.words import LeadId, Presence, RepId
from services.runtime import keys
from services.runtime.tx import ReadTx, Tx
from services.store import covering, holding, items, lateness, opportunities, queues, reps
from services.store import tables as t
from services.store.covering import Covers
from services.store.due import Due, claims_again, look
from services.store.items import Claim, Item
from services.store.story import Stories, telling

LEFT = "left"
"""Why the claim of one who left was revoked."""


@dataclass(frozen=True, slots=True)
class Given:
    """How many of their items went to their covers (`moved`), and how many to anyone (`returned`)."""

    moved: int
    returned: int


async def leave(tx: Tx, stories: Stories, policy: Policy, rep: RepId, named: Sequence[RepId], actor: Actor) -> Given:
    """Revoke a rep's keys, take them off all queues, and give on what they hold. Harmless to repeat.

    The leads of what they hold are locked before the rep (law 14); what a pull gave them in between, and somebody else
    has locked, the worker gives on (`empty_hands`): no pull gives them anything from here on.
    """
    before = await tx.fetch(select(t.claims.c.lead_id).where(t.claims.c.rep_id == rep, queues.HELD))
    await stories.lock_all(LeadId(row["lead_id"]) for row in before)
    gone = await reps.lock(tx, rep)
    assert gone is not None, "a rep is never deleted"
    left: dict[str, Any] = {"status": Presence.LEFT.value, "away_until": None, "queues": (), "covers": list(named)}
    await reps.change(tx, gone, **left)
    await keys.revoke_of_rep(tx, rep)
    held = await tx.fetch(select(t.claims.c.id, t.claims.c.lead_id).where(t.claims.c.rep_id == rep, queues.HELD))
    found = [Due(row["id"], row["lead_id"]) for row in held]
    return await _give_on(tx, stories, policy, found, and_(queues.HELD, t.claims.c.rep_id == rep), actor)


async def left_claims(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """What reps who left still hold."""
    return await look(tx, t.claims, _of_the_gone(), t.claims.c.id, limit, but)


async def empty_hands(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Give it on; how many."""
    async with telling(tx) as stories:
        given = await _give_on(tx, stories, policy, found, _of_the_gone(), SYSTEM)
    return given.moved + given.returned


def _of_the_gone() -> ColumnElement[bool]:
    gone = select(t.reps.c.id).where(t.reps.c.status == Presence.LEFT.value)
    return and_(queues.HELD, t.claims.c.rep_id.in_(gone))


async def _give_on(
    tx: Tx, stories: Stories, policy: Policy, found: Sequence[Due], which: ColumnElement[bool], actor: Actor
) -> Given:
    held = await claims_again(tx, stories, found, which)
    known = await covering.of_reps(tx, {claim.rep_id for claim, _ in held})
    moved = sum([await _gives(tx, stories, policy, claim, item, known, actor) for claim, item in held])
    return Given(moved, len(held) - moved)


async def _gives(
    tx: Tx, stories: Stories, policy: Policy, claim: Claim, item: Item, known: Covers, actor: Actor
) -> bool:
    """Give one item on; tell whether it went to a cover."""
    story = await stories.lock(claim.lead_id)
    claim = await lateness.settle(tx, story, item, claim)
    meetings = await opportunities.booked_meetings(tx, item.opportunity_id)
    carried = holding.carried(claim, tx.now)
    bound = (claim.next_promise and carried is not None) or any(at > tx.now for at in meetings)
    heir = known.of(claim.rep_id, item.queue, item.returned_by) if bound else None
    if heir is not None:
        await covering.hand_over(tx, stories, claim, item, heir, reason=LEFT, actor=actor)
        return True
    ends: dict[str, Any] = {"claim": claim, "detail": {"reason": LEFT}}
    queue, from_list = policy.queues.get(item.queue), bool(story.row["list"])
    if not bound and covers.goes_to_pool(queue, kind=item.kind, priority=item.priority, from_list=from_list):
        await items.apply(tx, story, item, Act.POOL, actor, **ends, carried_from=carried)
        tx.wake(f"queue:{item.queue}")
    else:
        free = await items.apply(tx, story, item, Act.REVOKE, actor, **ends)
        await items.apply(tx, story, free, Act.REQUEUE, actor, **items.UNRESERVED, carried_from=carried)
    return False
