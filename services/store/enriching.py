"""Leads that wait for the answer of the policy's hook: who is to be asked about, and what comes of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, select, update

from router.enriching import Answer, next_try
from router.policy.compiled import Policy
from schemas.events.intake import LeadSubmitted
from schemas.words import LeadId, LeadState
from services.runtime.tx import ReadTx, Tx
from services.store import accounts, details, leads, queues, worlds
from services.store import tables as t
from services.store.due import Due, free_leads, look
from services.store.story import Stories, Story, telling

_AWAITING = queues.spelled(t.leads.c.state, LeadState.AWAITING_DATA)


@dataclass(frozen=True, slots=True)
class Asked:
    """A lead about which the hook is to be asked, for the `tries`-th time."""

    submitted: LeadSubmitted
    tries: int
    deadline: datetime


async def take(tx: Tx, limit: int, *, within: timedelta) -> list[Asked]:
    """Leads that are to be asked about now. Another worker asks about them again if this one has not `within` that."""
    lead = t.leads.c
    due = (
        select(lead.id)
        .where(_AWAITING, lead.data_next_at <= tx.now)
        .order_by(lead.data_next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = await tx.fetch(
        update(t.leads)
        .where(lead.id.in_(due))
        .values(data_next_at=tx.now + within, data_tries=lead.data_tries + 1)
        .returning(lead.id, lead.data_tries, lead.data_deadline)
    )
    said = await details.of(tx, [row["id"] for row in taken])
    return [Asked(said[row["id"]], row["data_tries"], row["data_deadline"]) for row in taken if row["id"] in said]


async def unanswered(tx: Tx, asked: Sequence[Asked]) -> None:
    """Ask about these again a while later; not at all, where their deadline comes first."""
    lead = t.leads.c
    again = update(t.leads).where(lead.id == bindparam("lead"), _AWAITING).values(data_next_at=bindparam("at"))
    pauses = [
        {"lead": one.submitted.id, "at": next_try(tx.now, one.tries, one.deadline)}
        for one in sorted(asked, key=lambda one: one.submitted.id)
    ]
    if pauses:
        await tx.execute(again, pauses)


async def answered(tx: Tx, policy: Policy, answers: Mapping[LeadId, Answer]) -> frozenset[LeadId]:
    """Decide leads anew, each with its answer; those that another holds just now are not among what comes back."""
    async with telling(tx) as stories:
        found = [await stories.lock(lead) for lead in await free_leads(tx, stories, _due(answers))]
        waiting = {story.id for story in found if story.state == LeadState.AWAITING_DATA}
        decided = await _decide(tx, stories, policy, [story for story in found if story.id in waiting], answers)
        for lead in decided:
            await details.answered(tx, lead, answers[lead])
    return frozenset(story.id for story in found) - (waiting - decided)


async def overdue_leads(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Leads whose deadline came before an answer."""
    return await look(tx, t.leads, _overdue(tx.now), t.leads.c.data_deadline, limit, but, lead=t.leads.c.id)


async def decide_overdue(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Decide them without one, but those whose account another holds just now; how many."""
    async with telling(tx) as stories:
        waiting = [await stories.lock(lead) for lead in await free_leads(tx, stories, found)]
        late = [
            story
            for story in waiting
            if story.state == LeadState.AWAITING_DATA and story.row["data_deadline"] <= tx.now
        ]
        return len(await _decide(tx, stories, policy, late, {}))


async def _decide(
    tx: Tx, stories: Stories, policy: Policy, waiting: Sequence[Story], answers: Mapping[LeadId, Answer]
) -> set[LeadId]:
    free = await accounts.free(tx, {story.row["account_id"] for story in waiting if story.row["account_id"]})
    world = await worlds.of_accounts(tx, policy, free)
    decided: set[LeadId] = set()
    for story in waiting:
        if story.row["account_id"] in {None, *free}:
            world = await leads.decide_again(tx, stories, story, policy, world, answer=answers.get(story.id, {}))
            decided.add(story.id)
    return decided


def _due(ids: Collection[LeadId]) -> list[Due]:
    return [Due(lead, lead) for lead in ids]


def _overdue(now: datetime) -> ColumnElement[bool]:
    return and_(_AWAITING, t.leads.c.data_deadline <= now)
