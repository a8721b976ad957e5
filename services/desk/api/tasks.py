"""Tasks: asked of another desk, looked at, taken back. They are pulled and completed there, as any item."""

from fastapi import APIRouter

from router.policy.compiled import Policy
from schemas.api.tasks import TaskIn, TaskOut
from schemas.words import Desk, OpportunityState, PrincipalKind, RepId, TaskKind, TaskState, desk_of
from services import policies
from services.desk.caring import PLACES, care
from services.desk.fencing import deal, told
from services.desk.moments import end_of
from services.runtime.http.call import Call
from services.runtime.http.problems import Conflict, Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import dealviews, holding, items, tasks, work
from services.store.opportunities import Opportunity
from services.store.tasks import Task

routes = APIRouter(route_class=Route, tags=["tasks"])


@routes.post("/v1/opportunities/{opportunity_id}/tasks", status_code=201)
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def ask_for_opportunity(call: Call, opportunity_id: str, body: TaskIn, tx: Tx) -> TaskOut:
    """Ask another desk for something that an opportunity needs.

    It waits in the queue that the policy names for its kind. Once the opportunity is won its closer and a manager may
    still ask.
    """
    policy = await policies.active(tx)
    _mapped(policy, body.kind)
    needed_by = end_of(body.needed_by, "#/needed_by", policy, tx.now)
    async with told(tx) as stories:
        found = await deal(call, tx, stories, opportunity_id, claimed=True, same=_is_won, also=_is_its_closer)
        _mapped(found.policy, body.kind)
        made = await tasks.ask(
            found, kind=body.kind, summary=body.summary, needed_by=needed_by, opportunity=found.deal.id
        )
    return dealviews.task(made)


def _is_won(found: Opportunity) -> bool:
    return found.state == OpportunityState.WON


def _is_its_closer(found: Opportunity, rep: RepId) -> bool:
    return _is_won(found) and found.closer == rep


@routes.post("/v1/customers/{customer_id}/tasks", status_code=201)
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def ask_for_customer(call: Call, customer_id: str, body: TaskIn, tx: Tx) -> TaskOut:
    """Ask another desk for something that a customer needs.

    It waits in the queue that the policy names for its kind.
    """
    policy = await policies.active(tx)
    _mapped(policy, body.kind)
    needed_by = end_of(body.needed_by, "#/needed_by", policy, tx.now)
    async with told(tx) as stories:
        found, customer = await care(call, tx, stories, customer_id, claimed=True)
        _mapped(found.policy, body.kind)
        made = await tasks.ask(found, kind=body.kind, summary=body.summary, needed_by=needed_by, customer=customer.id)
    return dealviews.task(made)


def _mapped(policy: Policy, kind: TaskKind) -> None:
    """Raises: Invalid where the policy names no queue for this kind."""
    if kind in policy.tasks:
        return
    others = ", ".join(policy.tasks)
    remedy = f"Ask for one of: {others}; or name its queue under tasks in the policy"
    if not others:
        remedy = "Name its queue under tasks in the policy"
    raise Invalid([Mistake("not_allowed", "the policy sends this to no queue", pointer="#/kind", remedy=remedy)])


@routes.get("/v1/tasks/{task_id}")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def task(call: Call, task_id: str, tx: ReadTx) -> TaskOut:
    """Get a task.

    A rep sees it as its raiser, and while holding it.
    """
    found = await tasks.find(tx, task_id)
    if found is None or not await _sees(call, tx, found):
        raise NotFound
    return dealviews.task(found)


async def _sees(call: Call, tx: ReadTx, found: Task) -> bool:
    if call.principal.rep_id is None:
        return await _manages(call, tx, found)
    if found.raised_by == call.rep_id:
        return True
    claim = await holding.of_item(tx, found.item_id)
    return claim is not None and claim.rep_id == call.rep_id


async def _manages(call: Call, tx: ReadTx, found: Task) -> bool:
    """A manager of the desk that does it, or of one that it is done for."""
    item = await items.find(tx, found.item_id)
    assert item is not None, "an item is never deleted"
    done_for = PLACES if found.customer_id else (Desk.CLOSING,)
    return any(call.sees(desk) for desk in (desk_of(item.queue), *done_for))


@routes.post("/v1/tasks/{task_id}/cancel")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def cancel(call: Call, task_id: str, tx: Tx) -> TaskOut:
    """Take back what was asked.

    Whoever raised it may, without a token, and a manager. A claim on it is revoked.
    """
    found = await tasks.find(tx, task_id)
    if found is None or not await _may_cancel(call, tx, found):
        raise NotFound
    policy = await policies.active(tx)
    async with told(tx) as stories:
        locked = await work.lock(tx, stories, policy, call.actor, found.lead_id, found.item_id)
        current = await tasks.find(tx, found.id)
        assert current is not None, "a task is never deleted"
        if current.state != TaskState.OPEN:
            state = current.state.value
            raise Conflict("already_closed", f"The task is {state} already.", state=state)
        await tasks.cancel(locked, current)
    shown = await tasks.find(tx, found.id)
    assert shown is not None, "a task is never deleted"
    return dealviews.task(shown)


async def _may_cancel(call: Call, tx: ReadTx, found: Task) -> bool:
    return await _manages(call, tx, found) if call.principal.rep_id is None else found.raised_by == call.rep_id
