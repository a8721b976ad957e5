"""Opportunities, customers and tasks as their callers see them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, RowMapping, Table, select

from schemas.api.customers import CustomerOut, ExpansionOut, RenewalOut
from schemas.api.opportunities import (
    MeetingOut,
    OpportunityOut,
    ProposalOut,
    ProposalRequestOut,
    QualificationOut,
)
from schemas.api.tasks import ResultOut, TaskOut
from schemas.words import CustomerId, Money, OpportunityId, TaskId
from services.runtime.tx import ReadTx
from services.store import tables as t
from services.store import tasks as asked
from services.store.customers import Customer
from services.store.meetings import Meeting
from services.store.opportunities import Opportunity, money
from services.store.proposals import Proposal, Request
from services.store.rows import among
from services.store.tasks import Task


async def opportunity(tx: ReadTx, id_: OpportunityId) -> OpportunityOut:
    """An opportunity that there is."""
    return (await opportunities(tx, [id_]))[id_]


async def opportunities(tx: ReadTx, ids: Sequence[OpportunityId]) -> Mapping[OpportunityId, OpportunityOut]:
    """Opportunities with their meetings, proposals and tasks, with one query for each table."""
    if not ids:
        return {}
    rows = await tx.fetch(select(t.opportunities).where(t.opportunities.c.id == among(ids)))
    of_deal = "opportunity_id"
    meetings = await _parts(tx, t.meetings, of_deal, t.meetings.c.id, ids)
    requests = await _parts(tx, t.proposal_requests, of_deal, t.proposal_requests.c.at, ids)
    proposals = await _parts(tx, t.proposals, of_deal, t.proposals.c.at, ids)
    asked_for = await _parts(tx, t.tasks, of_deal, t.tasks.c.raised_at, ids)
    return {
        deal.id: OpportunityOut(
            id=deal.id,
            lead_id=deal.lead_id,
            queue=deal.queue,
            state=deal.state,
            stage=deal.stage,
            product=deal.product,
            qualified_by=deal.qualified_by,
            closer=deal.closer,
            created_at=deal.created_at,
            accepted_at=deal.accepted_at,
            qualification=None if deal.qualification is None else QualificationOut(**deal.qualification),
            estimate=deal.estimate,
            meetings=[meeting(Meeting.of(row)) for row in meetings[deal.id]],
            proposal_requests=[request(Request(row["id"], row["at"], row["note"])) for row in requests[deal.id]],
            proposals=[
                proposal(Proposal(row["id"], row["at"], row["request_id"], _value(row))) for row in proposals[deal.id]
            ],
            tasks=[task(Task.of(row)) for row in asked_for[deal.id]],
            value=deal.value,
            closed_at=deal.closed_at,
            reason=deal.reason,
            reopen_after=deal.reopen_after,
            customer_id=deal.customer_id,
        )
        for deal in map(Opportunity.of, rows)
    }


def meeting(made: Meeting) -> MeetingOut:
    return MeetingOut(id=made.id, state=made.state, at=made.at, mode=made.mode, moves=made.moves)


def request(made: Request) -> ProposalRequestOut:
    return ProposalRequestOut(id=made.id, at=made.at, note=made.note)


def proposal(made: Proposal) -> ProposalOut:
    return ProposalOut(id=made.id, at=made.at, request_id=made.request_id, value=made.value)


def task(made: Task) -> TaskOut:
    return TaskOut(
        id=made.id,
        kind=made.kind,
        state=made.state,
        summary=made.summary,
        needed_by=made.needed_by,
        raised_by=made.raised_by,
        raised_at=made.raised_at,
        opportunity_id=made.opportunity_id,
        customer_id=made.customer_id,
        closed_at=made.closed_at,
        lead_time_ms=made.lead_time_ms,
        result=None if made.result is None else ResultOut(**made.result),
        reason=made.reason,
    )


async def tasks(tx: ReadTx, ids: Sequence[TaskId]) -> Mapping[TaskId, TaskOut]:
    """Tasks."""
    if not ids:
        return {}
    return {made.id: task(made) for made in await asked.which(tx, t.tasks.c.id == among(ids))}


async def customer(tx: ReadTx, id_: CustomerId) -> CustomerOut:
    """A customer that there is."""
    return (await customers(tx, [id_]))[id_]


async def customers(tx: ReadTx, ids: Sequence[CustomerId]) -> Mapping[CustomerId, CustomerOut]:
    """Customers with what they bought since, and what was asked for them, with one query for each table.

    Once it is deployed the closer is no longer named.
    """
    if not ids:
        return {}
    rows = await tx.fetch(select(t.customers).where(t.customers.c.id == among(ids)))
    of_customer = "customer_id"
    expansions = await _parts(tx, t.expansions, of_customer, t.expansions.c.seq, ids)
    renewals = await _parts(tx, t.renewals, of_customer, t.renewals.c.seq, ids)
    asked_for = await _parts(tx, t.tasks, of_customer, t.tasks.c.raised_at, ids)
    return {
        made.id: CustomerOut(
            id=made.id,
            lead_id=made.lead_id,
            opportunity_id=made.opportunity_id,
            state=made.state,
            closer=made.named_closer,
            since=made.since,
            value=made.value,
            deployed_at=made.deployed_at,
            expansions=[ExpansionOut(at=row["at"], value=_value(row)) for row in expansions[made.id]],
            renewals=[RenewalOut(at=row["at"], value=_value(row), until=row["until"]) for row in renewals[made.id]],
            tasks=[task(Task.of(row)) for row in asked_for[made.id]],
            churned_at=made.churned_at,
            reason=made.reason,
        )
        for made in map(Customer.of, rows)
    }


async def _parts(
    tx: ReadTx, table: Table, of: str, order: "Column[Any]", ids: Sequence[str]
) -> Mapping[str, Sequence[RowMapping]]:
    """What each of these has of a table, in the order in which it came; `of` is the column that says whose it is."""
    found: dict[str, list[RowMapping]] = defaultdict(list)
    rows = select(table).where(table.c[of] == among(ids)).order_by(order, *table.primary_key.columns)
    for row in await tx.fetch(rows):
        found[row[of]].append(row)
    return found


def _value(row: RowMapping) -> Money:
    value = money(row, "value")
    assert value is not None, "the column is never null"
    return value
