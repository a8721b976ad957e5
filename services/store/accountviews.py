"""Accounts and persons as their callers see them, and who may see which."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, true

from schemas.api.accounts import AccountOut, PerhapsOut, PersonOut
from schemas.words import OpportunityState, PersonId, PrincipalKind
from services.runtime.access import Principal
from services.runtime.tx import ReadTx
from services.store import accounts
from services.store import tables as t
from services.store.queues import HELD, spelled
from services.store.rows import among

_MOST = 20
"""Of those who may be the same person."""


async def account(tx: ReadTx, account_id: str, who: Principal) -> AccountOut | None:
    """An account; None where there is none, or not for them."""
    company, lead, deal, customer = t.accounts.c, t.leads.c, t.opportunities.c, t.customers.c
    row = await tx.one(
        select(company.id, company.name, company.domain, accounts.relation().label("relation")).where(
            company.id == account_id, _seen_by(who, lead.account_id == company.id)
        )
    )
    if row is None:
        return None
    is_open = spelled(deal.state, OpportunityState.OPEN)
    return AccountOut(
        **row,
        persons=await _ids(tx, select(lead.person_id).where(lead.account_id == account_id)),
        open_opportunities=await _ids(tx, select(deal.id).where(deal.account_id == account_id, is_open)),
        customers=await _ids(tx, select(customer.id).where(customer.account_id == account_id)),
    )


async def person(tx: ReadTx, person_id: str, who: Principal) -> PersonOut | None:
    """A person; None where there is none, or not for them."""
    lead = t.leads.c
    seen = _seen_by(who, lead.person_id == t.persons.c.id)
    if await tx.value(select(t.persons.c.id).where(t.persons.c.id == person_id, seen)) is None:
        return None
    return PersonOut(
        id=PersonId(person_id),
        leads=await _ids(tx, select(lead.id).where(lead.person_id == person_id)),
        accounts=await _ids(tx, select(lead.account_id).where(lead.person_id == person_id)),
        perhaps=await _perhaps(tx, PersonId(person_id)),
    )


async def _perhaps(tx: ReadTx, person: PersonId) -> tuple[PerhapsOut, ...]:
    """Who shares an exact identity with a person, and is another one all the same; or a name, at the same company."""
    mine, theirs = t.identity_persons.c, t.identity_persons.alias("theirs").c
    shared = await tx.fetch(
        select(theirs.person_id, theirs.kind)
        .join(t.identity_persons, and_(mine.kind == theirs.kind, mine.digest == theirs.digest))
        .where(mine.person_id == person, theirs.person_id != person)
        .order_by(theirs.person_id, theirs.kind)
        .limit(_MOST)
    )
    lead, other = t.leads.c, t.leads.alias("other")
    said, also = t.lead_details.c, t.lead_details.alias("also")
    named = await tx.fetch(
        select(other.c.person_id)
        .distinct()
        .select_from(t.leads)
        .join(t.lead_details, said.lead_id == lead.id)
        .join(other, and_(other.c.account_id == lead.account_id, other.c.person_id != lead.person_id))
        .join(also, also.c.lead_id == other.c.id)
        .where(lead.person_id == person, other.c.test == lead.test)
        .where(func.lower(said.contact["name"].astext) == func.lower(also.c.contact["name"].astext))
        .limit(_MOST)
    )
    because: dict[PersonId, list[str]] = {}
    for row in shared:
        because.setdefault(row["person_id"], []).append(row["kind"])
    for row in named:
        because.setdefault(row["person_id"], []).append("name")
    return tuple(PerhapsOut(person_id=one, because=tuple(why)) for one, why in sorted(because.items())[:_MOST])


async def _ids(tx: ReadTx, query: Select[Any]) -> tuple[Any, ...]:
    """What a query of one column finds, once each, but nulls, in order."""
    found = {one for row in await tx.fetch(query) for one in row.values()}
    return tuple(sorted(found - {None}))


def _seen_by(who: Principal, of: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether one of the leads `of` it is one that somebody may see it by: held by the rep, at the manager's desks."""
    root = func.coalesce(t.leads.c.merged_into, t.leads.c.id)
    if who.kind is PrincipalKind.REP:
        held = and_(t.claims.c.lead_id == root, t.claims.c.rep_id == who.rep_id, HELD)
        return exists().where(of, held)
    if who.kind is PrincipalKind.ADMIN or not who.desks:
        return true()
    desk = func.split_part(t.items.c.queue, "/", 1)
    return exists().where(of, t.items.c.lead_id == root, desk == among(sorted(who.desks)))
