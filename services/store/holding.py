"""Holding: claims as read, and what keeps one alive."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_, update

from router.leases import expires_at
from router.policy.compiled import Policy
from schemas.events.lifecycle import ItemClaimed
from schemas.words import ClaimId, CustomerId, Exempt, FencingToken, ItemId, ItemKind, LeadId, OpportunityId, RepId, Why
from services.runtime.tx import ReadTx, Tx
from services.store import items, opportunities
from services.store import tables as t
from services.store.items import Claim, Item
from services.store.queues import HELD

REMEMBERED = timedelta(hours=24)
"""How long the holder of an ended claim is told that it is lost, rather than that there is nothing."""
NEVER = datetime.fromisoformat("9999-12-31T00:00:00+00:00")
"""When what has no next step comes, in the order of what a rep holds."""
NO_NEXT_STEP: Mapping[str, Any] = {
    "next_what": None,
    "next_at": None,
    "next_side": None,
    "next_promise": False,
    "served_at": None,
    "overdue_at": None,
    "settled_at": None,
}
"""The columns of a claim that has no next step."""


async def find(tx: ReadTx, claim: str) -> Claim | None:
    row = await tx.one(select(t.claims).where(t.claims.c.id == claim))
    return None if row is None else Claim.of(row)


async def of_item(tx: ReadTx, item: ItemId) -> Claim | None:
    """The claim that holds an item now."""
    row = await tx.one(select(t.claims).where(t.claims.c.item_id == item, HELD))
    return None if row is None else Claim.of(row)


async def last_of_lead(tx: ReadTx, lead: LeadId) -> RepId | None:
    """Who held the work on a lead last."""
    claim = t.claims.c
    moved = t.items.c.kind.in_([kind.value for kind in (ItemKind.ENQUIRY, ItemKind.PROSPECT, ItemKind.OPPORTUNITY)])
    worked = select(claim.rep_id).join(t.items, t.items.c.id == claim.item_id).where(t.items.c.lead_id == lead, moved)
    rep = await tx.value(worked.order_by(claim.granted_at.desc(), claim.id.desc()).limit(1))
    return None if rep is None else RepId(rep)


async def ended(
    tx: ReadTx, lead: LeadId, of: OpportunityId | CustomerId, rep: RepId, token: FencingToken
) -> Claim | None:
    """A rep's claim of this token on an opportunity or customer, if it has ended, and not too long ago to be told."""
    item = t.items.c
    rows = (
        select(t.claims)
        .join(t.items, item.id == t.claims.c.item_id)
        .where(item.lead_id == lead, or_(item.opportunity_id == of, item.customer_id == of))
        .where(t.claims.c.rep_id == rep, t.claims.c.token == token, t.claims.c.ended_at > tx.now - REMEMBERED)
        .order_by(t.claims.c.ended_at.desc())
        .limit(1)
    )
    row = await tx.one(rows)
    return None if row is None else Claim.of(row)


async def page(tx: ReadTx, rep: RepId, *, after: tuple[datetime, str] | None, limit: int) -> Sequence[Claim]:
    """What a rep holds, the soonest next step first, past the one that `after` names."""
    next_at, id_ = _comes_at(), t.claims.c.id
    query = select(t.claims).where(t.claims.c.rep_id == rep, HELD).order_by(next_at, id_).limit(limit)
    rows = await tx.fetch(query if after is None else query.where(tuple_(next_at, id_) > after))
    return [Claim.of(row) for row in rows]


async def write(tx: Tx, claim: Claim, **columns: Any) -> Claim:
    """Set columns of a claim whose item is locked."""
    await tx.execute(update(t.claims).where(t.claims.c.id == claim.id).values(columns))
    return replace(claim, **columns)


async def extend(tx: Tx, policy: Policy, claim: Claim, opportunity: OpportunityId | None, **columns: Any) -> Claim:
    """Set columns of an active claim, and when it ends by itself; that stays in a queue which the policy dropped."""
    changed = replace(claim, **columns)
    if (queue := policy.queues.get(claim.queue)) is not None:
        columns["expires_at"] = expires_at(
            queue,
            granted_at=changed.granted_at,
            heartbeat_at=changed.heartbeat_at,
            attempt_at=changed.attempted_at,
            next_step_at=changed.next_at,
            meetings=await opportunities.booked_meetings(tx, opportunity),
        )
    return await write(tx, claim, **columns)


def carried(claim: Claim, now: datetime) -> ClaimId | None:
    """The claim with whose next step whoever has its item next goes on: it lies ahead, or was promised."""
    return claim.id if claim.next_at is not None and (claim.next_promise or claim.next_at > now) else None


async def go_on(tx: Tx, policy: Policy, claim: Claim, item: Item, *, served: bool) -> Claim:
    """Give a new claim the next step of the one that it goes on from; `served`: it was given for that promise."""
    before = await find(tx, item.carried_from or "")
    if before is None:
        return claim
    step = {name: getattr(before, name) for name in NO_NEXT_STEP} | {"served_at": tx.now if served else None}
    return await extend(tx, policy, claim, item.opportunity_id, **step)


def claimed(item: Item, claim: Claim, why: Why, exception: Exempt | None) -> ItemClaimed:
    """What is told when a pull gives an item."""
    return ItemClaimed(
        **items.of_item(item),
        claim_id=claim.id,
        rep_id=claim.rep_id,
        token=claim.token,
        why=why,
        exception=exception,
    )


def said(act: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What ended a claim, so that the same again is known: the act, and a digest of its body, which may be personal."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return {"act": act, "digest": hashlib.sha256(text.encode()).hexdigest()}


def _comes_at() -> ColumnElement[datetime]:
    return func.coalesce(t.claims.c.next_at, NEVER)
