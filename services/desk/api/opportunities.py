"""Opportunities: meetings, proposals, won and lost. Their holder sends the claim's token; a manager sends none."""

from typing import Annotated, assert_never

from fastapi import APIRouter
from pydantic import Field

from router.lifecycle import Act
from schemas.api.opportunities import (
    LostIn,
    LostOut,
    MeetingEnded,
    MeetingIn,
    MeetingMoved,
    MeetingOut,
    OpportunityOut,
    ProposalIn,
    ProposalOut,
    ProposalRequestIn,
    ProposalRequestOut,
    WonIn,
    WonOut,
)
from schemas.words import MeetingState, Money, OpportunityId, OpportunityState, PrincipalKind, desk_of
from services.desk.fencing import deal, told
from services.desk.moments import moment_of
from services.runtime.http.call import Call
from services.runtime.http.problems import Conflict, Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import closing, dealviews, holding, meetings, opportunities, proposals, tasks
from services.store.meetings import Meeting
from services.store.opportunities import Opportunity

routes = APIRouter(route_class=Route, tags=["opportunities"])

MeetingPatch = Annotated[MeetingEnded | MeetingMoved, Field(discriminator="state")]
ACTS = {"held": Act.HOLD, "no_show": Act.NO_SHOW, "cancelled": Act.CANCEL}


@routes.get("/v1/opportunities/{opportunity_id}")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def opportunity(call: Call, opportunity_id: str, tx: ReadTx) -> OpportunityOut:
    """Get an opportunity.

    A rep sees it while holding it, as its closer, and as the raiser of a task.
    """
    found = await opportunities.find(tx, opportunity_id)
    if found is None or not await _sees(call, tx, found):
        raise NotFound
    return await dealviews.opportunity(tx, found.id)


async def _sees(call: Call, tx: ReadTx, found: Opportunity) -> bool:
    if call.principal.rep_id is None:
        return call.sees(desk_of(found.queue))
    if found.closer == call.rep_id:
        return True
    claim = await holding.of_item(tx, found.item_id)
    if claim is not None and claim.rep_id == call.rep_id:
        return True
    return await tasks.has_raised(tx, call.rep_id, found.id)


@routes.post("/v1/opportunities/{opportunity_id}/meetings", status_code=201)
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def book(call: Call, opportunity_id: str, body: MeetingIn, tx: Tx) -> MeetingOut:
    """Book a meeting.

    The claim runs at least until it is over.
    """
    async with told(tx) as stories:
        work = await deal(call, tx, stories, opportunity_id, claimed=True)
        booked = await meetings.book(work, at=body.at, mode=body.mode)
    return dealviews.meeting(booked)


@routes.patch("/v1/opportunities/{opportunity_id}/meetings/{meeting_id}")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def change_meeting(call: Call, opportunity_id: str, meeting_id: str, body: MeetingPatch, tx: Tx) -> MeetingOut:
    """Say how a meeting went, or when it is now.

    A held one is a conversation, and accepts the opportunity. The same again changes nothing.
    """
    if await meetings.find(tx, OpportunityId(opportunity_id), meeting_id) is None:
        raise NotFound
    async with told(tx) as stories:
        work = await deal(call, tx, stories, opportunity_id, same=lambda _: True)
        meeting = await meetings.find(tx, work.deal.id, meeting_id)
        assert meeting is not None, "a meeting is never deleted"
        if not _is(meeting, body):
            if work.deal.state != OpportunityState.OPEN:
                state = work.deal.state.value
                raise Conflict("already_closed", f"The opportunity is {state} already.", state=state)
            match body:
                case MeetingMoved():
                    meeting = await meetings.move(work, meeting, body.at)
                case MeetingEnded():
                    meeting = await meetings.end(work, meeting, ACTS[body.state])
                case _:
                    assert_never(body)
    return dealviews.meeting(meeting)


def _is(meeting: Meeting, body: MeetingEnded | MeetingMoved) -> bool:
    """Whether it is as the body wants it already."""
    if isinstance(body, MeetingMoved):
        return meeting.state == MeetingState.BOOKED and meeting.at == body.at
    return meeting.state == body.state


@routes.post("/v1/opportunities/{opportunity_id}/proposal-requests", status_code=201)
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def request_proposal(call: Call, opportunity_id: str, body: ProposalRequestIn, tx: Tx) -> ProposalRequestOut:
    """Record that the buyer asks for a proposal.

    It accepts the opportunity.
    """
    async with told(tx) as stories:
        work = await deal(call, tx, stories, opportunity_id, claimed=True)
        made = await proposals.request(work, body.note)
    return dealviews.request(made)


@routes.post("/v1/opportunities/{opportunity_id}/proposals", status_code=201)
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def present_proposal(call: Call, opportunity_id: str, body: ProposalIn, tx: Tx) -> ProposalOut:
    """Record that a proposal was presented; each version anew.

    It accepts the opportunity.
    """
    async with told(tx) as stories:
        work = await deal(call, tx, stories, opportunity_id, claimed=True)
        if body.request_id is not None and not await proposals.is_request(tx, work.deal.id, body.request_id):
            raise Invalid([Mistake("not_allowed", "is no request of this opportunity", pointer="#/request_id")])
        made = await proposals.present(work, body.request_id, body.value)
    return dealviews.proposal(made)


@routes.post("/v1/opportunities/{opportunity_id}/won")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def won(call: Call, opportunity_id: str, body: WonIn, tx: Tx) -> WonOut:
    """Close the sale: it is won, and a customer.

    The claim is completed, and the customer waits in the queue of the customer desk. Won again for the same value is
    answered as before.
    """
    value = Money(amount=body.value.amount, currency=body.value.currency)
    async with told(tx) as stories:
        work = await deal(
            call,
            tx,
            stories,
            opportunity_id,
            claimed=True,
            same=lambda closed: closed.state == OpportunityState.WON and closed.value == value,
        )
        if work.deal.state == OpportunityState.OPEN:
            await closing.win(work, value, body.at)
    shown = await dealviews.opportunity(tx, work.deal.id)
    assert shown.customer_id is not None, "it is won"
    return WonOut(opportunity=shown, customer_id=shown.customer_id)


@routes.post("/v1/opportunities/{opportunity_id}/lost")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def lost(call: Call, opportunity_id: str, body: LostIn, tx: Tx) -> LostOut:
    """Record that the sale is lost.

    With `reopen_after` it opens again by itself then, and whoever held it last has the first right to it for a day.
    Lost again for the same reason is answered as before.
    """
    async with told(tx) as stories:
        work = await deal(
            call,
            tx,
            stories,
            opportunity_id,
            same=lambda closed: closed.state == OpportunityState.LOST and closed.reason == body.reason,
        )
        if work.deal.state == OpportunityState.OPEN:
            reopen_after = moment_of(body.reopen_after, "#/reopen_after", work.policy, tx.now)
            await closing.lose(work, body.reason.value, reopen_after)
    return LostOut(opportunity=await dealviews.opportunity(tx, work.deal.id))
