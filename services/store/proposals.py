"""Proposals: asked for, and presented."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from schemas.events.opportunity import OpportunityProposalPresented, OpportunityProposalRequested
from schemas.words import Money, OpportunityId, Stage
from services.runtime.ids import mint
from services.runtime.tx import ReadTx
from services.store import tables as t
from services.store.opportunities import money_columns
from services.store.work import Work


@dataclass(frozen=True, slots=True)
class Request:
    """The buyer asked for a proposal. The note may be personal."""

    id: str
    at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version of a proposal that was presented."""

    id: str
    at: datetime
    request_id: str | None
    value: Money


async def request(work: Work, note: str | None) -> Request:
    """A proposal is asked for; that accepts the opportunity."""
    made = Request(mint("prq", work.tx.now), work.tx.now, note)
    row = {"id": made.id, "opportunity_id": work.deal.id, "at": made.at, "note": note}
    await work.tx.execute(insert(t.proposal_requests).values(row))
    await work.progress(Stage.PROPOSAL_REQUESTED, accepts=True)
    work.story.tell(OpportunityProposalRequested(**work.on_deal(), request_id=made.id), work.actor, note=note)
    await work.alive()
    return made


async def is_request(tx: ReadTx, opportunity: OpportunityId, request_id: str) -> bool:
    """Whether this is a request for a proposal of this opportunity."""
    made = t.proposal_requests.c
    row = await tx.one(select(made.id).where(made.id == request_id, made.opportunity_id == opportunity))
    return row is not None


async def present(work: Work, request_id: str | None, value: Money) -> Proposal:
    """A proposal is presented, or a further version of it; that accepts the opportunity."""
    made = Proposal(mint("prp", work.tx.now), work.tx.now, request_id, value)
    row = {"id": made.id, "opportunity_id": work.deal.id, "at": made.at, "request_id": request_id}
    await work.tx.execute(insert(t.proposals).values({**row, **money_columns("value", value)}))
    await work.progress(Stage.PROPOSAL_PRESENTED, accepts=True)
    told = OpportunityProposalPresented(**work.on_deal(), proposal_id=made.id, value=value)
    work.story.tell(told, work.actor)
    await work.alive()
    return made
