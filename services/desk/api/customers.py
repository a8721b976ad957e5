"""Customers."""

from fastapi import APIRouter

from schemas.api.customers import CustomerOut
from schemas.words import Desk, PrincipalKind
from services.runtime.http.call import Call
from services.runtime.http.problems import NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx
from services.store import customers, dealviews
from services.store.customers import Customer

routes = APIRouter(route_class=Route, tags=["customers"])

PLACES = (Desk.CUSTOMER, Desk.CLOSING)
"""The desks at which a customer has, or had, a place: the closer stays until it is deployed."""


@routes.get("/v1/customers/{customer_id}")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def customer(call: Call, customer_id: str, tx: ReadTx) -> CustomerOut:
    """Get a customer.

    A rep sees it while holding it, and as its closer.
    """
    found = await customers.find(tx, customer_id)
    if found is None or not await _sees(call, tx, found):
        raise NotFound
    return dealviews.customer(found)


async def _sees(call: Call, tx: ReadTx, found: Customer) -> bool:
    if call.principal.rep_id is None:
        return any(call.sees(desk) for desk in PLACES)
    return found.closer == call.rep_id or await customers.is_held_by(tx, found.id, call.rep_id)
