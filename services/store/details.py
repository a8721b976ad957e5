"""What a lead says of its person, company and wish, as corrected: beside the lead, so that it can be erased."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import RowMapping, select, update

from router.enriching import Answer
from schemas.events.intake import LeadSubmitted
from schemas.words import LeadId
from services.runtime.tx import ReadTx, Tx
from services.store import rows
from services.store import tables as t

_KEPT = tuple(column.name for column in t.lead_details.columns if column.name not in {"lead_id", "enriched"})


async def keep(tx: Tx, submissions: Sequence[LeadSubmitted]) -> None:
    """Keep what new leads say. One that another transaction makes meanwhile is left to the story to find."""
    await rows.add(tx, t.lead_details, [{"lead_id": one.id, **_written(one)} for one in submissions])


async def correct(tx: Tx, submitted: LeadSubmitted) -> None:
    """Keep what a lead, locked by this transaction, says now."""
    await tx.execute(update(t.lead_details).where(t.lead_details.c.lead_id == submitted.id).values(_columns(submitted)))


async def of(tx: ReadTx, leads: Sequence[LeadId]) -> dict[LeadId, LeadSubmitted]:
    """These leads, as corrected, in the form in which they were submitted."""
    if not leads:
        return {}
    details, sent = t.lead_details, t.submissions
    found = await tx.fetch(
        select(t.leads, sent.c.id.label("submission_id"), *(details.c[name] for name in _KEPT))
        .join(details, details.c.lead_id == t.leads.c.id)
        .join(sent, (sent.c.lead_id == t.leads.c.id) & sent.c.applied)
        .where(t.leads.c.id == rows.among(leads))
    )
    return {row["id"]: _submitted(row) for row in found}


def _submitted(row: RowMapping) -> LeadSubmitted:
    named = ("id", "submission_id", "source", "direction", "received_at", "occurred_at", "test", "list", *_KEPT)
    return LeadSubmitted.model_validate({name: row[name] for name in named})


def _columns(submitted: LeadSubmitted) -> dict[str, Any]:
    said = submitted.data()
    return {name: said[name] for name in _KEPT}


async def answered(tx: Tx, lead: LeadId, answer: Answer) -> None:
    """Keep what the hook answered about a lead, locked by this transaction."""
    known = {path: list(value) if isinstance(value, tuple) else value for path, value in answer.items()}
    await tx.execute(update(t.lead_details).where(t.lead_details.c.lead_id == lead).values(enriched=known))


async def answer_of(tx: ReadTx, lead: LeadId) -> Answer | None:
    """What the hook last answered about a lead; None: nothing."""
    known = await tx.value(select(t.lead_details.c.enriched).where(t.lead_details.c.lead_id == lead))
    return known and {path: tuple(value) if isinstance(value, list) else value for path, value in known.items()}


def _written(submitted: LeadSubmitted) -> dict[str, Any]:
    """The same, what is JSON as such."""
    found = {name: getattr(submitted, name) for name in _KEPT}
    return {
        name: value.model_dump_json().encode() if isinstance(value, BaseModel) else value
        for name, value in found.items()
    }
