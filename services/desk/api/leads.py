"""Leads: the list, what happened to one, and why it is where it is."""

from datetime import datetime

from fastapi import APIRouter

from schemas.api.leads import LeadOut, LeadsQuery, TimelineEventOut
from schemas.api.page import ListQuery, Page
from schemas.api.shape import Nothing
from schemas.api.why import WhyOut, WhyQuery
from schemas.events.stamp import text_of
from schemas.words import LeadId, PrincipalKind
from services import policies
from services.desk.fencing import told
from services.runtime.http.call import Call
from services.runtime.http.mistakes import did_you_mean
from services.runtime.http.problems import Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import leadviews, redeciding, timeline, whys

routes = APIRouter(route_class=Route, tags=["leads"])


@routes.get("/v1/leads")
@allow(PrincipalKind.MANAGER)
async def leads(call: Call, query: LeadsQuery, tx: ReadTx) -> Page[LeadOut]:
    """List leads, newest first.

    A manager sees those with a place, now or once, at one of their desks; one who names no desk, and an admin, all.
    """
    after = (datetime.fromisoformat(call.after[0]), LeadId(call.after[1])) if call.after else None
    rows = await leadviews.listed(tx, query, call.principal, after=after, limit=query.limit + 1)
    return call.page(rows, query.limit, out=lambda lead: lead, place=_place)


@routes.get("/v1/leads/{lead_id}/timeline")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def events(call: Call, lead_id: str, query: ListQuery, tx: ReadTx) -> Page[TimelineEventOut]:
    """List what happened to a lead, oldest first.

    A rep sees it while holding it. Those merged into it have timelines of their own.
    """
    if not await leadviews.seen(tx, lead_id, call.principal):
        raise NotFound
    after = int(call.after[0]) if call.after else 0
    rows = await timeline.events(tx, LeadId(lead_id), after=after, limit=query.limit + 1)
    return call.page(rows, query.limit, out=TimelineEventOut.model_validate, place=lambda row: [str(row["seq"])])


@routes.get("/v1/leads/{lead_id}/why")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def why(call: Call, lead_id: str, query: WhyQuery, tx: ReadTx) -> WhyOut:
    """Tell why a lead is where it is.

    Each decision with what it saw, each rule that was tried, clause by clause, and what came of it; and what its open
    work waits for. With `not`, a queue: the rules that lead there, and what would have had to differ. A rep sees it
    while holding the lead.
    """
    policy = await policies.active(tx)
    if query.not_ is not None and query.not_ not in policy.queues:
        remedy = did_you_mean(query.not_, list(policy.queues)) or f"Ask for one of: {', '.join(policy.queues)}"
        raise Invalid([Mistake("not_allowed", "no such queue", parameter="not", remedy=remedy)])
    if not await leadviews.seen(tx, lead_id, call.principal):
        raise NotFound
    return await whys.answer(tx, policy, policies.as_of, LeadId(lead_id), call.principal, query.not_)


@routes.post("/v1/leads/{lead_id}/release")
@allow(PrincipalKind.MANAGER)
async def release(call: Call, lead_id: str, body: Nothing, tx: Tx) -> LeadOut:
    """Route a rejected lead after all.

    Decided anew, whatever flagged it: as spam, or for its Origin. Whom no channel may reach is rejected again.
    """
    if await leadviews.receipt(tx, lead_id, call.principal) is None:
        raise NotFound
    policy = await policies.active(tx)
    async with told(tx) as stories:
        await redeciding.release(tx, stories, policy, call.edge.keyring, LeadId(lead_id), call.actor)
    return await leadviews.one(tx, LeadId(lead_id))


def _place(lead: LeadOut) -> list[str]:
    assert lead.received_at is not None, "only a lead that is not routed yet has none, and it is in no list"
    return [text_of(lead.received_at), lead.id]
