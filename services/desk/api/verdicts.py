"""What is said of a whole opportunity: accepted or rejected by its closer, reopened, corrected by a manager."""

from fastapi import APIRouter

from schemas.api.shape import Nothing
from schemas.api.verdicts import CorrectIn, RejectIn, VerdictOut
from schemas.words import Loss, Money, OpportunityState, PrincipalKind, RepId
from services.desk.fencing import deal, told
from services.runtime.http.call import Call
from services.runtime.http.problems import Conflict, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import Tx
from services.store import correcting, dealviews, opportunities, rejecting, suppressions
from services.store.correcting import Correction
from services.store.opportunities import Opportunity
from services.store.work import Work

routes = APIRouter(route_class=Route, tags=["opportunities"])

ACCEPTED = "accepted"


@routes.post("/v1/opportunities/{opportunity_id}/accept")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def accept(call: Call, opportunity_id: str, body: Nothing, tx: Tx) -> VerdictOut:
    """Accept what was qualified, after a conversation.

    A held meeting, a proposal and a win accept by themselves. Again it changes nothing.
    """
    async with told(tx) as stories:
        work = await deal(call, tx, stories, opportunity_id, claimed=True)
        if work.deal.accepted_at is None:
            _talked(work)
            await work.progress(work.deal.stage, accepts=True)
            await work.alive()
    return VerdictOut(opportunity=await dealviews.opportunity(tx, work.deal.id))


@routes.post("/v1/opportunities/{opportunity_id}/reject")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def reject(call: Call, opportunity_id: str, body: RejectIn, tx: Tx) -> VerdictOut:
    """Give it back to whoever qualified it, after a conversation.

    It is again the enquiry or prospect that it was, as old as that, and theirs first for a day. What a rule made goes
    to the fallback's queue. Rejected again for the same reason is answered as before.
    """
    async with told(tx) as stories:
        work = await deal(
            call,
            tx,
            stories,
            opportunity_id,
            same=lambda closed: closed.state == OpportunityState.REJECTED and closed.reason == body.reason,
        )
        if work.deal.state == OpportunityState.OPEN:
            if work.deal.accepted_at is not None:
                raise Conflict("wrong_state", "It is accepted: win or lose it.", state=ACCEPTED)
            _talked(work)
            if await rejecting.back_to(work) is None:
                detail = "A rule made it, and the policy's fallback is a closing queue: nobody qualifies. Lose it."
                raise Conflict("wrong_state", detail, state=work.deal.stage.value)
            await rejecting.reject(work, body.reason, body.note)
    return VerdictOut(opportunity=await dealviews.opportunity(tx, work.deal.id))


def _talked(work: Work) -> None:
    if work.deal.conversed_at is None:
        detail = "Nobody has talked with them yet: record a conversation first."
        raise Conflict("wrong_state", detail, state=work.deal.stage.value)


@routes.post("/v1/opportunities/{opportunity_id}/reopen")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def reopen(call: Call, opportunity_id: str, body: Nothing, tx: Tx) -> VerdictOut:
    """Open a lost one again.

    A manager may, and the rep who lost it, without a token. It is queued, as new, and for a day is first its last
    holder's.
    """
    async with told(tx) as stories:
        work = await deal(call, tx, stories, opportunity_id, same=_is_lost, also=_lost_by, opens=True)
        if work.deal.state == OpportunityState.OPEN:
            raise Conflict("wrong_state", "It is open.", state=work.deal.state.value)
        if call.principal.rep_id is not None and not _lost_by(work.deal, call.rep_id):
            raise NotFound
        await _reachable(work)
        if not await opportunities.reopen(tx, work.story, work.deal.id, work.policy, work.actor):
            detail = "Another opportunity of their company is open for this product."
            raise Conflict("wrong_state", detail, state=work.deal.state.value)
    return VerdictOut(opportunity=await dealviews.opportunity(tx, work.deal.id))


def _is_lost(found: Opportunity) -> bool:
    return found.state == OpportunityState.LOST


def _lost_by(found: Opportunity, rep: RepId) -> bool:
    return _is_lost(found) and found.closed_by == rep


async def _reachable(work: Work) -> None:
    if not await suppressions.channels(work.tx, work.story.id):
        raise Conflict("wrong_state", "No channel is left to reach them.", state=work.deal.state.value)


@routes.post("/v1/opportunities/{opportunity_id}/correct")
@allow(PrincipalKind.MANAGER)
async def correct(call: Call, opportunity_id: str, body: CorrectIn, tx: Tx) -> VerdictOut:
    """Say what it is that was closed by mistake: open, won for a value, lost for a reason.

    The numbers are restated, the record keeps all, and a customer that was a mistake is void. The same again changes
    nothing.
    """
    said = Correction(
        OpportunityState(body.state),
        body.value and Money(amount=body.value.amount, currency=body.value.currency),
        body.reason and Loss(body.reason).value,
        body.note,
    )
    async with told(tx) as stories:
        work = await deal(call, tx, stories, opportunity_id, same=_may_be_wrong, opens=said.to == OpportunityState.OPEN)
        if not _is(work.deal, said):
            if said.to == OpportunityState.OPEN:
                await _reachable(work)
                if await opportunities.other_open(tx, work.story, work.deal):
                    detail = "Another opportunity of their company is open for this product."
                    raise Conflict("wrong_state", detail, state=work.deal.state.value)
            await correcting.correct(work, said)
    return VerdictOut(opportunity=await dealviews.opportunity(tx, work.deal.id))


def _may_be_wrong(found: Opportunity) -> bool:
    return found.state in (OpportunityState.WON, OpportunityState.LOST)


def _is(found: Opportunity, said: Correction) -> bool:
    """Whether it is so already."""
    if found.state != said.to:
        return False
    return found.state == OpportunityState.OPEN or (found.value, found.reason) == (said.value, said.reason)
