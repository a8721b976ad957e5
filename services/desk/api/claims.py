"""Claims: what a rep does with what they hold."""

from datetime import datetime, timedelta
from typing import Any, assert_never

from fastapi import APIRouter

from router.policy.compiled import Policy
from schemas.api.attempts import AttemptIn, AttemptOut
from schemas.api.claims import ClaimOut, HeartbeatOut, HeldOut, NextStepIn, ReturnIn
from schemas.api.completing import (
    CompleteIn,
    CompleteOut,
    DeclinedIn,
    DisqualifiedIn,
    DoneIn,
    HandedOut,
    NurtureIn,
    QualifiedIn,
    UnreachedIn,
)
from schemas.api.page import ListQuery, Page
from schemas.api.shape import Ask
from schemas.words import AttemptOutcome, ItemKind, PrincipalKind, desk_of
from services import policies
from services.desk.fencing import ClaimEnded, holder, told
from services.desk.moments import moment_of
from services.runtime.http.call import Call
from services.runtime.http.problems import Conflict, Invalid, LimitReached, Mistake
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import attempts, completing, holding, itemviews, leadviews, returns, steps, tasks
from services.store.attempts import KEPT_BY_THE_CLAIM, Try
from services.store.items import Claim
from services.store.work import Work

routes = APIRouter(route_class=Route, tags=["claims"])

ENDS_BY = {
    ItemKind.ENQUIRY: "Send qualified, disqualified, nurture or unreached",
    ItemKind.PROSPECT: "Send qualified, disqualified, nurture or unreached",
    ItemKind.OPPORTUNITY: "Use won or lost of the opportunity",
    ItemKind.CUSTOMER: "It stays held; churn of the customer ends it",
    ItemKind.TASK: "Send done or declined",
}
"""What to do instead, where an outcome is none of an item's kind."""
NURTURED = timedelta(days=90)
"""How long an enquiry sleeps whose rep says no day."""


@routes.get("/v1/claims")
@allow(PrincipalKind.REP)
async def held(call: Call, query: ListQuery, tx: ReadTx) -> Page[HeldOut]:
    """List what you hold.

    The soonest next step comes first; then what has none.
    """
    after = (datetime.fromisoformat(call.after[0]), call.after[1]) if call.after else None
    claims = await holding.page(tx, call.rep_id, after=after, limit=query.limit + 1)
    shown = await itemviews.held(tx, await policies.active(tx), claims)
    rows = list(zip(claims, shown, strict=True))
    return call.page(rows, query.limit, out=lambda row: row[1], place=lambda row: _place(row[0]))


def _place(claim: Claim) -> tuple[str, str]:
    return (claim.next_at or holding.NEVER).isoformat(), claim.id


@routes.post("/v1/claims/{claim_id}/heartbeat")
@allow(PrincipalKind.REP)
async def heartbeat(call: Call, claim_id: str, tx: Tx) -> HeartbeatOut:
    """Keep a claim whose lease would end.

    With a next step or a booked meeting it runs until that is overdue; a heartbeat changes nothing then.
    """
    async with told(tx) as stories:
        work = await holder(call, tx, stories, claim_id)
        await work.alive()
    return HeartbeatOut(claim=await _claim(tx, work.policy, claim_id))


@routes.post("/v1/claims/{claim_id}/attempts", status_code=201)
@allow(PrincipalKind.REP)
async def attempt(call: Call, claim_id: str, body: AttemptIn, tx: Tx) -> AttemptOut:
    """Record an attempt to reach the person.

    Of an enquiry or prospect: `next_at` with `promise` keeps it, and your next pull after then gives it first;
    `next_at` alone gives it back until then, for anyone; without, you go on. Of an opportunity or customer it stays
    yours; `next_at` is the next step, and a first attempt without it has the queue's. `opt_out` ends it.
    """
    async with told(tx) as stories:
        work = await holder(call, tx, stories, claim_id, opts_out=body.outcome == AttemptOutcome.OPT_OUT)
        at = min(body.at or tx.now, tx.now)
        if at < work.held.granted_at:
            remedy = "Record what you did under this claim"
            raise Invalid([Mistake("out_of_range", "lies before the claim", pointer="#/at", remedy=remedy)])
        said = Try(
            channel=body.channel,
            outcome=body.outcome,
            at=at,
            note=body.note,
            evidence=body.evidence,
            next_at=body.next_at,
            promise=body.promise,
            everywhere=body.suppress is not None,
        )
        made = await attempts.attempt(work, said)
    return AttemptOut(
        id=made.id,
        channel=body.channel,
        outcome=body.outcome,
        at=at,
        note=body.note,
        next_at=body.next_at,
        promise=body.promise,
        evidence=body.evidence,
        first=made.first,
        first_conversation=made.first_conversation,
        **await _held(tx, work),
    )


@routes.post("/v1/claims/{claim_id}/next-step")
@allow(PrincipalKind.REP)
async def next_step(call: Call, claim_id: str, body: NextStepIn, tx: Tx) -> HeldOut:
    """Say what happens next with an opportunity or customer.

    It replaces what was to happen. A promise is told to the buyer: when its time has come, your next pull gives it.
    """
    async with told(tx) as stories:
        work = await holder(call, tx, stories, claim_id)
        if work.item.kind not in KEPT_BY_THE_CLAIM:
            detail = f"An item of kind {work.item.kind.value} has no next step: record an attempt with next_at."
            raise Conflict("wrong_state", detail, state=work.item.state.value)
        await steps.replace_step(work, what=body.what, at=body.at, side=body.side, promise=body.promise)
    claim = await holding.find(tx, claim_id)
    assert claim is not None, "a claim is never deleted"
    return (await itemviews.held(tx, work.policy, [claim]))[0]


@routes.post("/v1/claims/{claim_id}/complete")
@allow(PrincipalKind.REP)
async def complete(call: Call, claim_id: str, body: CompleteIn, tx: Tx) -> CompleteOut:
    """End an enquiry or prospect: qualified, disqualified, nurture, unreached; or a task: done, declined.

    Qualified, it is an opportunity at the closing desk, where the policy's handover rules send it: to the pool; `live`,
    to who has waited longest there; or with a meeting `booked`. The same again after it has ended is answered as
    before.
    """
    ended_by = _said("complete", body)
    try:
        async with told(tx) as stories:
            qualifies = isinstance(body, QualifiedIn)
            await _complete(await holder(call, tx, stories, claim_id, qualifies=qualifies), body, ended_by)
    except ClaimEnded as ended:
        if not _same(ended.claim, ended_by):
            raise
    claim = await holding.find(tx, claim_id)
    assert claim is not None, "it was just completed"
    assert claim.ended_by is not None, "by this"
    handed = claim.ended_by.get("handed")
    return CompleteOut(
        item=await itemviews.one(tx, claim.item_id),
        claim=itemviews.claimed(await policies.active(tx), claim),
        lead=await leadviews.one(tx, claim.lead_id),
        opportunity_id=claim.ended_by.get("opportunity_id"),
        handed=None if handed is None else HandedOut(**handed),
    )


async def _complete(work: Work, body: CompleteIn, ended_by: dict[str, Any]) -> None:
    of_task = isinstance(body, DoneIn | DeclinedIn)
    if work.item.kind not in ((ItemKind.TASK,) if of_task else (ItemKind.ENQUIRY, ItemKind.PROSPECT)):
        detail = f"is no outcome of an item of kind {work.item.kind.value}"
        raise Invalid([Mistake("not_allowed", detail, pointer="#/outcome", remedy=ENDS_BY[work.item.kind])])
    match body:
        case QualifiedIn():
            _asked_for(work, body)
            await completing.qualify(
                work,
                corrected=body.lead.model_dump(mode="json", exclude_unset=True) if body.lead else {},
                qualification=body.qualification.model_dump(mode="json", exclude_none=True)
                if body.qualification
                else {},
                product=body.product,
                estimate=body.estimate,
                live=body.handover == "live",
                booked=(body.booked.at, body.booked.mode) if body.booked else None,
                ended_by=ended_by,
            )
        case DisqualifiedIn():
            await completing.disqualify(work, body.reason.value, ended_by)
        case NurtureIn():
            until = moment_of(body.until, "#/until", work.policy, work.tx.now)
            await completing.nurture(work, until or work.tx.now + NURTURED, ended_by)
        case UnreachedIn():
            await completing.unreached(work, ended_by)
        case DoneIn():
            await tasks.complete(work, body.result.model_dump(mode="json") if body.result else None, ended_by)
        case DeclinedIn():
            await tasks.decline(work, body.reason, ended_by)
        case _:
            assert_never(body)


def _asked_for(work: Work, body: QualifiedIn) -> None:
    """What the policy asks of this desk is known. Raises: Invalid, with all that is missing."""
    known = body.qualification.model_dump(exclude_none=True) if body.qualification else {}
    asked = work.policy.asks.get(desk_of(work.item.queue), ())
    remedy = "Find it out first: the policy asks it of this desk"
    missing = [
        Mistake("required", "is required", pointer=f"#/qualification/{name}", remedy=remedy)
        for name in asked
        if name not in known
    ]
    if missing:
        raise Invalid(missing)


@routes.post("/v1/claims/{claim_id}/return")
@allow(PrincipalKind.REP)
async def give_back(call: Call, claim_id: str, body: ReturnIn, tx: Tx) -> HeldOut:
    """Give an item back to its queue.

    It keeps its age, and is not offered to you again. When each rep who may have it, there or away, has returned it, it
    is parked: on the manager's list. A queue may bound how many you return in a week, but for what is in a language
    that you do not speak, needs a skill that you lack, or is in conflict with your interests. The same again is
    answered as before.
    """
    ended_by = _said("return", body)
    try:
        async with told(tx) as stories:
            work = await holder(call, tx, stories, claim_id, with_rep=True)
            if (limit := await returns.limit(work, body.reason)) is not None:
                raise LimitReached(limit.limit, maximum=limit.max, current=limit.current)
            await steps.give_back(work, reason=body.reason.value, note=body.note, ended_by=ended_by)
    except ClaimEnded as ended:
        if not _same(ended.claim, ended_by):
            raise
    claim = await holding.find(tx, claim_id)
    assert claim is not None, "it was just returned"
    return (await itemviews.held(tx, await policies.active(tx), [claim]))[0]


def _said(act: str, body: Ask) -> dict[str, Any]:
    return holding.said(act, body.model_dump(mode="json"))


def _same(claim: Claim, ended_by: dict[str, Any]) -> bool:
    """Whether a claim was ended by the very same."""
    before = claim.ended_by or {}
    return all(before.get(name) == value for name, value in ended_by.items())


async def _held(tx: Tx, work: Work) -> dict[str, Any]:
    """What the holder works on, as it is now."""
    claim = await holding.find(tx, work.held.id)
    assert claim is not None, "a claim is never deleted"
    return {"item": await itemviews.one(tx, work.item.id), "claim": itemviews.claimed(work.policy, claim)}


async def _claim(tx: Tx, policy: Policy, claim_id: str) -> ClaimOut:
    claim = await holding.find(tx, claim_id)
    assert claim is not None, "a claim is never deleted"
    return itemviews.claimed(policy, claim)
