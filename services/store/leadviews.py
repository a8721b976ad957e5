"""Leads as their callers see them: the receipt, the list, and who may see which."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, exists, false, func, or_, select, true

from router.lifecycle import OPEN_ITEM_STATES
from schemas.api.leads import (
    CompanyOut,
    ContactOut,
    DecisionOut,
    LeadOut,
    LeadsQuery,
    MilestonesOut,
    OpenItemOut,
    SubmissionOut,
)
from schemas.words import LeadId, LeadState, PrincipalKind, RepId
from services.runtime.access import Principal
from services.runtime.tx import ReadTx
from services.store import tables as t
from services.store.queues import HELD
from services.store.rows import among

_ROOT = func.coalesce(t.leads.c.merged_into, t.leads.c.id)
"""A merged lead is worked, and so seen, as the one that it was merged into."""


def unrouted(lead: LeadId) -> LeadOut:
    """The receipt of a lead that is accepted and not yet routed."""
    return LeadOut(id=lead, state=LeadState.RECEIVED)


async def receipt(tx: ReadTx, lead: str, who: Principal) -> LeadOut | None:
    """The receipt of a lead; None where there is none, or not for them: one look either way, alike in time."""
    row = await tx.one(select(t.leads).where(t.leads.c.id == lead, _seen_by(who, tx.now)))
    if row is None:
        return None
    return (await _shown(tx, [row], personal=who.kind is not PrincipalKind.SERVICE))[0]


async def one(tx: ReadTx, lead: LeadId) -> LeadOut:
    """The receipt of a lead that there is, for whoever worked it just now."""
    return (await _shown(tx, await tx.fetch(select(t.leads).where(t.leads.c.id == lead)), personal=True))[0]


async def seen(tx: ReadTx, lead: str, who: Principal) -> bool:
    """Tell whether there is such a lead, and they may see it."""
    statement = select(t.leads.c.id).where(t.leads.c.id == lead, _seen_by(who, tx.now, holding=True))
    return await tx.value(statement) is not None


async def listed(
    tx: ReadTx, query: LeadsQuery, who: Principal, *, after: tuple[datetime, LeadId] | None, limit: int
) -> list[LeadOut]:
    """At most `limit` receipts of the leads that they may see, newest first, from `after` on."""
    leads = t.leads.c
    wanted = [_seen_by(who, tx.now)]
    for column, value in (
        (leads.state, query.state),
        (leads.source, query.source),
        (leads.queue, query.queue),
        (leads.direction, query.direction),
    ):
        if value is not None:
            wanted.append(column == value)
    if query.since is not None:
        wanted.append(leads.received_at >= query.since)
    if query.until is not None:
        wanted.append(leads.received_at < query.until)
    if after is not None:
        wanted.append(func.row(leads.received_at, leads.id) < func.row(*after))
    rows = await tx.fetch(
        select(t.leads).where(*wanted).order_by(leads.received_at.desc(), leads.id.desc()).limit(limit)
    )
    return await _shown(tx, rows, personal=True)


def _seen_by(who: Principal, now: datetime, *, holding: bool = False) -> ColumnElement[bool]:
    """Which leads somebody may see. A rep: while `holding`, or, where that is not asked for, when named on it."""
    match who.kind:
        case PrincipalKind.ADMIN:
            return true()
        case PrincipalKind.MANAGER:
            return _at_desks(who.desks) if who.desks else true()
        case PrincipalKind.SERVICE:
            return t.leads.c.source == who.source
        case PrincipalKind.REP if who.rep_id is not None:
            held = _held_by(who.rep_id)
            return held if holding else or_(held, _named(who.rep_id, now))
        case _:
            return false()


def _at_desks(desks: frozenset[str]) -> ColumnElement[bool]:
    """With a place, now or once, at one of these desks."""
    desk = func.split_part(t.items.c.queue, "/", 1)
    return exists().where(t.items.c.lead_id == _ROOT, desk == among(sorted(desks)))


def _held_by(rep: RepId) -> ColumnElement[bool]:
    return exists().where(t.claims.c.lead_id == _ROOT, t.claims.c.rep_id == rep, HELD)


def _named(rep: RepId, now: datetime) -> ColumnElement[bool]:
    reserved = exists().where(
        t.items.c.lead_id == _ROOT,
        t.items.c.reserved_for == rep,
        t.items.c.state == among(sorted(OPEN_ITEM_STATES)),
        or_(t.items.c.reserved_until.is_(None), t.items.c.reserved_until > now),
    )
    closer = exists().where(t.opportunities.c.lead_id == _ROOT, t.opportunities.c.closer == rep)
    return or_(reserved, closer)


async def _shown(tx: ReadTx, rows: Sequence[RowMapping], *, personal: bool) -> list[LeadOut]:
    """Lay leads out, with one query for each table for all of them."""
    ids = [row["id"] for row in rows]
    submissions = await _submissions(tx, ids)
    decisions = await _decisions(tx, [row["decision_id"] for row in rows])
    open_items = await _open_items(tx, ids)
    details = await _details(tx, ids) if personal else {}
    return [
        LeadOut(
            **{name: row[name] for name in _AS_KEPT},
            submissions=tuple(submissions[row["id"]]),
            decision=decisions.get(row["decision_id"]),
            open_item=open_items.get(row["id"]),
            milestones=MilestonesOut(**row["milestones"]),
            **details.get(row["id"], {}),
        )
        for row in rows
    ]


async def _submissions(tx: ReadTx, ids: Sequence[str]) -> dict[str, list[SubmissionOut]]:
    sent = t.submissions.c
    statement = select(sent.lead_id, sent.id, sent.received_at, sent.applied).where(sent.lead_id == among(ids))
    found: dict[str, list[SubmissionOut]] = {lead: [] for lead in ids}
    for row in await tx.fetch(statement.order_by(sent.received_at, sent.applied.desc(), sent.id)):
        found[row["lead_id"]].append(SubmissionOut.model_validate({**row}))
    return found


async def _decisions(tx: ReadTx, ids: Sequence[str | None]) -> dict[str, DecisionOut]:
    made = t.decisions.c
    statement = select(made.id, made.policy_version, made.rule, made.queue).where(made.id == among(ids))
    return {row["id"]: DecisionOut.model_validate({**row}) for row in await tx.fetch(statement)}


async def _open_items(tx: ReadTx, leads: Sequence[str]) -> dict[str, OpenItemOut]:
    work = t.items.c
    statement = select(work.lead_id, work.id, work.kind, work.queue, work.state, work.due_at)
    open_ones = statement.where(
        work.lead_id == among(leads), work.state == among(sorted(OPEN_ITEM_STATES)), work.task_id.is_(None)
    )
    rows = await tx.fetch(open_ones.order_by(work.id))
    return {row["lead_id"]: OpenItemOut.model_validate({**row}) for row in rows}


async def _details(tx: ReadTx, leads: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = await tx.fetch(select(t.lead_details).where(t.lead_details.c.lead_id == among(leads)))
    return {
        row["lead_id"]: {
            "contact": ContactOut.model_validate(row["contact"]),
            "company": CompanyOut.model_validate(row["company"]),
            "message": row["message"],
            "custom": row["custom"],
        }
        for row in rows
    }


_AS_KEPT = tuple(name for name in LeadOut.model_fields if name in t.leads.c and name != "milestones")
