"""Who may write of a customer: its holder with the token, a manager, and, where it says so, its closer."""

from collections.abc import Callable

from schemas.words import ClaimState, Desk
from services import policies
from services.desk.fencing import ClaimLost
from services.runtime.http.call import Call
from services.runtime.http.headers import CLAIM_TOKEN
from services.runtime.http.problems import Conflict, NotFound
from services.runtime.tx import Tx
from services.store import customers, holding
from services.store.customers import GONE, Customer
from services.store.items import Claim
from services.store.story import Stories
from services.store.work import Work

PLACES = (Desk.CUSTOMER, Desk.CLOSING)
"""The desks at which a customer has, or had, a place: the closer stays until it is deployed."""


async def care(
    call: Call,
    tx: Tx,
    stories: Stories,
    customer_id: str,
    *,
    claimed: bool = False,
    closer: bool = False,
    same: Callable[[Customer], bool] = lambda _: False,
) -> tuple[Work, Customer]:
    """A customer, locked, for its holder or a manager; `claimed`: a manager, too, acts only on what somebody holds.

    `closer`: the AE who won it may as well, without a token. One that is gone is refused, unless it is the `same` that
    is asked for again: then nothing is to be done.

    Raises: NotFound; ClaimTokenRequired; Conflict `claim_lost`, `already_closed`, `not_claimed`.
    """
    found = await customers.find(tx, customer_id)
    if found is None:
        raise NotFound
    held = await holding.of_item(tx, found.item_id) if found.item_id else None
    await _admit(call, tx, found, held, closer=closer)
    policy = await policies.active(tx)
    locked, customer = await customers.lock(tx, stories, policy, call.actor, found)
    claim = locked.claim if customer.item_id else None
    await _admit(call, tx, customer, claim, closer=closer)
    if claim is not None and call.claim_token is not None:
        call.headers[CLAIM_TOKEN] = str(claim.token)
    if customer.state in GONE:
        if not same(customer):
            state = customer.state.value
            raise Conflict("already_closed", f"The customer is {state} already.", state=state)
    elif claimed and customer.item_id and claim is None:
        raise Conflict("not_claimed", "Nobody holds it: let a rep pull it first.", state=locked.item.state.value)
    return locked, customer


async def _admit(call: Call, tx: Tx, found: Customer, claim: Claim | None, *, closer: bool) -> None:
    if call.principal.rep_id is None:
        if not any(call.sees(desk) for desk in PLACES):
            raise NotFound
        return
    if closer and found.closer == call.rep_id and call.claim_token is None:
        return
    if claim is not None and claim.rep_id == call.rep_id:
        if call.holder_token() != claim.token:
            raise ClaimLost(claim.state.value)
        return
    before = call.claim_token and await holding.ended(tx, found.lead_id, found.id, call.rep_id, call.claim_token)
    if not before:
        raise NotFound
    if found.state not in GONE or before.state != ClaimState.COMPLETED:
        raise ClaimLost(before.state.value)
