"""Aims: how far a rep has come to the targets of their queues, today and this week."""

from zoneinfo import ZoneInfo

from sqlalchemy import select

from router import targets
from router.policy.compiled import Policy
from router.targets import Aim, Done
from schemas.words import CONVERSATIONS, MeetingState
from services.runtime.tx import ReadTx
from services.store import tables as t
from services.store.queues import spelled
from services.store.reps import Rep


async def of(tx: ReadTx, rep: Rep, policy: Policy) -> list[Aim]:
    """The targets of a rep's queues, in their order, and what is done, in the rep's zone, test items apart."""
    queues = [policy.queues[name] for name in rep.queues if name in policy.queues]
    if not any(queue.targets for queue in queues):
        return []
    zone = ZoneInfo(rep.zone)
    done = await _done(tx, rep, targets.week(tx.now, zone))
    return [aim for queue in queues for aim in targets.aims(queue, done, tx.now, zone)]


async def _done(tx: ReadTx, rep: Rep, span: targets.Span) -> list[Done]:
    made, met, claim, deal = t.attempts.c, t.meetings.c, t.claims.c, t.opportunities.c
    spoken = (
        select(claim.queue, made.at)
        .join(t.claims, claim.id == made.claim_id)
        .where(made.rep_id == rep.id, made.at >= span.since, made.at < span.until, claim.test.is_(False))
        .where(made.outcome.in_([outcome.value for outcome in CONVERSATIONS]))
    )
    held = (
        select(deal.queue, met.at)
        .join(t.opportunities, deal.id == met.opportunity_id)
        .join(t.leads, t.leads.c.id == deal.lead_id)
        .where(met.rep_id == rep.id, spelled(met.state, MeetingState.HELD), t.leads.c.test.is_(False))
        .where(met.at >= span.since, met.at < span.until)
    )
    return [
        Done(row["queue"], row["at"], meeting)
        for query, meeting in ((spoken, False), (held, True))
        for row in await tx.fetch(query)
    ]
