"""Customers: what becomes of them. Their holder sends the claim's token; a manager sends none."""

from datetime import UTC, datetime, time

from fastapi import APIRouter

from schemas.api.customers import ChurnIn, CustomerChanged, CustomerOut, DeployedIn, ExpansionIn, RenewalIn
from schemas.api.values import MoneyIn
from schemas.words import CustomerState, Money, PrincipalKind
from services.desk.caring import PLACES, care
from services.desk.fencing import told
from services.runtime.http.call import Call
from services.runtime.http.problems import Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import customers, dealviews, tasks
from services.store.customers import Customer
from services.store.work import Work

routes = APIRouter(route_class=Route, tags=["customers"])


@routes.get("/v1/customers/{customer_id}")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def customer(call: Call, customer_id: str, tx: ReadTx) -> CustomerOut:
    """Get a customer.

    A rep sees it while holding it, as its closer until it is deployed, and as the raiser of a task.
    """
    found = await customers.find(tx, customer_id)
    if found is None or not await _sees(call, tx, found):
        raise NotFound
    return await dealviews.customer(tx, found.id)


async def _sees(call: Call, tx: ReadTx, found: Customer) -> bool:
    if call.principal.rep_id is None:
        return any(call.sees(desk) for desk in PLACES)
    if found.named_closer == call.rep_id or await customers.is_held_by(tx, found.id, call.rep_id):
        return True
    return await tasks.has_raised(tx, call.rep_id, found.id)


@routes.post("/v1/customers/{customer_id}/deployed")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def deployed(call: Call, customer_id: str, body: DeployedIn, tx: Tx) -> CustomerChanged:
    """Record that what was sold is in use.

    The AE who won it may as well, without a token; from then on they are no longer named. The same again changes
    nothing.
    """
    async with told(tx) as stories:
        work, found = await care(call, tx, stories, customer_id, closer=True)
        if found.state != CustomerState.ACTIVE or body.at not in (None, found.deployed_at):
            await customers.deploy(work, found, _at(body.at, work, found))
    return CustomerChanged(customer=await dealviews.customer(tx, found.id))


@routes.post("/v1/customers/{customer_id}/expansions", status_code=201)
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def expand(call: Call, customer_id: str, body: ExpansionIn, tx: Tx) -> CustomerChanged:
    """Record that it buys more; each time anew."""
    async with told(tx) as stories:
        work, found = await care(call, tx, stories, customer_id, claimed=True)
        await customers.expand(work, found, _money(body.value), _at(body.at, work, found))
    return CustomerChanged(customer=await dealviews.customer(tx, found.id))


@routes.post("/v1/customers/{customer_id}/renewals", status_code=201)
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def renew(call: Call, customer_id: str, body: RenewalIn, tx: Tx) -> CustomerChanged:
    """Record that it goes on, through a day; each time anew."""
    async with told(tx) as stories:
        work, found = await care(call, tx, stories, customer_id, claimed=True)
        if datetime.combine(body.until, time.max, work.policy.zone).astimezone(UTC) < found.since:
            raise _before("#/until")
        await customers.renew(work, found, _money(body.value), body.until)
    return CustomerChanged(customer=await dealviews.customer(tx, found.id))


@routes.post("/v1/customers/{customer_id}/churn")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def churn(call: Call, customer_id: str, body: ChurnIn, tx: Tx) -> CustomerChanged:
    """Record that it leaves.

    Its item is done, and what was asked for it and is not done is cancelled. Churned again for the same reason is
    answered as before.
    """
    async with told(tx) as stories:
        work, found = await care(
            call,
            tx,
            stories,
            customer_id,
            same=lambda gone: gone.state == CustomerState.CHURNED and gone.reason == body.reason,
        )
        if found.state != CustomerState.CHURNED:
            await customers.churn(work, found, body.reason, _at(body.at, work, found))
    return CustomerChanged(customer=await dealviews.customer(tx, found.id))


def _at(said: datetime | None, work: Work, found: Customer) -> datetime:
    """When it happened. Raises: Invalid where that was before it was a customer."""
    at = min(said or work.tx.now, work.tx.now)
    if at < found.since:
        raise _before("#/at")
    return at


def _before(pointer: str) -> Invalid:
    remedy = "It is a customer only since it was won"
    return Invalid([Mistake("out_of_range", "lies before it was a customer", pointer=pointer, remedy=remedy)])


def _money(value: MoneyIn) -> Money:
    return Money(amount=value.amount, currency=value.currency)
