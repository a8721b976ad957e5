"""Settling: a lead is taken where it was decided to go."""

from typing import assert_never

from router.lifecycle import Act
from router.outcomes import Await, Enqueue, Merge, Nurture, Outcome, Pool, Reject
from router.policy.compiled import Policy
from schemas.events.intake import LeadSubmitted
from schemas.events.lifecycle import LeadMerged, LeadNurtured, LeadRejected
from schemas.words import Qualify, RepId
from services.runtime.tx import Tx
from services.store import items, opportunities
from services.store.continuity import first_right
from services.store.story import Story

ASKING = "asking"
"""What is told where a lead waits for the policy's hook to be asked."""


async def settle(
    tx: Tx, story: Story, policy: Policy, outcome: Outcome, submitted: LeadSubmitted, *, holder: RepId | None = None
) -> None:
    """Take a lead there. `holder`: who worked it last, and so has the first right to it for a day (continuity)."""
    match outcome:
        case Enqueue() | Pool():
            await _place(tx, story, policy, outcome, submitted, holder)
        case Merge(into=into, matched_by=matched_by):
            story.move(Act.MERGE, merged_into=into, matched_by=matched_by.value)
            story.tell(LeadMerged(into_lead_id=into, matched_by=matched_by))
        case Nurture(until=until):
            story.move(Act.NURTURE, nurture_until=until)
            story.tell(LeadNurtured(until=until))
        case Await(until=until):
            story.move(Act.AWAIT, data_deadline=until, data_next_at=tx.now, data_tries=0)
            tx.wake(ASKING)
        case Reject(reason=reason):
            story.move(Act.REJECT, reason=reason.value)
            story.tell(LeadRejected(reason=reason.value))
        case _:
            assert_never(outcome)


async def _place(
    tx: Tx, story: Story, policy: Policy, place: Enqueue | Pool, submitted: LeadSubmitted, holder: RepId | None
) -> None:
    if place.qualify is not Qualify.BY_REP:
        by = Qualify.AUTO.value if place.qualify is Qualify.AUTO else None
        await opportunities.create(
            tx, story, place, policy=policy, queued_at=tx.now, qualified_by=by, product=submitted.product
        )
        return
    reserved = await first_right(tx, holder, place.queue)
    pooled = isinstance(place, Pool) and not reserved
    story.move(Act.POOL if pooled else Act.ENQUEUE)
    items.put(
        story,
        kind=place.kind,
        queue=place.queue,
        pooled=pooled,
        priority=place.priority,
        rank_at=place.rank_at,
        queued_at=tx.now,
        due_at=place.due_at,
        **reserved,
    )
