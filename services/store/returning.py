"""Leads that come back by themselves: nurtured ones on their day, lost opportunities on the date to reopen."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select

from router.policy.compiled import Policy
from schemas.words import LeadState, OpportunityId, OpportunityState
from services.runtime.tx import ReadTx, Tx
from services.store import leads, opportunities, queues, suppressions
from services.store import tables as t
from services.store.due import Due, free_leads, look
from services.store.story import telling


async def rested_leads(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Nurtured leads whose day has come."""
    return await look(tx, t.leads, _rested(tx.now), t.leads.c.nurture_until, limit, but, lead=t.leads.c.id)


async def decide_rested(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Decide nurtured leads anew; how many."""
    decided = 0
    async with telling(tx) as stories:
        for lead in await free_leads(tx, stories, found):
            story = await stories.lock(lead)
            if story.state == LeadState.NURTURING and story.row["nurture_until"] <= tx.now:
                await leads.decide_again(tx, story, policy)
                decided += 1
    return decided


async def returning_opportunities(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Lost opportunities whose date has come."""
    return await look(tx, t.opportunities, _returning(tx.now), t.opportunities.c.reopen_after, limit, but)


async def reopen(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Open lost opportunities again, but where no channel to the person is left; how many."""
    opportunity = t.opportunities.c
    reopened = 0
    async with telling(tx) as stories:
        free = await free_leads(tx, stories, found)
        again = select(opportunity.id, opportunity.lead_id).where(
            opportunity.id.in_([due.id for due in found]), opportunity.lead_id.in_(free), _returning(tx.now)
        )
        reach = await suppressions.channels_of(tx, free)
        for row in await tx.fetch(again.order_by(opportunity.id)):
            if reach[row["lead_id"]]:
                story = await stories.lock(row["lead_id"])
                reopened += await opportunities.reopen(tx, story, OpportunityId(row["id"]), policy)
            else:
                await opportunities.change(tx, OpportunityId(row["id"]), reopen_after=None)
    return reopened


def _rested(now: datetime) -> ColumnElement[bool]:
    return and_(queues.spelled(t.leads.c.state, LeadState.NURTURING), t.leads.c.nurture_until <= now)


def _returning(now: datetime) -> ColumnElement[bool]:
    lost = queues.spelled(t.opportunities.c.state, OpportunityState.LOST)
    return and_(lost, t.opportunities.c.reopen_after <= now)
