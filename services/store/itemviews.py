"""Items as whoever holds them sees them: with the person, the opportunity, customer or task, and all that was done."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select

from router.leases import ASKED_AFTER, heartbeat_every
from router.policy.compiled import Policy
from schemas.api.claims import AskOut, ClaimOut, HeldOut
from schemas.api.items import HistoryOut, ItemLeadOut, ItemOut, NextStepOut
from schemas.api.leads import CompanyOut, ContactOut
from schemas.words import ClaimState, Exempt, ItemId, ItemKind, LeadId, MeetingState, Side
from services.runtime.tx import ReadTx
from services.store import dealviews, suppressions, timeline
from services.store import tables as t
from services.store.items import Claim, Item
from services.store.rows import among


async def shown(tx: ReadTx, ids: Sequence[ItemId]) -> list[ItemOut]:
    """Items that there are, in this order, with one query for each table for all of them."""
    rows = await tx.fetch(select(t.items).where(t.items.c.id == among(ids)))
    found = {item.id: item for item in map(Item.of, rows)}
    items = [found[id_] for id_ in ids]
    leads = list(dict.fromkeys(item.lead_id for item in items))
    said = await _leads(tx, leads)
    channels = await suppressions.channels_of(tx, leads)
    histories = await timeline.histories(tx, leads)
    claims = await _claims(tx, ids)
    deals = await dealviews.opportunities(
        tx, [item.opportunity_id for item in items if item.opportunity_id and item.kind == ItemKind.OPPORTUNITY]
    )
    customers = await dealviews.customers(tx, [item.customer_id for item in items if item.customer_id])
    tasks = await dealviews.tasks(tx, [item.task_id for item in items if item.task_id])
    return [
        ItemOut(
            id=item.id,
            kind=item.kind,
            queue=item.queue,
            state=item.state,
            priority=item.priority,
            queued_at=item.queued_at,
            due_at=item.due_at,
            next_at=item.next_at,
            rank_at=item.rank_at,
            claims=len(claims[item.id]),
            test=item.test,
            channels=list(channels[item.lead_id]),
            next_step=next((_next_step(row) for row in claims[item.id] if _is_next(row)), None),
            lead=said[item.lead_id],
            opportunity=deals.get(item.opportunity_id) if item.opportunity_id else None,
            customer=customers.get(item.customer_id) if item.customer_id else None,
            task=tasks.get(item.task_id) if item.task_id else None,
            history=[
                HistoryOut(at=entry.at, what=entry.what, by=entry.by, note=entry.note)
                for entry in histories[item.lead_id]
            ],
        )
        for item in items
    ]


async def one(tx: ReadTx, item: ItemId) -> ItemOut:
    """An item that there is."""
    return (await shown(tx, [item]))[0]


async def held(tx: ReadTx, policy: Policy, claims: Sequence[Claim]) -> list[HeldOut]:
    """Claims with their items, in this order."""
    items = await shown(tx, [claim.item_id for claim in claims])
    return [
        HeldOut(item=item, claim=claimed(policy, claim), asks=_asks(item, claim, tx.now))
        for item, claim in zip(items, claims, strict=True)
    ]


def claimed(policy: Policy, claim: Claim) -> ClaimOut:
    """A claim as its rep sees it. In a queue that the policy dropped it needs no heartbeat: nothing would heed it."""
    queue = policy.queues.get(claim.queue)
    every = None if queue is None else heartbeat_every(queue)
    return ClaimOut(
        id=claim.id,
        token=claim.token,
        state=claim.state,
        rep_id=claim.rep_id,
        exception=None if claim.exception is None else Exempt(claim.exception),
        granted_at=claim.granted_at,
        expires_at=claim.expires_at,
        heartbeat_every_ms=None if every is None else round(every.total_seconds() * 1000),
    )


def _asks(item: ItemOut, claim: Claim, now: datetime) -> list[AskOut]:
    """What the holder has not said, and is asked for now."""
    if item.opportunity is None or claim.ended_at is not None:
        return []
    return [
        AskOut(what="meeting_outcome", opportunity_id=item.opportunity.id, meeting_id=met.id, at=met.at)
        for met in item.opportunity.meetings
        if met.state == MeetingState.BOOKED and met.at + ASKED_AFTER <= now
    ]


async def _leads(tx: ReadTx, ids: Sequence[LeadId]) -> Mapping[LeadId, ItemLeadOut]:
    lead, details = t.leads.c, t.lead_details.c
    rows = await tx.fetch(
        select(
            *(lead[name] for name in ("id", "person_id", "account_id", "direction", "source", "received_at")),
            *(details[name] for name in ("contact", "company", "intent", "product", "message", "custom")),
        )
        .join(t.lead_details, details.lead_id == lead.id)
        .where(lead.id == among(ids))
    )
    return {row["id"]: _lead(row) for row in rows}


def _lead(row: RowMapping) -> ItemLeadOut:
    known: dict[str, Any] = dict(row)
    known.update(contact=ContactOut.model_validate(row["contact"]), company=CompanyOut.model_validate(row["company"]))
    return ItemLeadOut(**known)


async def _claims(tx: ReadTx, ids: Sequence[ItemId]) -> Mapping[ItemId, Sequence[RowMapping]]:
    c = t.claims.c
    found: dict[ItemId, list[RowMapping]] = defaultdict(list)
    columns = (c.item_id, c.state, c.next_what, c.next_at, c.next_side, c.next_promise)
    for row in await tx.fetch(select(*columns).where(c.item_id == among(ids))):
        found[row["item_id"]].append(row)
    return found


def _is_next(claim: RowMapping) -> bool:
    return claim["state"] == ClaimState.ACTIVE and claim["next_at"] is not None


def _next_step(claim: RowMapping) -> NextStepOut:
    return NextStepOut(
        what=claim["next_what"], at=claim["next_at"], side=Side(claim["next_side"]), promise=claim["next_promise"]
    )
