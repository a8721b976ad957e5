"""Accounts and persons: what a company is to us, and parting what was taken for one."""

from collections.abc import Collection, Sequence

from fastapi import APIRouter

from schemas.api.accounts import (
    AccountOut,
    AccountPatch,
    AccountUnmergeIn,
    AccountUnmergeOut,
    PersonOut,
    PersonUnmergeIn,
    PersonUnmergeOut,
)
from schemas.words import AccountId, LeadId, PersonId, PrincipalKind
from services import policies
from services.desk.fencing import told
from services.runtime.http.call import Call
from services.runtime.http.problems import Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import accounts, accountviews, persons, unmerging

routes = APIRouter(route_class=Route, tags=["accounts"])


@routes.get("/v1/accounts/{account_id}")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def account(call: Call, account_id: str, tx: ReadTx) -> AccountOut:
    """Get an account.

    A rep sees it while holding an item of it.
    """
    return await _account(call, tx, account_id)


@routes.patch("/v1/accounts/{account_id}")
@allow(PrincipalKind.MANAGER)
async def relate(call: Call, account_id: str, body: AccountPatch, tx: Tx) -> AccountOut:
    """Say what a company is to us.

    Rules see it as `account.relation`, from the next decision on. It stands, whatever the company buys.
    """
    found = await _account(call, tx, account_id)
    await accounts.lock(tx, [found.id])
    await accounts.relate(tx, found.id, body.relation)
    return await _account(call, tx, account_id)


@routes.post("/v1/accounts/{account_id}/unmerge")
@allow(PrincipalKind.MANAGER)
async def part_account(call: Call, account_id: str, body: AccountUnmergeIn, tx: Tx) -> AccountUnmergeOut:
    """Part persons from an account: they are of another company.

    With all that they have, and all that comes of them. What was merged across the line is decided anew.
    """
    await unmerging.hold_account(tx, AccountId(account_id), [PersonId(one) for one in body.person_ids])
    found = await _account(call, tx, account_id)
    whose = _some(body.person_ids, found.persons, "#/person_ids", "of the account")
    async with told(tx) as stories:
        other = await unmerging.part_account(
            tx,
            stories,
            await policies.active(tx),
            call.edge.keyring,
            AccountId(found.id),
            [PersonId(one) for one in whose],
            call.actor,
        )
    return AccountUnmergeOut(account_id=other)


@routes.get("/v1/persons/{person_id}")
@allow(PrincipalKind.MANAGER)
async def person(call: Call, person_id: str, tx: ReadTx) -> PersonOut:
    """Get a person: their leads, and who may be the same.

    Who shares less than what makes one person is never merged by us.
    """
    return await _person(call, tx, person_id)


@routes.post("/v1/persons/{person_id}/unmerge")
@allow(PrincipalKind.MANAGER)
async def part_person(call: Call, person_id: str, body: PersonUnmergeIn, tx: Tx) -> PersonUnmergeOut:
    """Part leads from a person: they are somebody else's.

    Who that is is never matched with this person again. What was merged across the line is decided anew.
    """
    await persons.hold(tx, [PersonId(person_id)])
    found = await _person(call, tx, person_id)
    mine = _some(body.lead_ids, found.leads, "#/lead_ids", "of the person")
    async with told(tx) as stories:
        other = await unmerging.part_person(
            tx,
            stories,
            await policies.active(tx),
            call.edge.keyring,
            PersonId(found.id),
            [LeadId(one) for one in mine],
            call.actor,
        )
    return PersonUnmergeOut(person_id=other)


async def _account(call: Call, tx: ReadTx, account_id: str) -> AccountOut:
    found = await accountviews.account(tx, account_id, call.principal)
    if found is None:
        raise NotFound
    return found


async def _person(call: Call, tx: ReadTx, person_id: str) -> PersonOut:
    found = await accountviews.person(tx, person_id, call.principal)
    if found is None:
        raise NotFound
    return found


def _some(named: Sequence[str], there: Collection[str], pointer: str, of: str) -> list[str]:
    """Some, not all, of what is there. Raises: Invalid."""
    strange = [place for place, one in enumerate(named) if one not in there]
    if strange:
        raise Invalid([Mistake("not_allowed", f"is none {of}", pointer=f"{pointer}/{place}") for place in strange])
    if set(named) >= set(there):
        raise Invalid([Mistake("not_allowed", f"are all {of}", pointer=pointer, remedy="Leave one where it is")])
    return sorted(set(named))
