"""Decisions and their receipts: written once, never changed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from router import receipt
from router.outcomes import Await, Decision, Enqueue, Merge, Pool
from router.policy.rule import FALLBACK
from schemas.events.lifecycle import LeadDecided
from schemas.words import DecisionId, LeadId, Priority
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import rows
from services.store import tables as t
from services.store.story import Story


def tell(story: Story, decision: Decision) -> dict[str, Any]:
    """Tell a decision on a lead; the row that keeps it, for `keep`."""
    told, outcome = decision.receipt, decision.outcome
    placed = outcome if isinstance(outcome, Enqueue | Pool) else None
    event = LeadDecided(
        decision_id=DecisionId(mint("dec", story.now)),
        policy_version=told.policy,
        rule=told.rule,
        fallback=told.rule == FALLBACK,
        action=decision.action,
        qualify=placed.qualify if placed else None,
        queue=placed.queue if placed else None,
        priority=placed.priority if placed else Priority.NORMAL,
        segment=None if isinstance(outcome, Merge) else outcome.segment,
        stage=told.stage,
    )
    story.set(decision_id=event.decision_id, segment=event.segment or story.row["segment"])
    if placed:
        story.set(priority=placed.priority.value)
    if not isinstance(outcome, Await):  # its decision is yet to come
        story.tell(event)
    return {
        "id": event.decision_id,
        "lead_id": story.id,
        "at": told.now,
        "stage": told.stage,
        "policy_version": told.policy,
        "rule": told.rule,
        "queue": event.queue,
        "receipt": receipt.to_json(told),
    }


async def keep(tx: Tx, decided: Sequence[dict[str, Any]]) -> None:
    """Keep decisions, each as `tell` gave it."""
    await rows.put(tx, t.decisions, decided)


async def of_lead(tx: ReadTx, lead: LeadId) -> list[dict[str, Any]]:
    """All decisions on a lead, oldest first, with their receipts."""
    made = t.decisions.c
    found = await tx.fetch(select(t.decisions).where(made.lead_id == lead).order_by(made.at, made.id))
    return [{**row} for row in found]
