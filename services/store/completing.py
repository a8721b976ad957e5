"""Completing: how an enquiry or prospect ends: qualified, disqualified, nurtured, unreached."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from router.lifecycle import Act
from router.outcomes import Pool, past_pool
from schemas.events.lifecycle import LeadMerged, LeadNurtured
from schemas.words import ItemState, LeadId, LeadOutcome, MatchedBy, MeetingMode, Money, OpportunityId
from services.store import accounts, details, holding, items, lateness, leads, meetings, opportunities
from services.store import live as handing
from services.store.work import Work, lock

QUALIFIED = "qualified"
NURTURE = "nurture"


async def qualify(
    work: Work,
    *,
    corrected: Mapping[str, Any],
    qualification: Mapping[str, Any],
    product: str | None,
    estimate: Money | None,
    live: bool,
    booked: tuple[datetime, MeetingMode] | None,
    ended_by: Mapping[str, Any],
) -> None:
    """Hand the lead over to the closing desk, as an opportunity, where the handover rules send it.

    `corrected` is what is known better: `contact`, `company` and `custom` are laid over what the lead said. `live`: who
    has waited longest there takes it now; nobody: it goes the usual way. `booked`: a meeting, for whoever gets it.
    """
    submitted = (await details.of(work.tx, [work.story.id]))[work.story.id]
    if corrected:
        known = submitted.model_dump()
        parts = {name: {**known[name], **new} if isinstance(new, Mapping) else new for name, new in corrected.items()}
        submitted = type(submitted).model_validate({**known, **parts})
        await details.correct(work.tx, submitted)
    await _complete(work, QUALIFIED)
    wanted = product or submitted.product
    open_one = await accounts.open_deal(work.tx, work.story.row["account_id"], wanted, test=work.story.test)
    if open_one is not None:
        await _join(work, *open_one, qualification, ended_by)
        if booked:
            joined, into = open_one
            await _book(work, into, joined, booked)
        return
    place = await leads.hand_over(work.tx, work.story, work.policy, submitted, qualification)
    queue = work.policy.queues[place.queue]
    taker = await handing.taker(work.tx, queue, test=work.story.test) if live else None
    if taker or booked:
        place = past_pool(place)
    opportunity = await opportunities.create(
        work.tx,
        work.story,
        place,
        policy=work.policy,
        queued_at=work.tx.now,
        qualified_by=work.held.rep_id,
        product=wanted,
        qualification=qualification or None,
        estimate=estimate,
        actor=work.actor,
        live_to=taker.id if taker else None,
    )
    if booked:
        await _book(work, work.story.id, opportunity, booked)
    if taker:
        made = await _deal(work, work.story.id, opportunity)
        await handing.take(work.tx, work.stories, work.policy, taker, made.item.id)
    to = "rep" if taker else "pool" if isinstance(place, Pool) else "queue"
    handed = {"queue": place.queue, "to": to, "taken_by": taker and taker.id}
    await holding.write(work.tx, work.held, ended_by={**ended_by, "opportunity_id": opportunity, "handed": handed})


async def _join(
    work: Work,
    opportunity: OpportunityId,
    into: LeadId,
    qualification: Mapping[str, Any],
    ended_by: Mapping[str, Any],
) -> None:
    """The account has one open already: it is of that, where what was found out stands in the history."""
    found = "\n".join(f"{name}: {value}" for name, value in qualification.items())
    account = MatchedBy.ACCOUNT
    columns = {"merged_into": into, "matched_by": account.value, "opportunity_id": opportunity}
    work.story.move(Act.MERGE, work.actor, **columns)
    work.story.tell(LeadMerged(into_lead_id=into, matched_by=account), work.actor, note=found or None)
    await work.stories.adopt(work.story.id, into)
    deal = await opportunities.find(work.tx, opportunity)
    assert deal is not None, "it is open, and locked"
    item = await items.find(work.tx, deal.item_id)
    claim = await holding.of_item(work.tx, deal.item_id)
    to = "rep" if claim else "pool" if item and item.state == ItemState.POOLED else "queue"
    handed = {"queue": deal.queue, "to": to, "taken_by": claim and claim.rep_id}
    await holding.write(work.tx, work.held, ended_by={**ended_by, "opportunity_id": opportunity, "handed": handed})


async def _book(work: Work, lead: LeadId, opportunity: OpportunityId, booked: tuple[datetime, MeetingMode]) -> None:
    at, mode = booked
    await meetings.book(await _deal(work, lead, opportunity), at=at, mode=mode)


async def _deal(work: Work, lead: LeadId, opportunity: OpportunityId) -> Work:
    """The opportunity that was just made, or joined, to act on; its lead is locked."""
    await work.stories.bear(work.story)
    found = await opportunities.find(work.tx, opportunity)
    assert found is not None, "it was just made, or is open"
    return await lock(work.tx, work.stories, work.policy, work.actor, lead, found.item_id)


async def disqualify(work: Work, reason: str, ended_by: Mapping[str, Any]) -> None:
    """It is none for sales."""
    await _complete(work, LeadOutcome.DISQUALIFIED.value, reason=reason, ended_by=ended_by)
    work.close(LeadOutcome.DISQUALIFIED, reason)


async def unreached(work: Work, ended_by: Mapping[str, Any] | None = None) -> None:
    """Nobody could be reached: never to be confused with unqualified."""
    await _complete(work, LeadOutcome.UNREACHED.value, ended_by=ended_by)
    work.close(LeadOutcome.UNREACHED, None)


async def nurture(work: Work, until: datetime, ended_by: Mapping[str, Any] | None = None) -> None:
    """It sleeps until then, and is decided anew."""
    await _complete(work, NURTURE, ended_by=ended_by)
    work.story.move(Act.NURTURE, work.actor, nurture_until=until)
    work.story.tell(LeadNurtured(until=until), work.actor)


async def _complete(
    work: Work, outcome: str, *, reason: str | None = None, ended_by: Mapping[str, Any] | None = None
) -> None:
    await lateness.settle(work.tx, work.story, work.item, work.held)
    await work.finish(Act.COMPLETE, outcome=outcome, reason=reason, ended_by=dict(ended_by) if ended_by else None)
