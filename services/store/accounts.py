"""Accounts: companies, by their domain, and what is under way with each. Free mail makes none.

An account is locked before its leads: whoever opens an opportunity of it holds that lock, so that there is one at most
for a product.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update

from router.match import same_product
from router.outreach import approached_until
from router.policy.compiled import Outbound
from router.world import Contact, KnownAccount, OpenDeal
from schemas.events.intake import LeadSubmitted
from schemas.words import (
    AccountId,
    CustomerState,
    Direction,
    LeadId,
    LeadOutcome,
    LeadState,
    OpportunityId,
    OpportunityState,
    PersonId,
    Relation,
)
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import rows
from services.store import tables as t
from services.store.queues import spelled

_WORKED = (LeadState.QUEUED, LeadState.POOLED, LeadState.CLAIMED)
"""The states of a lead whose person is being approached."""


async def of(tx: Tx, leads: Iterable[LeadSubmitted]) -> dict[str | None, AccountId]:
    """The accounts of these leads' companies, by domain; those not known yet are made."""
    names = {one.company.domain: one.company.name for one in leads if one.company.domain}
    found = await _by_domain(tx, list(names))
    missing: list[dict[str, Any]] = [
        {"id": mint("acc", tx.now), "domain": domain, "name": names[domain], "created_at": tx.now}
        for domain in sorted(filter(None, names))
        if domain not in found
    ]
    if missing:
        await rows.add(tx, t.accounts, missing)
        found.update(await _by_domain(tx, [row["domain"] for row in missing]))
    return found


async def _by_domain(tx: ReadTx, domains: Sequence[str]) -> dict[str | None, AccountId]:
    if not domains:
        return {}
    account = t.accounts.c
    wanted = and_(account.domain == rows.among(domains), account.parted_from.is_(None))
    found = await tx.fetch(select(account.domain, account.id).where(wanted))
    return {row["domain"]: row["id"] for row in found}


async def lock(tx: Tx, accounts: Collection[AccountId]) -> None:
    """Lock accounts in the order of their ids: persons before, leads after."""
    if accounts:
        account = t.accounts.c.id
        await tx.fetch(select(account).where(account == rows.among(accounts)).order_by(account).with_for_update())


async def lock_of(tx: Tx, lead: LeadId) -> list[LeadId]:
    """Lock the account of a lead, if it has one, before the lead is: it is about to open an opportunity.

    The leads of what is open with that account already: to be locked with it.
    """
    account = await tx.value(select(t.leads.c.account_id).where(t.leads.c.id == lead))
    if account is None:
        return []
    await lock(tx, [account])
    return await deal_leads(tx, [account])


async def free(tx: Tx, accounts: Collection[AccountId]) -> frozenset[AccountId]:
    """Those of these accounts that nobody else holds, locked: for whoever holds leads already, and may not wait."""
    account = t.accounts.c.id
    found = await tx.fetch(
        select(account).where(account == rows.among(accounts)).order_by(account).with_for_update(skip_locked=True)
    )
    return frozenset(row["id"] for row in found)


async def apart(tx: ReadTx, persons: Collection[PersonId]) -> dict[tuple[PersonId, AccountId], AccountId]:
    """Which account it is, for each of these persons whom a manager has parted from another."""
    if not persons:
        return {}
    found = await tx.fetch(select(t.parted).where(t.parted.c.person_id == rows.among(persons)))
    return {(row["person_id"], row["account_id"]): row["of_account"] for row in found}


async def deal_leads(tx: ReadTx, accounts: Collection[AccountId]) -> list[LeadId]:
    """The leads of the open opportunities of these accounts."""
    deal = t.opportunities.c
    found = await tx.fetch(select(deal.lead_id).where(_open_deal(), deal.account_id == rows.among(accounts)))
    return [row["lead_id"] for row in found]


async def known(
    tx: ReadTx, accounts: Collection[AccountId], outbound: Outbound | None = None
) -> dict[AccountId, KnownAccount]:
    """What decisions look at: what each account is to us, and what is under way with it, by these rules for prospects.

    Both accounts and the leads of their open opportunities are locked before.
    """
    if not accounts:
        return {}
    account = t.accounts.c
    found = await tx.fetch(select(account.id, relation().label("relation")).where(account.id == rows.among(accounts)))
    deals = await _deals(tx, accounts)
    contacts = {} if outbound is None else await _contacts(tx, accounts, outbound)
    return {
        row["id"]: KnownAccount(
            row["id"], Relation(row["relation"]), tuple(deals.get(row["id"], ())), tuple(contacts.get(row["id"], ()))
        )
        for row in found
    }


async def _deals(tx: ReadTx, accounts: Collection[AccountId]) -> dict[AccountId, list[OpenDeal]]:
    deal, lead = t.opportunities.c, t.leads.c
    found = await tx.fetch(
        select(deal.account_id, deal.lead_id, deal.product, lead.test, lead.received_at)
        .join(t.leads, lead.id == deal.lead_id)
        .where(_open_deal(), deal.account_id == rows.among(accounts))
        .order_by(deal.id)
    )
    deals: dict[AccountId, list[OpenDeal]] = {}
    for row in found:
        made = OpenDeal(row["lead_id"], row["product"], row["test"], row["received_at"])
        deals.setdefault(row["account_id"], []).append(made)
    return deals


async def _contacts(tx: ReadTx, accounts: Collection[AccountId], outbound: Outbound) -> dict[AccountId, list[Contact]]:
    """The approaches to each account that are under way, or ended so lately that it is still let be.

    A sale is no reason to let it be.
    """
    lead = t.leads.c
    active = lead.state.in_([state.value for state in _WORKED])
    ended = and_(
        lead.state.in_([LeadState.CLOSED.value, LeadState.NURTURING.value]),
        lead.milestones.has_key("attempt"),
        func.coalesce(lead.outcome, "") != LeadOutcome.WON.value,
        lead.last_at > tx.now - outbound.cool_down,
    )
    found = await tx.fetch(
        select(lead.account_id, lead.id, lead.test, lead.last_at, active.label("active"))
        .where(lead.account_id == rows.among(accounts), lead.direction == Direction.OUTBOUND.value, or_(active, ended))
        .order_by(lead.id)
    )
    contacts: dict[AccountId, list[Contact]] = {}
    for row in found:
        since = tx.now if row["active"] else row["last_at"]
        if (until := approached_until(outbound, since, active=row["active"])) is not None:
            contacts.setdefault(row["account_id"], []).append(Contact(row["id"], row["test"], until))
    return contacts


async def relation_of(tx: ReadTx, account: AccountId | None) -> Relation | None:
    """What an account is to us."""
    if account is None:
        return None
    return Relation(await tx.value(select(relation()).where(t.accounts.c.id == account)))


async def relate(tx: Tx, account: AccountId, said: Relation) -> None:
    """A manager says what an account is to us; that stands, whatever it buys."""
    await tx.execute(update(t.accounts).where(t.accounts.c.id == account).values(relation=said.value))


async def open_deal(
    tx: ReadTx, account: AccountId | None, product: str | None, *, test: bool
) -> tuple[OpportunityId, LeadId] | None:
    """The opportunity, and its lead, that is open with a locked account for this product: the oldest."""
    if account is None:
        return None
    deal, lead = t.opportunities.c, t.leads.c
    found = await tx.fetch(
        select(deal.id, deal.lead_id, deal.product)
        .join(t.leads, lead.id == deal.lead_id)
        .where(_open_deal(), deal.account_id == account, lead.test.is_(test))
        .order_by(lead.received_at, deal.id)
    )
    return next(((row["id"], row["lead_id"]) for row in found if same_product(row["product"], product)), None)


def relation() -> ColumnElement[str]:
    """What an account of a query is to us: as a manager said; else a customer while it is one, else a prospect."""
    customer = t.customers.c
    gone = [CustomerState.CHURNED.value, CustomerState.VOID.value]
    buys = exists().where(customer.account_id == t.accounts.c.id, customer.state.not_in(gone)).correlate(t.accounts)
    return func.coalesce(t.accounts.c.relation, case((buys, Relation.CUSTOMER.value), else_=Relation.PROSPECT.value))


def _open_deal() -> ColumnElement[bool]:
    return and_(spelled(t.opportunities.c.state, OpportunityState.OPEN), t.opportunities.c.account_id.is_not(None))
