"""Worlds: what decisions look at, locked and read. Persons before accounts, accounts before leads (law 14)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, and_, false, func, or_, select

from router.policy.compiled import Policy
from router.world import Identity, KnownPerson, Lead, LostDeal, OpenLead, World
from schemas.events.intake import LeadSubmitted
from schemas.words import (
    OPEN_LEAD_STATES,
    AccountId,
    LeadId,
    LeadOutcome,
    LeadState,
    OpportunityState,
    PersonId,
    SubmissionId,
)
from services.runtime.ids import mint
from services.runtime.received import Received
from services.runtime.secret import Keyring
from services.runtime.tx import ReadTx, Tx
from services.store import accounts, persons, rows, suppressions
from services.store import tables as t
from services.store.queues import spelled


@dataclass(frozen=True, slots=True)
class Loaded:
    """A batch and its world. All that a decision on it may change is locked by this transaction."""

    batch: Sequence[Received[LeadSubmitted]]
    leads: tuple[Lead, ...]
    """Those of the batch, in its order."""
    world: World
    locked: Mapping[LeadId, RowMapping]
    """Leads that exist already: those of the batch, and those into which one of them may be merged."""


async def load(tx: Tx, keyring: Keyring, policy: Policy, batch: Sequence[Received[LeadSubmitted]]) -> Loaded:
    """Lock and read what decisions on `batch` look at, with one query for each table."""
    born = sorted(mint("per", tx.now) for _ in batch)  # who came first is known longest, in one batch too
    leads = tuple(
        Lead(one.event, persons.identities_of(one.event, keyring), PersonId(person))
        for one, person in zip(batch, born, strict=True)
    )
    leads, world, locked = await look(tx, policy, leads)
    return Loaded(batch, leads, world, locked)


async def look(
    tx: Tx,
    policy: Policy,
    leads: Sequence[Lead],
    *,
    also: Collection[LeadId] = (),
    companies: Collection[AccountId] = (),
) -> tuple[tuple[Lead, ...], World, Mapping[LeadId, RowMapping]]:
    """Lock and read what decisions on these leads look at; the leads come back with their accounts.

    `also`: leads that are to be locked with them, as are these companies.
    """
    tests = {identity for lead in leads if lead.submitted.test for identity in lead.identities}
    identities = frozenset(identity for lead in leads for identity in lead.identities)
    await persons.lock(tx, identities)
    theirs = await persons.known(tx, [lead.identities for lead in leads], {one.person for one in leads if one.settled})
    by_domain = await accounts.of(tx, [lead.submitted for lead in leads])
    leads = tuple(replace(lead, account=by_domain.get(lead.submitted.company.domain)) for lead in leads)
    apart = await accounts.apart(tx, list(theirs)) if by_domain else {}
    involved = {*companies, *by_domain.values(), *apart.values(), *await _coming_back(tx, list(theirs), policy)}
    await accounts.lock(tx, involved)
    dealt = await accounts.deal_leads(tx, involved) if involved else []
    locked = await _lock_leads(tx, [*(lead.submitted.id for lead in leads), *dealt, *also], list(theirs), policy)
    known = await accounts.known(tx, involved, policy.outbound)
    again = [lead.submitted.id for lead in leads if lead.submitted.id in locked]
    world = World.of(
        await _persons(tx, theirs, tests, locked, policy),
        await suppressions.closed_to(tx, identities.union(*(one.identities for one in theirs.values()))),
        await _submissions(tx, again),
        known.values(),
        apart,
        await _erased(tx, again),
    )
    return leads, world, locked


async def of_accounts(tx: ReadTx, policy: Policy, which: Collection[AccountId]) -> World:
    """The world of leads, locked with these accounts, whose persons are known."""
    return World.of(accounts=(await accounts.known(tx, which, policy.outbound)).values())


async def _coming_back(tx: ReadTx, known: Sequence[PersonId], policy: Policy) -> list[AccountId]:
    """The accounts of these persons' leads that come back to life if one of them comes again."""
    if not known:
        return []
    lead = t.leads.c
    found = await tx.fetch(
        select(lead.account_id)
        .where(lead.account_id.is_not(None))
        .where(
            or_(
                and_(lead.person_id == rows.among(known), lead.state == LeadState.NURTURING.value),
                _lost_by(known, tx.now, policy),
            )
        )
    )
    return [row["account_id"] for row in found]


async def _persons(
    tx: ReadTx,
    theirs: Mapping[PersonId, persons.Found],
    tests: set[Identity],
    locked: Mapping[LeadId, RowMapping],
    policy: Policy,
) -> list[KnownPerson]:
    open_leads: dict[PersonId, list[OpenLead]] = {person: [] for person in theirs}
    for row in locked.values():
        if row["person_id"] in open_leads and row["state"] in OPEN_LEAD_STATES:
            opened = OpenLead(row["id"], row["received_at"], LeadState(row["state"]))
            open_leads[row["person_id"]].append(opened)
    lost = await _lost(tx, list(theirs), locked, policy)
    return [
        KnownPerson(
            person,
            bool(held.identities & tests),
            held.identities,
            tuple(open_leads[person]),
            tuple(lost.get(person, ())),
            held.family,
        )
        for person, held in theirs.items()
    ]


async def _lost(
    tx: ReadTx, known: Sequence[PersonId], locked: Collection[LeadId], policy: Policy
) -> dict[PersonId, list[LostDeal]]:
    """What these persons lost so lately that it may open again; of each lead its last opportunity."""
    if not known or policy.reopen_within is None:
        return {}
    lead, deal = t.leads.c, t.opportunities.c
    found = await tx.fetch(
        select(lead.person_id, lead.account_id, deal.id, deal.lead_id, lead.received_at, deal.product, deal.closed_at)
        .join(t.opportunities, deal.id == lead.opportunity_id)
        .where(_lost_by(known, tx.now, policy), spelled(deal.state, OpportunityState.LOST))
        .where(deal.closed_at >= tx.now - policy.reopen_within, lead.id == rows.among(locked))
        .order_by(deal.id)
    )
    lost: dict[PersonId, list[LostDeal]] = {}
    for row in found:
        told = LostDeal(
            row["id"], row["lead_id"], row["received_at"], row["product"], row["closed_at"], row["account_id"]
        )
        lost.setdefault(row["person_id"], []).append(told)
    return lost


def _lost_by(known: Sequence[PersonId], now: datetime, policy: Policy) -> ColumnElement[bool]:
    """The leads of these persons that ended with a loss (not with an opt-out, say), so lately that they may open."""
    if policy.reopen_within is None:
        return false()
    lead = t.leads.c
    ended = and_(lead.state == LeadState.CLOSED.value, lead.outcome == LeadOutcome.LOST.value)
    return and_(lead.person_id == rows.among(known), ended, lead.last_at >= now - policy.reopen_within)


async def _lock_leads(
    tx: Tx, ids: Sequence[LeadId], known: Sequence[PersonId], policy: Policy
) -> dict[LeadId, RowMapping]:
    """Lock these leads, and those into which a new one of these persons may be merged."""
    lead = t.leads.c
    open_one = and_(lead.person_id == rows.among(known), lead.state == rows.among(sorted(OPEN_LEAD_STATES)))
    wanted = or_(lead.id == rows.among(ids), open_one, _lost_by(known, tx.now, policy))
    found = await tx.fetch(select(t.leads).where(wanted).order_by(lead.id).with_for_update())
    return {row["id"]: row for row in found}


async def _erased(tx: ReadTx, leads: Sequence[LeadId]) -> list[LeadId]:
    if not leads:
        return []
    found = await tx.fetch(select(t.erased.c.lead_id).where(t.erased.c.lead_id == rows.among(leads)))
    return [row["lead_id"] for row in found]


async def _submissions(tx: ReadTx, leads: Sequence[LeadId]) -> dict[LeadId, frozenset[SubmissionId]]:
    if not leads:
        return {}
    sent = t.submissions.c
    found = await tx.fetch(
        select(sent.lead_id, func.array_agg(sent.id).label("ids"))
        .where(sent.lead_id == rows.among(leads))
        .group_by(sent.lead_id)
    )
    return {row["lead_id"]: frozenset(row["ids"]) for row in found}
