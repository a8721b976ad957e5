"""Customers: what won opportunities become."""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import RowMapping, insert, select

from router.order import rank_at
from schemas.events.customer import CustomerCreated
from schemas.words import (
    CustomerId,
    CustomerState,
    ItemKind,
    LeadId,
    Money,
    OpportunityId,
    Priority,
    RepId,
)
from services.runtime.ids import mint
from services.runtime.tx import ReadTx
from services.store import items
from services.store import tables as t
from services.store.opportunities import money, money_columns
from services.store.queues import HELD
from services.store.work import Work


@dataclass(frozen=True, slots=True)
class Customer:
    """A row of `routing.customers`, as read."""

    id: CustomerId
    lead_id: LeadId
    opportunity_id: OpportunityId
    state: CustomerState
    closer: RepId | None
    """The AE who won it."""
    since: datetime
    value: Money

    @classmethod
    def of(cls, row: RowMapping) -> "Customer":
        values = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        value = money(row, "value")
        assert value is not None, "the column is never null"
        return cls(**{**values, "state": CustomerState(row["state"]), "value": value})


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


def new_id(work: Work) -> CustomerId:
    return CustomerId(mint("cus", work.tx.now))


async def create(work: Work, customer: CustomerId, *, value: Money, since: datetime) -> None:
    """Make a customer of a won opportunity, and queue it at the customer desk, if the company has one."""
    await work.tx.execute(
        insert(t.customers).values(
            id=customer,
            lead_id=work.story.id,
            opportunity_id=work.deal.id,
            account_id=work.story.row["account_id"],
            state=CustomerState.ONBOARDING.value,
            closer=work.rep,
            since=since,
            **money_columns("value", value),
        )
    )
    work.story.tell(CustomerCreated(customer_id=customer, closer=work.rep, value=value), work.actor)
    if (name := work.policy.customer_queue) is None:
        return
    now = work.tx.now
    credit, from_list = work.policy.rank_credit, bool(work.story.row["list"])
    items.put(
        work.story,
        kind=ItemKind.CUSTOMER,
        queue=name,
        pooled=work.policy.queues[name].release is not None,
        priority=Priority.NORMAL,
        queued_at=now,
        rank_at=rank_at(now, Priority.NORMAL, from_list=from_list, credit=credit),
        actor=work.actor,
        customer_id=customer,
    )
