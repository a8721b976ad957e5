"""Closing: an opportunity is won, and a customer; or it is lost."""

from datetime import datetime

from sqlalchemy import select

from router.lifecycle import Act
from schemas.events.opportunity import Credit, OpportunityLost, OpportunityWon
from schemas.words import (
    ClaimState,
    CustomerId,
    Desk,
    LeadOutcome,
    Money,
    OpportunityState,
    Qualify,
    RepId,
    desk_of,
)
from services.store import customers, lateness, opportunities
from services.store import tables as t
from services.store.items import Item
from services.store.work import Work


async def win(work: Work, value: Money, at: datetime | None) -> CustomerId:
    """The sale is closed, at a time that may lie back: its claim is completed, its customer queued.

    It accepts the opportunity. Raises: WrongState.
    """
    when = min(at or work.tx.now, work.tx.now)
    await work.progress(work.deal.stage, accepts=True)
    told = OpportunityWon(**work.on_deal(), value=value, won_at=when, credit=await _credit(work))
    customer = customers.new_id(work)
    closed = {"closed_at": when, "customer_id": customer, **opportunities.money_columns("value", value)}
    await opportunities.move(work.tx, work.story, work.deal, Act.WIN, told, work.actor, **closed)
    await _done(work, OpportunityState.WON.value)
    work.close(LeadOutcome.WON, None, customer_id=customer)
    await customers.create(work, customer, value=value, since=when)
    return customer


async def lose(work: Work, reason: str, reopen_after: datetime | None, outcome: LeadOutcome = LeadOutcome.LOST) -> Item:
    """The sale is lost; with `reopen_after` it opens again by itself then. Raises: WrongState."""
    told = OpportunityLost(**work.on_deal(), reason=reason, reopen_after=reopen_after)
    closed = {"closed_at": work.tx.now, "reason": reason, "reopen_after": reopen_after}
    await opportunities.move(work.tx, work.story, work.deal, Act.LOSE, told, work.actor, **closed)
    item = await _done(work, OpportunityState.LOST.value, reason=reason)
    work.close(outcome, reason)
    return item


async def _done(work: Work, outcome: str, *, reason: str | None = None) -> Item:
    """End the item: completed where it is held, cancelled where nobody holds it."""
    if work.claim is None:
        return await work.finish(Act.CANCEL, reason=reason or outcome)
    await lateness.settle(work.tx, work.story, work.item, work.claim)
    return await work.finish(Act.COMPLETE, outcome=outcome, reason=reason)


async def _credit(work: Work) -> tuple[Credit, ...]:
    """Who shares in the win: who qualified it, at their desk, and the closer; nobody qualified it: all the closer's."""
    closer = Credit(desk=Desk.CLOSING, rep_id=work.rep, share=1)
    qualifier = work.deal.qualified_by
    if qualifier is None or qualifier == Qualify.AUTO:
        return (closer,)
    c = t.claims.c
    queue = await work.tx.value(
        select(c.queue)
        .join(t.items, t.items.c.id == c.item_id)
        .where(t.items.c.lead_id == work.story.id, c.rep_id == qualifier, c.state == ClaimState.COMPLETED.value)
        .where(c.ended_at <= work.deal.created_at)
        .order_by(c.ended_at.desc())
        .limit(1)
    )
    shares = work.policy.credit
    return (
        Credit(desk=desk_of(queue), rep_id=RepId(qualifier), share=shares.qualifier),
        closer.model_copy(update={"share": shares.closer}),
    )
