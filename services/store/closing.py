"""Closing: an opportunity is won, and a customer; or it is lost."""

from datetime import datetime
from typing import Any

from router.lifecycle import Act
from schemas.events.opportunity import Credit, OpportunityLost, OpportunityWon
from schemas.words import CustomerId, Desk, LeadOutcome, Money, OpportunityState, RepId, Role, desk_of
from services.store import customers, lateness, opportunities, qualifying, tasks
from services.store.items import Item
from services.store.work import Work


async def win(work: Work, value: Money, at: datetime | None) -> CustomerId:
    """The sale is closed, at a time that may lie back: its claim is completed, its customer queued.

    It accepts the opportunity. Raises: WrongState.
    """
    when = min(at or work.tx.now, work.tx.now)
    await work.progress(work.deal.stage, accepts=True)
    told = OpportunityWon(**work.on_deal(), value=value, won_at=when, credit=await credit(work))
    customer = customers.new_id(work)
    closed: dict[str, Any] = {"closed_at": when, "closed_by": by(work), "customer_id": customer}
    closed.update(opportunities.money_columns("value", value))
    await opportunities.move(work.tx, work.story, work.deal, Act.WIN, told, work.actor, **closed)
    await done(work, OpportunityState.WON.value)
    work.close(LeadOutcome.WON, None, customer_id=customer)
    await customers.create(work, customer, value=value, since=when)
    return customer


async def lose(work: Work, reason: str, reopen_after: datetime | None, outcome: LeadOutcome = LeadOutcome.LOST) -> Item:
    """The sale is lost; with `reopen_after` it opens again by itself then. What was asked for it is cancelled.

    Raises: WrongState.
    """
    told = OpportunityLost(**work.on_deal(), reason=reason, reopen_after=reopen_after)
    closed: dict[str, Any] = {
        "closed_at": work.tx.now,
        "closed_by": by(work),
        "reason": reason,
        "reopen_after": reopen_after,
    }
    await opportunities.move(work.tx, work.story, work.deal, Act.LOSE, told, work.actor, **closed)
    item = await done(work, OpportunityState.LOST.value, reason=reason)
    work.close(outcome, reason)
    await tasks.cancel_all(work.tx, work.story, work.actor, opportunity=work.deal.id)
    return item


async def done(work: Work, outcome: str, *, reason: str | None = None, note: str | None = None) -> Item:
    """End the item of an opportunity: completed where it is held, cancelled where nobody holds it."""
    if work.claim is None:
        return await work.finish(Act.CANCEL, note=note, reason=reason or outcome)
    await lateness.settle(work.tx, work.story, work.item, work.claim)
    return await work.finish(Act.COMPLETE, note=note, outcome=outcome, reason=reason)


def by(work: Work) -> RepId | None:
    """The rep who acts; None: a manager or the system does."""
    return RepId(work.actor.id) if work.actor.kind == Role.REP and work.actor.id else None


async def credit(work: Work) -> tuple[Credit, ...]:
    """Who shares in the win: who qualified it, at their desk, and the closer; nobody qualified it: all the closer's."""
    closer = Credit(desk=Desk.CLOSING, rep_id=work.rep or work.deal.closer, share=1)
    qualified = await qualifying.of(work.tx, work.deal)
    if qualified is None:
        return (closer,)
    shares = work.policy.credit
    return (
        Credit(desk=desk_of(qualified.queue), rep_id=qualified.rep_id, share=shares.qualifier),
        closer.model_copy(update={"share": shares.closer}),
    )
