"""What open work waits for, and who could take it: as things stand now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Text, cast, func, select
from sqlalchemy.dialects.postgresql import array

from router import waiting
from router.buffer import target
from router.limits import held
from router.policy.compiled import Policy
from router.waiting import Candidate, Said, Waiting
from schemas.api.why import RepOut, SaidOut, WaitingOut
from schemas.words import ItemState, LeadId, QueueName, RepId, desk_of
from services.runtime.access import Principal
from services.runtime.tx import ReadTx
from services.store import holding, queues
from services.store import tables as t
from services.store.items import Item
from services.store.reps import Rep
from services.store.rows import among

_IN_LINE = (ItemState.QUEUED, ItemState.POOLED)


async def of_lead(tx: ReadTx, policy: Policy, lead: LeadId, who: Principal) -> WaitingOut | None:
    """The open work of a lead, what it waits for, and, for a manager of its desk, who may have it."""
    row = await tx.one(select(t.items).where(t.items.c.lead_id == lead, queues.OPEN).order_by(t.items.c.id).limit(1))
    if row is None:
        return None
    item = Item.of(row)
    found = await _waiting(tx, policy, item)
    reps = await _candidates(tx, item)
    leads = who.rep_id is None
    shown = leads and (not who.desks or desk_of(item.queue) in who.desks)
    return WaitingOut(
        item_id=item.id,
        kind=item.kind,
        queue=item.queue,
        state=item.state,
        queued_at=item.queued_at,
        because=_said(waiting.because(found, reps)),
        ahead=found.ahead if leads and item.state in _IN_LINE else None,
        reps=[_rep(found, rep) for rep in reps] if shown else None,
    )


async def _waiting(tx: ReadTx, policy: Policy, item: Item) -> Waiting:
    queue = policy.queues.get(item.queue)
    claim = await holding.of_item(tx, item.id)
    reserved = item.reserved_until is None or item.reserved_until > tx.now
    goal, depth = None, 0
    if item.state == ItemState.POOLED and queue is not None:
        depth, _ = await queues.depth_and_pool(tx, item.queue)
        goal = target(queue, (await queues.present(tx, policy)).get(item.queue, ()), tx.now)
    return Waiting(
        name=item.queue,
        queue=queue,
        state=item.state,
        holder=None if claim is None else claim.rep_id,
        held_until=None if claim is None else claim.expires_at,
        next_at=item.next_at,
        reserved_for=item.reserved_for if reserved else None,
        reserved_until=item.reserved_until if reserved else None,
        returned_by=frozenset(item.returned_by),
        ahead=await _ahead(tx, item) if item.state in _IN_LINE else 0,
        depth=depth,
        target=goal,
        opens_at=item.turns_at if item.out_of_hours else None,
    )


async def _ahead(tx: ReadTx, item: Item) -> int:
    c = t.items.c
    state = queues.QUEUED if item.state == ItemState.QUEUED else queues.POOLED
    before = func.row(c.rank_at, c.id) < func.row(item.rank_at, item.id)
    found = await tx.value(
        select(func.count()).select_from(t.items).where(c.queue == item.queue, c.test == item.test, state, before)
    )
    return int(found)


async def _candidates(tx: ReadTx, item: Item) -> list[Candidate]:
    """Who works the item's queue, by name."""
    theirs = t.reps.c.queues.contains(array([cast(item.queue, Text)], type_=Text))
    reps = [Rep.of(row) for row in await tx.fetch(select(t.reps).where(theirs).order_by(t.reps.c.name, t.reps.c.id))]
    steps = await _next_steps(tx, item.queue, [rep.id for rep in reps])
    return [
        Candidate(
            rep=rep.id,
            name=rep.name,
            present=rep.is_present(tx.now),
            back_at=rep.away_until,
            held=held(steps.get(rep.id, ()), tx.now),
            skills=frozenset(rep.skills),
        )
        for rep in reps
    ]


async def _next_steps(tx: ReadTx, queue: QueueName, reps: Sequence[RepId]) -> Mapping[RepId, Sequence[datetime | None]]:
    claim = t.claims.c
    held_now = select(claim.rep_id, claim.next_at).where(
        claim.rep_id == among(reps), queues.HELD, claim.queue == queue, claim.test.is_(False)
    )
    found: dict[RepId, list[datetime | None]] = defaultdict(list)
    for row in await tx.fetch(held_now):
        found[row["rep_id"]].append(row["next_at"])
    return found


def _rep(item: Waiting, rep: Candidate) -> RepOut:
    bars = waiting.bars(item, rep)
    return RepOut(rep_id=rep.rep, name=rep.name, may_have_it=not bars, bars=[_said(bar) for bar in bars])


def _said(said: Said) -> SaidOut:
    return SaidOut(code=said.code, detail=said.detail)
