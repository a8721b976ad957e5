"""What time brings about is found without a lock, then locked and looked at again: several workers do no harm.

The leads that nobody else holds are taken, in the order of law 14; what another holds is left to the next look.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select

from schemas.words import ItemId, LeadId
from services.runtime.tx import ReadTx, Tx
from services.store import tables as t
from services.store.items import Claim, Item
from services.store.story import Stories


@dataclass(frozen=True, slots=True)
class Due:
    """A row whose time has come, and the root lead to lock before it."""

    id: str
    lead: LeadId


async def look(
    tx: ReadTx,
    table: Table,
    which: ColumnElement[bool],
    by: ColumnElement[Any],
    limit: int,
    but: Collection[str],
    *,
    lead: ColumnElement[str] | None = None,
) -> list[Due]:
    """Rows of `table` for which `which` holds, the first by `by`, but those of these ids."""
    lead = table.c.lead_id if lead is None else lead
    statement = select(table.c.id, lead.label("lead_id")).where(which).order_by(by, table.c.id).limit(limit)
    if but:
        statement = statement.where(table.c.id.not_in(but))
    return [Due(row["id"], row["lead_id"]) for row in await tx.fetch(statement)]


async def claims_again(
    tx: Tx, stories: Stories, found: Sequence[Due], which: ColumnElement[bool]
) -> list[tuple[Claim, Item]]:
    """Of these, the claims for which it still holds, locked with their items; their leads nobody else holds."""
    claim = t.claims.c
    statement = _again(
        select(t.claims).where(which), claim.id, claim.lead_id, found, await free_leads(tx, stories, found)
    )
    claims = [Claim.of(row) for row in await tx.fetch(statement)]
    held = select(t.items).where(t.items.c.id.in_([claim.item_id for claim in claims]))
    rows = await tx.fetch(held.order_by(t.items.c.id).with_for_update())
    items_ = {ItemId(row["id"]): Item.of(row) for row in rows}
    return [(claim, items_[claim.item_id]) for claim in claims]


async def items_again(tx: Tx, stories: Stories, found: Sequence[Due], which: ColumnElement[bool]) -> list[Item]:
    """Of these, the items for which it still holds, locked; their leads nobody else holds."""
    item = t.items.c
    statement = _again(select(t.items).where(which), item.id, item.lead_id, found, await free_leads(tx, stories, found))
    return [Item.of(row) for row in await tx.fetch(statement)]


def _again(
    statement: Select[Any],
    id_: ColumnElement[str],
    lead: ColumnElement[str],
    found: Sequence[Due],
    free: Collection[LeadId],
) -> Select[Any]:
    return (
        statement.where(id_.in_([due.id for due in found]), lead.in_(free))
        .order_by(id_)
        .with_for_update(skip_locked=True)
    )


async def free_leads(tx: Tx, stories: Stories, found: Iterable[Due]) -> list[LeadId]:
    """Lock the leads that nobody else holds, and open their stories."""
    rows = await tx.fetch(
        select(t.leads)
        .where(t.leads.c.id.in_({due.lead for due in found}))
        .order_by(t.leads.c.id)
        .with_for_update(skip_locked=True)
    )
    return [stories.take(row).id for row in rows]
