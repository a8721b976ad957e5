"""Correcting: a manager says what an opportunity is that was closed by mistake. It restates the numbers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from router.lifecycle import Act
from schemas.events.lifecycle import LeadClosed
from schemas.events.opportunity import OpportunityCorrected
from schemas.words import CustomerId, ItemState, LeadOutcome, Money, OpportunityState
from services.store import closing, customers, opportunities, tasks
from services.store.customers import Customer
from services.store.work import Work

ACTS = {
    OpportunityState.OPEN: Act.CORRECT_OPEN,
    OpportunityState.WON: Act.CORRECT_WON,
    OpportunityState.LOST: Act.CORRECT_LOST,
}
OUTCOMES = {OpportunityState.WON: LeadOutcome.WON, OpportunityState.LOST: LeadOutcome.LOST}


@dataclass(frozen=True, slots=True)
class Correction:
    """What it is from now on: open; won, for a value; lost, for a reason. The note may be personal."""

    to: OpportunityState
    value: Money | None
    reason: str | None
    note: str | None


async def correct(work: Work, said: Correction) -> None:
    """Take it there. A customer that was a mistake is void; one of another value stays. Raises: WrongState."""
    stays = await _customer(work) if said.to == work.deal.state == OpportunityState.WON else None
    if said.to == OpportunityState.WON:
        await work.progress(work.deal.stage, accepts=True)
    await _undo(work, said, stays)
    won_at = _won_at(work, said)
    told = OpportunityCorrected(
        **{**work.on_deal(), "rep_id": work.rep or work.deal.closer, "from": work.deal.state},
        to=said.to,
        value=said.value,
        reason=said.reason,
        won_at=won_at,
        credit=await closing.credit(work) if said.to == OpportunityState.WON else (),
    )
    customer = stays.id if stays else customers.new_id(work) if said.to == OpportunityState.WON else None
    columns = _columns(work, said, won_at, customer)
    act = ACTS[said.to]
    await opportunities.move(work.tx, work.story, work.deal, act, told, work.actor, note=said.note, **columns)
    await _follow(work, said, customer)
    if stays is not None and said.value is not None:
        await customers.change(work.tx, stays.id, **opportunities.money_columns("value", said.value))
    elif customer is not None and said.value is not None and won_at is not None:
        await customers.create(work, customer, value=said.value, since=won_at)


async def _customer(work: Work) -> Customer | None:
    return await customers.find(work.tx, work.deal.customer_id) if work.deal.customer_id else None


async def _undo(work: Work, said: Correction, stays: Customer | None) -> None:
    """End what stands and is not so: the customer; the item of an open one; what was asked for one that is lost."""
    undone = await _customer(work)
    if undone is not None and stays is None:
        await customers.void(work, undone)
    if work.item.state not in (ItemState.DONE, ItemState.CANCELLED):
        await closing.done(work, said.to.value, reason=said.reason)
    if said.to == OpportunityState.LOST:
        await tasks.cancel_all(work.tx, work.story, work.actor, opportunity=work.deal.id)


def _won_at(work: Work, said: Correction) -> datetime | None:
    """A win of another value keeps its time."""
    if said.to != OpportunityState.WON:
        return None
    return work.deal.closed_at if work.deal.state == OpportunityState.WON else work.tx.now


def _columns(work: Work, said: Correction, won_at: datetime | None, customer: CustomerId | None) -> dict[str, Any]:
    columns = {**opportunities.NOT_CLOSED, **opportunities.money_columns("value", said.value), "customer_id": customer}
    match said.to:
        case OpportunityState.OPEN:
            return {**columns, "queue": opportunities.queue_of(work.deal, work.policy)}
        case OpportunityState.LOST:
            return {**columns, "reason": said.reason, "closed_at": work.tx.now}
        case _:
            return {**columns, "closed_at": won_at}


async def _follow(work: Work, said: Correction, customer: CustomerId | None) -> None:
    """Take the lead along: open again, or closed as the opportunity is now."""
    work.story.set(customer_id=customer)
    if said.to == OpportunityState.OPEN:
        await opportunities.queue_again(work.tx, work.story, work.deal, work.policy, work.actor)
    elif work.deal.state == OpportunityState.OPEN:
        work.close(OUTCOMES[said.to], said.reason)
    else:
        work.story.set(outcome=OUTCOMES[said.to].value, reason=said.reason)
        work.story.tell(LeadClosed(outcome=OUTCOMES[said.to], reason=said.reason), work.actor)
