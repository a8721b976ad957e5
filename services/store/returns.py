"""Returns: how many a rep gave back to a queue this week, and whether they may give back one more."""

from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from router.limits import FREE, LimitReached, returns_reached, week_began
from schemas.words import ClaimState, Returned
from services.store import queues, reps
from services.store import tables as t
from services.store.work import Work


async def limit(work: Work, reason: Returned) -> LimitReached | None:
    """The limit that is in the way of returning a held item, whose holder is locked too; None: nothing is."""
    queue = work.policy.queues.get(work.held.queue)
    if queue is None or queue.returns_per_week is None or work.story.test:
        return None
    rep = await reps.find(work.tx, work.held.rep_id)
    assert rep is not None, "a rep is never deleted"
    claim = t.claims.c
    returned = await work.tx.value(
        select(func.count())
        .select_from(t.claims)
        .where(queues.spelled(claim.state, ClaimState.RETURNED), claim.rep_id == rep.id, claim.queue == queue.name)
        .where(claim.ended_at >= week_began(work.tx.now, ZoneInfo(rep.zone)), claim.test.is_(False))
        .where(claim.returned_because.not_in([reason.value for reason in FREE]))
    )
    return returns_reached(queue, reason, returned)
