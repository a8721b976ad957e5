"""Items: how they are born, and the one function that moves them, with their claim and their lead."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from router.lifecycle import CLAIM, ITEM, Act, lead_of
from schemas.events.lifecycle import ItemEvent, ItemQueued
from schemas.events.stamp import SYSTEM, Actor
from schemas.words import (
    Cause,
    ClaimId,
    ClaimState,
    CustomerId,
    FencingToken,
    ItemId,
    ItemKind,
    ItemState,
    LeadId,
    OpportunityId,
    Priority,
    QueueName,
    RepId,
    Role,
)
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import tables as t
from services.store.story import Story, WrongState

UNRESERVED: Mapping[str, Any] = {"reserved_for": None, "reserved_until": None, "reserved_why": None}
"""The columns of an item that is anyone's."""
LEAD_KINDS = frozenset({ItemKind.ENQUIRY, ItemKind.PROSPECT, ItemKind.OPPORTUNITY})
"""The kinds whose state is their lead's; tasks and customers do not move the lead."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row of `routing.items`, as read."""

    id: ItemId
    lead_id: LeadId
    kind: ItemKind
    queue: QueueName
    state: ItemState
    priority: Priority
    test: bool
    queued_at: datetime
    rank_at: datetime
    due_at: datetime | None
    next_at: datetime | None
    reserved_for: RepId | None
    reserved_until: datetime | None
    reserved_why: str | None
    returned_by: tuple[RepId, ...]
    token: FencingToken
    attempted_at: datetime | None
    conversed_at: datetime | None
    sla_breached_at: datetime | None
    opportunity_id: OpportunityId | None
    customer_id: CustomerId | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "Item":
        values = {f.name: row[f.name] for f in fields(cls)}
        values.update(
            kind=ItemKind(row["kind"]),
            state=ItemState(row["state"]),
            priority=Priority(row["priority"]),
            returned_by=tuple(row["returned_by"]),
        )
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of `routing.claims`, as read."""

    id: ClaimId
    item_id: ItemId
    lead_id: LeadId
    rep_id: RepId
    queue: QueueName
    token: FencingToken
    state: ClaimState
    why: str
    exception: str | None
    granted_at: datetime
    heartbeat_at: datetime | None
    attempted_at: datetime | None
    expires_at: datetime
    next_what: str | None
    next_at: datetime | None
    next_side: str | None
    next_promise: bool
    served_at: datetime | None
    overdue_at: datetime | None
    settled_at: datetime | None
    ended_at: datetime | None
    ended_by: dict[str, Any] | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "Claim":
        values = {f.name: row[f.name] for f in fields(cls)}
        values["state"] = ClaimState(row["state"])
        return cls(**values)


_BORN_WITH = tuple(field.name for field in fields(Item) if field.name != "returned_by")


async def lock(tx: Tx, item: ItemId) -> Item | None:
    """Read an item and lock it. Its lead must be locked before (law 14)."""
    row = await tx.one(select(t.items).where(t.items.c.id == item).with_for_update())
    return None if row is None else Item.of(row)


async def find(tx: ReadTx, item: ItemId) -> Item | None:
    row = await tx.one(select(t.items).where(t.items.c.id == item))
    return None if row is None else Item.of(row)


def put(
    story: Story,
    *,
    kind: ItemKind,
    queue: QueueName,
    pooled: bool,
    priority: Priority,
    rank_at: datetime,
    queued_at: datetime,
    due_at: datetime | None = None,
    cause: Cause = Cause.DECISION,
    actor: Actor = SYSTEM,
    reserved_for: RepId | None = None,
    reserved_until: datetime | None = None,
    reserved_why: str | None = None,
    opportunity_id: OpportunityId | None = None,
    customer_id: CustomerId | None = None,
    token: FencingToken = FencingToken(0),
) -> Item:
    """Make an item, in the pool or in the queue; the latter is told. The caller moves the lead.

    `token`: that of the last claim on what it goes on with; its own claims have larger ones.
    """
    item = Item(
        id=ItemId(mint("itm", story.now)),
        lead_id=story.id,
        kind=kind,
        queue=queue,
        state=ItemState.POOLED if pooled else ItemState.QUEUED,
        priority=priority,
        test=story.test,
        queued_at=queued_at,
        rank_at=rank_at,
        due_at=due_at,
        next_at=None,
        reserved_for=reserved_for,
        reserved_until=reserved_until,
        reserved_why=reserved_why,
        returned_by=(),
        token=token,
        attempted_at=None,
        conversed_at=None,
        sla_breached_at=None,
        opportunity_id=opportunity_id,
        customer_id=customer_id,
    )
    story.items.append({name: getattr(item, name) for name in _BORN_WITH})
    if kind in LEAD_KINDS:
        story.set(queue=queue)
    if not pooled:
        story.tell(queued_event(item, cause), actor)
    return item


async def apply(
    tx: Tx,
    story: Story,
    item: Item,
    act: Act,
    actor: Actor = SYSTEM,
    *,
    claim: Claim | None = None,
    detail: dict[str, Any] | None = None,
    ended_by: dict[str, Any] | None = None,
    note: str | None = None,
    announce: bool = True,
    **columns: Any,
) -> Item:
    """Take an item along the arrow of `act`, with the claim that ends by it and the lead that follows it, and tell it.

    Lead and item are locked by this transaction. `detail` is what the event says beside the item; `columns` are set on
    the item. With `announce` false an item that comes back to its queue is not told as queued: another act follows.
    Raises: WrongState where item, claim, lead or the actor's role refuses.
    """
    move = ITEM.move(item.state, act)
    if move is None or Role(actor.kind) not in move.by or move.says is None:
        raise WrongState("item", item.state, act)
    if claim is not None:
        await _end(tx, claim, act, ended_by)
    changed = replace(item, state=move.target, **columns)
    written = {name: _plain(getattr(changed, name)) for name in ("state", *columns)}
    await tx.execute(update(t.items).where(t.items.c.id == item.id).values(written))
    if move.target == ItemState.QUEUED:
        tx.wake(f"floor:{changed.queue}")
    if issubclass(move.says, ItemQueued):
        story.tell(queued_event(changed, move.cause or Cause.DECISION), actor, note=note)
    else:
        assert issubclass(move.says, ItemEvent)
        held: dict[str, Any] = {} if claim is None else {"claim_id": claim.id, "rep_id": claim.rep_id}
        story.tell(move.says(**of_item(item), **held, **(detail or {})), actor, note=note)
        if move.cause is not None and announce:
            story.tell(queued_event(changed, move.cause), actor)
    target = lead_of(move.target)
    if item.kind in LEAD_KINDS and target is not None:
        if target != story.state:
            story.move(act, actor)
        story.set(queue=changed.queue)
    return changed


async def _end(tx: Tx, claim: Claim, act: Act, ended_by: dict[str, Any] | None) -> None:
    move = CLAIM.move(claim.state, act)
    if move is None:
        raise WrongState("claim", claim.state, act)
    await tx.execute(
        update(t.claims)
        .where(t.claims.c.id == claim.id)
        .values(state=move.target.value, ended_at=tx.now, ended_by=ended_by)
    )


def of_item(item: Item) -> dict[str, Any]:
    """What each item event says of its item."""
    return {"item_id": item.id, "kind": item.kind, "queue": item.queue}


def queued_event(item: Item, cause: Cause) -> ItemQueued:
    return ItemQueued(
        **of_item(item),
        priority=item.priority,
        queued_at=item.queued_at,
        due_at=item.due_at,
        reserved_for=item.reserved_for,
        cause=cause,
    )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
