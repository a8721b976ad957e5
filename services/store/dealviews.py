"""Opportunities and customers as their callers see them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, RowMapping, Table, select

from schemas.api.customers import CustomerOut
from schemas.api.opportunities import (
    MeetingOut,
    OpportunityOut,
    ProposalOut,
    ProposalRequestOut,
    QualificationOut,
)
from schemas.words import CustomerId, OpportunityId
from services.runtime.tx import ReadTx
from services.store import tables as t
from services.store.customers import Customer
from services.store.meetings import Meeting
from services.store.opportunities import Opportunity, money
from services.store.proposals import Proposal, Request
from services.store.rows import among


async def opportunity(tx: ReadTx, id_: OpportunityId) -> OpportunityOut:
    """An opportunity that there is."""
    return (await opportunities(tx, [id_]))[id_]


async def opportunities(tx: ReadTx, ids: Sequence[OpportunityId]) -> Mapping[OpportunityId, OpportunityOut]:
    """Opportunities with their meetings and proposals, with one query for each table."""
    if not ids:
        return {}
    rows = await tx.fetch(select(t.opportunities).where(t.opportunities.c.id == among(ids)))
    meetings = await _parts(tx, t.meetings, t.meetings.c.id, ids)
    requests = await _parts(tx, t.proposal_requests, t.proposal_requests.c.at, ids)
    proposals = await _parts(tx, t.proposals, t.proposals.c.at, ids)
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
            proposals=[proposal(_proposal(row)) for row in proposals[deal.id]],
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


async def customers(tx: ReadTx, ids: Sequence[CustomerId]) -> Mapping[CustomerId, CustomerOut]:
    """Customers."""
    if not ids:
        return {}
    rows = await tx.fetch(select(t.customers).where(t.customers.c.id == among(ids)))
    return {made.id: customer(made) for made in map(Customer.of, rows)}


def customer(made: Customer) -> CustomerOut:
    return CustomerOut(
        id=made.id,
        lead_id=made.lead_id,
        opportunity_id=made.opportunity_id,
        state=made.state,
        closer=made.closer,
        since=made.since,
        value=made.value,
    )


async def _parts(
    tx: ReadTx, table: Table, order: "Column[Any]", ids: Sequence[OpportunityId]
) -> Mapping[OpportunityId, Sequence[RowMapping]]:
    """What each of these opportunities has of a table, in the order in which it came."""
    found: dict[OpportunityId, list[RowMapping]] = {id_: [] for id_ in ids}
    rows = select(table).where(table.c.opportunity_id == among(ids)).order_by(order, table.c.id)
    for row in await tx.fetch(rows):
        found[row["opportunity_id"]].append(row)
    return found


def _proposal(row: RowMapping) -> Proposal:
    value = money(row, "value")
    assert value is not None, "the column is never null"
    return Proposal(row["id"], row["at"], row["request_id"], value)
