"""Customers: what won opportunities become."""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, insert, select, update

from router.lifecycle import CUSTOMER, Act
from router.order import rank_at
from router.policy.compiled import Policy
from schemas.events.customer import (
    CustomerChurned,
    CustomerCreated,
    CustomerDeployed,
    CustomerEvent,
    CustomerExpanded,
    CustomerRenewed,
    CustomerVoided,
)
from schemas.events.stamp import Actor
from schemas.words import (
    Churn,
    CustomerId,
    CustomerState,
    ItemId,
    ItemKind,
    ItemState,
    LeadId,
    Money,
    OpportunityId,
    Priority,
    RepId,
    Role,
)
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import holding, items, lateness, opportunities, tasks
from services.store import tables as t
from services.store.items import Claim, Item
from services.store.opportunities import money, money_columns
from services.store.queues import HELD
from services.store.story import Stories, WrongState
from services.store.work import Work
from services.store.work import lock as lock_item

VOID = "void"
"""Why the item of a customer was cancelled whose win was a mistake."""
GONE = frozenset({CustomerState.CHURNED, CustomerState.VOID})
"""Nothing is done for them any more."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A row of `routing.customers`, as read."""

    id: CustomerId
    lead_id: LeadId
    opportunity_id: OpportunityId
    item_id: ItemId | None
    """None: the company had no customer desk when it was won."""
    state: CustomerState
    closer: RepId | None
    """The AE who won it."""
    since: datetime
    value: Money
    deployed_at: datetime | None
    churned_at: datetime | None
    reason: str | None
    """Why it left."""

    @classmethod
    def of(cls, row: RowMapping) -> "Customer":
        values = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        value = money(row, "value")
        assert value is not None, "the column is never null"
        return cls(**{**values, "state": CustomerState(row["state"]), "value": value})

    @property
    def named_closer(self) -> RepId | None:
        """The AE who won it, until it is deployed."""
        return self.closer if self.deployed_at is None else None


async def find(tx: ReadTx, customer: str) -> Customer | None:
    row = await tx.one(select(t.customers).where(t.customers.c.id == customer))
    return None if row is None else Customer.of(row)


async def is_held_by(tx: ReadTx, customer: CustomerId, rep: RepId) -> bool:
    """Whether a rep holds the customer's item."""
    held = (
        select(t.claims.c.id)
        .join(t.items, t.items.c.id == t.claims.c.item_id)
        .where(t.items.c.customer_id == customer, t.claims.c.rep_id == rep, HELD)
    )
    return await tx.value(held) is not None


async def lock(tx: Tx, stories: Stories, policy: Policy, actor: Actor, found: Customer) -> tuple[Work, Customer]:
    """Lock a customer by its lead, to be worked on its item; where it has none, on that of its opportunity."""
    await stories.lock(found.lead_id)
    item = found.item_id
    if item is None:
        deal = await opportunities.find(tx, found.opportunity_id)
        assert deal is not None, "an opportunity is never deleted"
        item = deal.item_id
    current = await find(tx, found.id)
    assert current is not None, "a customer is never deleted"
    return await lock_item(tx, stories, policy, actor, found.lead_id, item), current


def new_id(work: Work) -> CustomerId:
    return CustomerId(mint("cus", work.tx.now))


async def create(work: Work, customer: CustomerId, *, value: Money, since: datetime) -> None:
    """Make a customer of a won opportunity, and queue it at the customer desk, if the company has one."""
    closer = work.rep or work.deal.closer
    queue = work.policy.queues[work.policy.customer_queue] if work.policy.customer_queue else None
    created = CustomerCreated(customer_id=customer, queue=queue.name if queue else None, closer=closer, value=value)
    work.story.tell(created, work.actor)
    item: Item | None = None
    if queue is not None:
        now = work.tx.now
        credit, from_list = work.policy.rank_credit, bool(work.story.row["list"])
        item = items.put(
            work.story,
            kind=ItemKind.CUSTOMER,
            queue=queue.name,
            pooled=queue.release is not None,
            priority=Priority.NORMAL,
            queued_at=now,
            rank_at=rank_at(now, Priority.NORMAL, from_list=from_list, credit=credit),
            actor=work.actor,
            customer_id=customer,
        )
    await work.tx.execute(
        insert(t.customers).values(
            id=customer,
            lead_id=work.story.id,
            opportunity_id=work.deal.id,
            item_id=item and item.id,
            account_id=work.story.row["account_id"],
            state=CustomerState.ONBOARDING.value,
            closer=closer,
            since=since,
            **money_columns("value", value),
        )
    )


async def deploy(work: Work, customer: Customer, at: datetime) -> None:
    """What was sold is in use; from then on the closer is no longer named. Raises: WrongState."""
    told = CustomerDeployed(**_on(work, customer), closer=customer.closer, deployed_at=at)
    await _move(work, customer, Act.DEPLOY, told, deployed_at=at)
    await work.alive()


async def expand(work: Work, customer: Customer, value: Money, at: datetime) -> None:
    """It bought more."""
    told = work.story.tell(CustomerExpanded(**_on(work, customer), value=value, expanded_at=at), work.actor)
    row = {"customer_id": customer.id, "seq": told.stamp.seq, "at": at, **money_columns("value", value)}
    await work.tx.execute(insert(t.expansions).values(row))
    await work.alive()


async def renew(work: Work, customer: Customer, value: Money, until: date) -> None:
    """It goes on, through the day `until`."""
    told = work.story.tell(CustomerRenewed(**_on(work, customer), value=value, until=until), work.actor)
    row = {"customer_id": customer.id, "seq": told.stamp.seq, "at": work.tx.now, "until": until}
    await work.tx.execute(insert(t.renewals).values({**row, **money_columns("value", value)}))
    await work.alive()


async def churn(work: Work, customer: Customer, reason: Churn, at: datetime) -> None:
    """It left: its item ends, and nothing that was asked for it is wanted any more. Raises: WrongState."""
    tenure = max(timedelta(), at - customer.since).days
    told = CustomerChurned(**_on(work, customer), reason=reason.value, churned_at=at, tenure_days=tenure)
    await _move(work, customer, Act.CHURN, told, churned_at=at, reason=reason.value)
    if customer.item_id is not None:
        await _end_item(work, work.item, work.claim, CustomerState.CHURNED.value, reason.value)
    await tasks.cancel_all(work.tx, work.story, work.actor, customer=customer.id)


async def void(work: Work, customer: Customer) -> None:
    """It never was a customer. The record keeps it. Raises: WrongState. `work` is on its opportunity."""
    await _move(work, customer, Act.VOID, CustomerVoided(customer_id=customer.id))
    if customer.item_id is not None:
        item = await items.lock(work.tx, customer.item_id)
        assert item is not None, "an item is never deleted"
        await _end_item(work, item, await holding.of_item(work.tx, item.id), VOID, VOID)
    await tasks.cancel_all(work.tx, work.story, work.actor, customer=customer.id)


async def _end_item(work: Work, item: Item, claim: Claim | None, outcome: str, reason: str) -> None:
    """End the item of a customer, if it is open: completed where it is held, cancelled where nobody holds it."""
    if item.state in (ItemState.DONE, ItemState.CANCELLED):
        return
    if claim is None:
        said, act = {"reason": reason}, Act.CANCEL
    else:
        claim = await lateness.settle(work.tx, work.story, item, claim)
        said, act = {"outcome": outcome, "reason": reason}, Act.COMPLETE
    await items.apply(work.tx, work.story, item, act, work.actor, claim=claim, detail=said)


def _on(work: Work, customer: Customer) -> dict[str, Any]:
    """What an event says of a customer that is worked by its item, where it has one."""
    mine = work.item.customer_id == customer.id
    return {"customer_id": customer.id, "queue": work.item.queue if mine else None, "rep_id": work.rep}


async def _move(work: Work, customer: Customer, act: Act, event: CustomerEvent, **columns: Any) -> None:
    arrow = CUSTOMER.move(customer.state, act)
    if arrow is None or Role(work.actor.kind) not in arrow.by or arrow.says is not type(event):
        raise WrongState("customer", customer.state, act)
    await change(work.tx, customer.id, state=arrow.target.value, **columns)
    work.story.tell(event, work.actor)


async def change(tx: Tx, customer: CustomerId, **columns: Any) -> None:
    """Set columns of a customer whose lead is locked."""
    await tx.execute(update(t.customers).where(t.customers.c.id == customer).values(columns))
