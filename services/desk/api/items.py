"""Items: by id, the manager's list, and back into a queue."""

from fastapi import APIRouter

from router.policy.compiled import Policy
from schemas.api.items import ItemOut, ItemsQuery, RequeueIn, RequeueOut
from schemas.api.page import Page
from schemas.words import Desk, ItemId, ItemState, PrincipalKind, QueueName, desk_of
from services import policies
from services.desk.fencing import told
from services.runtime.http.call import Call
from services.runtime.http.mistakes import did_you_mean
from services.runtime.http.problems import Conflict, Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import holding, items, itemviews, parking, work
from services.store.items import Item

routes = APIRouter(route_class=Route, tags=["items"])


@routes.get("/v1/items")
@allow(PrincipalKind.MANAGER)
async def parked(call: Call, query: ItemsQuery, tx: ReadTx) -> Page[ItemOut]:
    """List the items that are parked, newest first.

    Each rep of their queue has returned them, or their claim ended after an attempt. Requeue them.
    """
    desks = None if not call.principal.desks else frozenset(map(Desk, call.principal.desks))
    after = ItemId(call.after[0]) if call.after else None
    ids = await parking.parked(tx, desks=desks, after=after, limit=query.limit + 1)
    shown = await itemviews.shown(tx, ids)
    return call.page(shown, query.limit, out=lambda item: item, place=lambda item: (item.id,))


@routes.get("/v1/items/{item_id}")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def item(call: Call, item_id: str, tx: ReadTx) -> ItemOut:
    """Get an item.

    A rep sees it while holding it.
    """
    found = await items.find(tx, ItemId(item_id))
    if found is None or not await _sees(call, tx, found):
        raise NotFound
    return await itemviews.one(tx, found.id)


async def _sees(call: Call, tx: ReadTx, found: Item) -> bool:
    if call.principal.rep_id is None:
        return call.sees(desk_of(found.queue))
    claim = await holding.of_item(tx, found.id)
    return claim is not None and claim.rep_id == call.rep_id


@routes.post("/v1/items/{item_id}/requeue")
@allow(PrincipalKind.MANAGER)
async def requeue(call: Call, item_id: str, body: RequeueIn, tx: Tx) -> RequeueOut:
    """Put an item into a queue, for anyone.

    Past the pool, its age kept; a claim on it is revoked. Who returned it before may have it again.
    """
    found = await items.find(tx, ItemId(item_id))
    if found is None or not call.sees(desk_of(found.queue)):
        raise NotFound
    policy = await policies.active(tx)
    queue = _queue(policy, found, body.queue)
    async with told(tx) as stories:
        locked = await work.lock(tx, stories, policy, call.actor, found.lead_id, found.id)
        if locked.item.state in (ItemState.DONE, ItemState.CANCELLED):
            state = locked.item.state.value
            raise Conflict("already_closed", f"The item is {state}.", state=state)
        await parking.requeue(locked, queue, body.reason)
    return RequeueOut(item=await itemviews.one(tx, found.id))


def _queue(policy: Policy, found: Item, name: str) -> QueueName:
    """A queue that this item may go to. Raises: Invalid."""
    able = [queue.name for queue in policy.queues.values() if queue.kind == found.kind]
    if name in able:
        return QueueName(name)
    known = name in policy.queues
    detail = f"is for other work than items of kind {found.kind.value}" if known else "no such queue"
    remedy = (None if known else did_you_mean(name, able)) or f"Send one of: {', '.join(able)}"
    raise Invalid([Mistake("not_allowed", detail, pointer="#/queue", remedy=remedy)])
