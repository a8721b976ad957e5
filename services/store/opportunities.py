"""Opportunities: how they are made, read, moved and reopened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update

from router.lifecycle import OPPORTUNITY, Act
from router.order import rank_at
from router.outcomes import Enqueue, Pool
from router.policy.compiled import Policy
from schemas.events.opportunity import OpportunityCreated, OpportunityEvent, OpportunityReopened
from schemas.events.stamp import SYSTEM, Actor
from schemas.words import (
    Cause,
    CustomerId,
    Exempt,
    ItemId,
    ItemKind,
    LeadId,
    MeetingState,
    Money,
    OpportunityId,
    OpportunityState,
    Priority,
    QueueName,
    RepId,
    Role,
    Stage,
)
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import accounts, items
from services.store import tables as t
from services.store.continuity import RESERVED, first_right
from services.store.story import Story, WrongState

NOT_CLOSED: Mapping[str, Any] = {"closed_at": None, "closed_by": None, "reason": None, "reopen_after": None}
"""The columns of an opportunity that is open."""


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A row of `routing.opportunities`, as read."""

    id: OpportunityId
    lead_id: LeadId
    item_id: ItemId
    state: OpportunityState
    stage: Stage
    queue: QueueName
    product: str | None
    qualified_by: str | None
    closer: RepId | None
    created_at: datetime
    accepted_at: datetime | None
    conversed_at: datetime | None
    qualification: dict[str, Any] | None
    estimate: Money | None
    value: Money | None
    closed_at: datetime | None
    closed_by: RepId | None
    """The rep who closed it; None: a manager or the system did."""
    reason: str | None
    reopen_after: datetime | None
    customer_id: CustomerId | None

    @classmethod
    def of(cls, row: RowMapping) -> "Opportunity":
        values = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        values.update(
            state=OpportunityState(row["state"]),
            stage=Stage(row["stage"]),
            estimate=money(row, "estimate"),
            value=money(row, "value"),
        )
        return cls(**values)


def money(row: RowMapping, name: str) -> Money | None:
    """The money in the columns `<name>_amount` and `<name>_currency`."""
    amount = row[f"{name}_amount"]
    return None if amount is None else Money(amount=amount, currency=row[f"{name}_currency"])


def money_columns(name: str, value: Money | None) -> dict[str, Any]:
    return {f"{name}_amount": value and value.amount, f"{name}_currency": value and value.currency}


async def find(tx: ReadTx, opportunity: str) -> Opportunity | None:
    row = await tx.one(select(t.opportunities).where(t.opportunities.c.id == opportunity))
    return None if row is None else Opportunity.of(row)


async def booked_meetings(tx: ReadTx, opportunity: OpportunityId | None) -> Sequence[datetime]:
    """When the booked meetings of an opportunity are; none where there is no opportunity."""
    if opportunity is None:
        return []
    meeting = t.meetings.c
    booked = meeting.state == MeetingState.BOOKED.value
    rows = await tx.fetch(select(meeting.at).where(meeting.opportunity_id == opportunity, booked).order_by(meeting.at))
    return [row["at"] for row in rows]


async def create(
    tx: Tx,
    story: Story,
    place: Enqueue | Pool,
    *,
    policy: Policy,
    queued_at: datetime,
    qualified_by: str | None,
    product: str | None = None,
    qualification: Mapping[str, Any] | None = None,
    estimate: Money | None = None,
    actor: Actor = SYSTEM,
    live_to: RepId | None = None,
) -> OpportunityId:
    """Make a lead an opportunity, in the pool or queue where a decision places it; the lead moves there.

    `qualified_by`: the rep's id, `auto`, or None: nobody (bypass). What is not pooled in a queue that has a pool may
    exceed its target. `live_to`: who is to take it in this transaction; it is reserved for them.
    """
    pooled = isinstance(place, Pool)
    opportunity = OpportunityId(mint("opp", tx.now))
    story.move(Act.POOL if pooled else Act.ENQUEUE, actor, opportunity_id=opportunity, priority=place.priority.value)
    created = OpportunityCreated(
        opportunity_id=opportunity,
        queue=place.queue,
        product=product,
        qualified_by=qualified_by,
        handover="rep" if live_to else "pool" if pooled else "queue",
        estimate=estimate,
        acceptance="required" if policy.acceptance_required else "none",
    )
    story.tell(created, actor)
    item = items.put(
        story,
        kind=ItemKind.OPPORTUNITY,
        queue=place.queue,
        pooled=pooled,
        priority=place.priority,
        rank_at=place.rank_at,
        queued_at=queued_at,
        due_at=place.due_at,
        actor=actor,
        reserved_for=live_to,
        reserved_until=tx.now + RESERVED if live_to else None,
        reserved_why=Exempt.LIVE.value if live_to else None,
        opportunity_id=opportunity,
    )
    await tx.execute(
        insert(t.opportunities).values(
            id=opportunity,
            lead_id=story.id,
            account_id=story.row["account_id"],
            item_id=item.id,
            state=OpportunityState.OPEN.value,
            stage=Stage.QUALIFIED.value,
            queue=place.queue,
            product=product,
            qualified_by=qualified_by,
            created_at=tx.now,
            qualification=qualification and dict(qualification),
            **money_columns("estimate", estimate),
        )
    )
    return opportunity


async def move(
    tx: Tx,
    story: Story,
    opportunity: Opportunity,
    act: Act,
    event: OpportunityEvent,
    actor: Actor,
    *,
    note: str | None = None,
    **columns: Any,
) -> None:
    """Take an opportunity along the arrow of `act`, set columns, and tell it. Raises: WrongState."""
    arrow = OPPORTUNITY.move(opportunity.state, act)
    if arrow is None or Role(actor.kind) not in arrow.by or arrow.says is not type(event):
        raise WrongState("opportunity", opportunity.state, act)
    await change(tx, opportunity.id, state=arrow.target.value, **columns)
    story.tell(event, actor, note=note)


async def change(tx: Tx, opportunity: OpportunityId, **columns: Any) -> None:
    """Set columns of an opportunity whose lead is locked."""
    await tx.execute(update(t.opportunities).where(t.opportunities.c.id == opportunity).values(columns))


def further(opportunity: Opportunity, stage: Stage) -> str:
    """The furthest of where it is and `stage`."""
    return max(opportunity.stage, stage, key=list(Stage).index).value


async def reopen(tx: Tx, story: Story, opportunity: OpportunityId, policy: Policy, actor: Actor = SYSTEM) -> bool:
    """Open a lost opportunity again, its lead locked, and its account before that.

    False where it is not lost, or another of the account is open for the product.
    """
    found = await find(tx, opportunity)
    if found is None or OPPORTUNITY.move(found.state, Act.REOPEN) is None:
        return False
    if await other_open(tx, story, found):
        return False
    queue = queue_of(found, policy)
    told = OpportunityReopened(opportunity_id=opportunity, queue=queue)
    await move(tx, story, found, Act.REOPEN, told, actor, queue=queue, **NOT_CLOSED)
    await queue_again(tx, story, found, policy, actor)
    return True


async def other_open(tx: ReadTx, story: Story, closed: Opportunity) -> bool:
    """Whether another opportunity of its account, locked, is open for the product of a closed one."""
    return await accounts.open_deal(tx, story.row["account_id"], closed.product, test=story.test) is not None


def queue_of(found: Opportunity, policy: Policy) -> QueueName:
    """Its closing queue; where the policy has that no more, the fallback's."""
    return found.queue if found.queue in policy.queues else policy.fallback_handover.then.queue


async def queue_again(tx: Tx, story: Story, found: Opportunity, policy: Policy, actor: Actor) -> None:
    """Queue an opportunity again that was closed; its lead is open again.

    It is a new item: its age begins now, for it did not wait meanwhile; its tokens go on, so that no older one is ever
    good for the opportunity again. It skips the pool. Whoever held it last has the first right for a day, if they are
    there (continuity).
    """
    before = await items.find(tx, found.item_id)
    assert before is not None, "an item is never deleted"
    queue, priority = queue_of(found, policy), Priority(story.row["priority"])
    story.move(Act.REOPEN, actor, outcome=None, reason=None)
    item = items.put(
        story,
        kind=ItemKind.OPPORTUNITY,
        queue=queue,
        pooled=False,
        priority=priority,
        queued_at=tx.now,
        rank_at=rank_at(tx.now, priority, from_list=bool(story.row["list"]), credit=policy.rank_credit),
        cause=Cause.REOPEN,
        actor=actor,
        opportunity_id=found.id,
        token=before.token,
        **await first_right(tx, found.closer, queue),
    )
    await change(tx, found.id, item_id=item.id)
