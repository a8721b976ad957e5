"""Items: by id, the manager's list, back into a queue, and to a rep."""

from fastapi import APIRouter

from router.policy.compiled import Policy
from schemas.api.items import AssignIn, AssignOut, ItemOut, ItemsQuery, RequeueIn, RequeueOut
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
from services.store import assigning, holding, items, itemviews, parking, reps, work
from services.store.items import Item
from services.store.reps import Rep
from services.store.story import Stories
from services.store.work import Work

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
    found = await _managed(call, tx, item_id)
    policy = await policies.active(tx)
    queue = _queue(policy, found, body.queue)
    async with told(tx) as stories:
        await parking.requeue(await _open(call, tx, stories, policy, found), queue, body.reason)
    return RequeueOut(item=await itemviews.one(tx, found.id))


@routes.post("/v1/items/{item_id}/assign")
@allow(PrincipalKind.MANAGER)
async def assign(call: Call, item_id: str, body: AssignIn, tx: Tx) -> AssignOut:
    """Reserve an item for a rep, for a day.

    Past the pool, its age kept; a claim on it is revoked. It takes the place of the rep's next blind pull, and the
    claim says why. After a day it is anyone's.
    """
    found = await _managed(call, tx, item_id)
    policy = await policies.active(tx)
    rep = _able(policy, found, await reps.find(tx, body.rep_id))
    async with told(tx) as stories:
        locked = await _open(call, tx, stories, policy, found)
        if not rep.is_present(tx.now):
            raise Conflict("rep_away", f"{rep.name} is away.", state=rep.status.value)
        await assigning.assign(locked, rep, body.reason, body.note)
    return AssignOut(item=await itemviews.one(tx, found.id))


async def _managed(call: Call, tx: Tx, item_id: str) -> Item:
    """An item of the manager's. Raises: NotFound."""
    found = await items.find(tx, ItemId(item_id))
    if found is None or not call.sees(desk_of(found.queue)):
        raise NotFound
    return found


async def _open(call: Call, tx: Tx, stories: Stories, policy: Policy, found: Item) -> Work:
    """An item, locked. Raises: Conflict `already_closed`."""
    locked = await work.lock(tx, stories, policy, call.actor, found.lead_id, found.id)
    if locked.item.state in (ItemState.DONE, ItemState.CANCELLED):
        state = locked.item.state.value
        raise Conflict("already_closed", f"The item is {state}.", state=state)
    return locked


def _able(policy: Policy, found: Item, rep: Rep | None) -> Rep:
    """A rep who may be given this item. Raises: Invalid."""
    queue = policy.queues.get(found.queue)
    if rep is None:
        detail, remedy = "no such rep", "GET /v1/reps lists yours"
    elif found.queue not in rep.queues or queue is None:
        detail, remedy = f"does not work {found.queue}", f"Name a rep of {found.queue}, or requeue it first"
    elif missing := queue.skills.difference(rep.skills):
        detail, remedy = f"has not the skills of {found.queue}: {', '.join(sorted(missing))}", "Name a rep who has them"
    else:
        return rep
    raise Invalid([Mistake("not_allowed", detail, pointer="#/rep_id", remedy=remedy)])


def _queue(policy: Policy, found: Item, name: str) -> QueueName:
    """A queue that this item may go to. Raises: Invalid."""
    able = [queue.name for queue in policy.queues.values() if queue.kind == found.kind]
    if name in able:
        return QueueName(name)
    known = name in policy.queues
    detail = f"is for other work than items of kind {found.kind.value}" if known else "no such queue"
    remedy = (None if known else did_you_mean(name, able)) or f"Send one of: {', '.join(able)}"
    raise Invalid([Mistake("not_allowed", detail, pointer="#/queue", remedy=remedy)])
