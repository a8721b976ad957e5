"""Leads that come back by themselves: nurtured ones on their day, lost opportunities on the date to reopen."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select

from router.policy.compiled import Policy
from schemas.words import LeadState, OpportunityId, OpportunityState
from services.runtime.tx import ReadTx, Tx
from services.store import accounts, leads, opportunities, queues, suppressions, worlds
from services.store import tables as t
from services.store.due import Due, free_leads, look
from services.store.story import telling


async def rested_leads(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Nurtured leads whose day has come."""
    return await look(tx, t.leads, _rested(tx.now), t.leads.c.nurture_until, limit, but, lead=t.leads.c.id)


async def decide_rested(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Decide nurtured leads anew, but those whose account another holds just now; how many."""
    decided = 0
    async with telling(tx) as stories:
        rested = [await stories.lock(lead) for lead in await free_leads(tx, stories, found)]
        theirs = {story.row["account_id"] for story in rested if story.row["account_id"]}
        free = await accounts.free(tx, theirs)
        world = await worlds.of_accounts(tx, policy, free)
        for story in rested:
            at_rest = story.state == LeadState.NURTURING and story.row["nurture_until"] <= tx.now
            if at_rest and story.row["account_id"] in {None, *free}:
                world = await leads.decide_again(tx, stories, story, policy, world)
                decided += 1
    return decided


async def returning_opportunities(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Lost opportunities whose date has come."""
    return await look(tx, t.opportunities, _returning(tx.now), t.opportunities.c.reopen_after, limit, but)


async def reopen(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Open lost opportunities again; how many.

    But where no channel to the person is left, or the account has another one open; and, until the next look, where
    another holds the account just now.
    """
    opportunity = t.opportunities.c
    reopened = 0
    async with telling(tx) as stories:
        free = await free_leads(tx, stories, found)
        again = select(opportunity.id, opportunity.lead_id).where(
            opportunity.id.in_([due.id for due in found]), opportunity.lead_id.in_(free), _returning(tx.now)
        )
        reach = await suppressions.channels_of(tx, free)
        theirs = {(await stories.lock(lead)).row["account_id"] for lead in free}
        held = theirs - await accounts.free(tx, theirs - {None}) - {None}
        for row in await tx.fetch(again.order_by(opportunity.id)):
            story, lost = await stories.lock(row["lead_id"]), OpportunityId(row["id"])
            if story.row["account_id"] in held:
                continue
            if reach[story.id] and await opportunities.reopen(tx, story, lost, policy):
                reopened += 1
            else:
                await opportunities.change(tx, lost, reopen_after=None)
    return reopened


def _rested(now: datetime) -> ColumnElement[bool]:
    return and_(queues.spelled(t.leads.c.state, LeadState.NURTURING), t.leads.c.nurture_until <= now)


def _returning(now: datetime) -> ColumnElement[bool]:
    lost = queues.spelled(t.opportunities.c.state, OpportunityState.LOST)
    return and_(lost, t.opportunities.c.reopen_after <= now)
