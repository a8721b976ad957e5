"""Qualifying, looked back at: whose work made an opportunity, and on what item."""

from dataclasses import dataclass

from sqlalchemy import select

from schemas.words import ClaimState, ItemKind, QueueName, RepId
from services.runtime.tx import ReadTx
from services.store import tables as t
from services.store.items import Item
from services.store.opportunities import Opportunity

QUALIFIED = (ItemKind.ENQUIRY.value, ItemKind.PROSPECT.value)
"""The kinds of items of which opportunities are made."""


@dataclass(frozen=True, slots=True)
class Qualified:
    """Who qualified, at which queue, and the item that they completed by it."""

    rep_id: RepId
    queue: QueueName
    item: Item


async def of(tx: ReadTx, deal: Opportunity) -> Qualified | None:
    """How an opportunity was qualified; None where no rep did: a rule made it, or nobody qualified it."""
    claim = t.claims.c
    row = await tx.one(
        select(t.items, claim.rep_id.label("qualifier"), claim.queue.label("place"))
        .join(t.claims, claim.item_id == t.items.c.id)
        .where(t.items.c.lead_id == deal.lead_id, t.items.c.kind.in_(QUALIFIED))
        .where(claim.rep_id == deal.qualified_by, claim.state == ClaimState.COMPLETED.value)
        .where(claim.ended_at <= deal.created_at)
        .order_by(claim.ended_at.desc())
        .limit(1)
    )
    return None if row is None else Qualified(row["qualifier"], row["place"], Item.of(row))
