"""Claims: the pull, which grants them. Hand-written SQL on the driver; it spells states out, as partial indexes need.

A pull locks its rep's row first, so that two of one rep never pass a limit together, then takes an item and its lead
together by SKIP LOCKED, the lead first, lest it keep a lock on what is another's: it waits for no lead and no item
(law 14).
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import NamedTuple

from router.leases import expires_at
from router.lifecycle import Act
from router.limits import LimitReached, held, reached
from router.policy.compiled import Policy, Queue
from schemas.api.values import EARLIEST
from schemas.events.stamp import Actor
from schemas.words import Exempt, ItemKind, Presence, RepId, Role, Why, desk_of
from services.runtime.hot import driver
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import covering, holding, items, opportunities, pool, pullkeys, reps, suppressions
from services.store.items import Claim, Item
from services.store.pulled import Away, Busy, Elsewhere, Empty, Ended, Full, Given, Left, Pulled
from services.store.reps import Rep
from services.store.story import Stories

_ITEM = ", ".join(f"item.{column.name}" for column in fields(Item))
_CLAIM = ", ".join(f"claim.{column.name}" for column in fields(Claim))
CANDIDATES = 32
"""How many heads of a queue one look takes in: more than pulls are under way on one queue at a time."""


async def pull(
    tx: Tx, stories: Stories, policy: Policy, rep_id: RepId, desk: str, *, test: bool = False, key: str | None = None
) -> Pulled:
    """Give a rep the next thing: a promise that is due, a live hand-over, what is reserved, the first in order.

    Under a `key` it gives the same live claim again. A queue that has nothing for this rep gives from its pool.

    A pull gives one thing. So an exception is debited where it is given: a promise or what is reserved takes the place
    of what this pull would have given blind, and fills the room that it would have filled under the limits.
    """
    rep = await reps.lock(tx, rep_id)
    if rep is None:
        return Elsewhere()
    if rep.status is Presence.LEFT:
        return Left()
    if key is not None and (kept := await pullkeys.kept(tx, rep.id, desk, key)) is not None:
        why, claim = kept
        return Given(why, claim) if claim.ended_at is None else Ended(claim)
    queues = _queues(policy, rep, desk)
    if not queues:
        return Elsewhere()
    if not rep.is_present(tx.now):
        return Away(rep.away_until)
    owed = await _owed(tx, stories, policy, rep, test=test) or await _of_covered(tx, stories, policy, rep, test=test)
    found: Pulled = owed or await _next(tx, stories, policy, rep, queues, test=test)
    if key is not None and isinstance(found, Given):
        await pullkeys.keep(tx, rep.id, desk, key, found.claim, found.why)
    return found


PROMISE_DUE_SQL = """
SELECT claim.id FROM routing.claims AS claim
WHERE claim.rep_id = $1 AND claim.state = 'active' AND claim.test = $3
  AND (claim.next_promise AND claim.served_at IS NULL AND claim.next_at <= $2 OR claim.answer_by IS NOT NULL)
LIMIT 1
"""


async def worth_a_pull(tx: ReadTx, policy: Policy, rep_id: RepId, desk: str, *, test: bool) -> bool:
    """Tell, locking nothing, whether a pull would answer anything but `Empty`: what a pull that waits looks at."""
    rep = await reps.find(tx, rep_id)
    if rep is None or not rep.is_present(tx.now):
        return True
    queues = _queues(policy, rep, desk)
    if not queues or await driver(tx).fetchrow(PROMISE_DUE_SQL, rep.id, tx.now, test):
        return True
    if await covering.is_due(tx, rep, test=test):
        return True
    if await covering.is_due(tx, rep, test=test):
        return True
    free, _ = await room(tx, rep, queues, test=test)
    return not free or bool(await _heads(tx, rep, free, test=test))


async def _next(
    tx: Tx, stories: Stories, policy: Policy, rep: Rep, queues: Sequence[Queue], *, test: bool
) -> Given | Full | Empty | Busy:
    free, full = await room(tx, rep, queues, test=test)
    if not free:
        assert full is not None
        return Full(full)
    while heads := await _heads(tx, rep, free, test=test):
        item = await _take(tx, stories, policy, rep, free, heads, test=test)
        if item is None:
            return Busy()
        if await suppressions.channels(tx, item.lead_id):
            return Given(Why.NEXT, await grant(tx, stories, policy, rep, item))
        await suppressions.close_suppressed(tx, stories, [item.lead_id])
    return Empty(tuple(queue.name for queue in queues))


def _queues(policy: Policy, rep: Rep, desk: str) -> list[Queue]:
    return [policy.queues[name] for name in rep.queues if name in policy.queues and desk_of(name) == desk]


HELD_SQL = """
SELECT claim.queue, claim.next_at FROM routing.claims AS claim
WHERE claim.rep_id = $1 AND claim.state = 'active' AND NOT claim.test AND claim.queue = ANY ($2::text[])
"""


async def room(tx: ReadTx, rep: Rep, queues: Sequence[Queue], *, test: bool) -> tuple[list[Queue], LimitReached | None]:
    """The queues in which the rep is below the limits, and the first limit that is reached. Test items have none."""
    if test:
        return list(queues), None
    rows = await driver(tx).fetch(HELD_SQL, rep.id, [queue.name for queue in queues])
    by = {queue.name: held((row["next_at"] for row in rows if row["queue"] == queue.name), tx.now) for queue in queues}
    limits = [(queue, reached(queue, by[queue.name])) for queue in queues]
    full = next((limit for _, limit in limits if limit is not None), None)
    return [queue for queue, limit in limits if limit is None], full


class _Head(NamedTuple):
    """The first item of a queue that a rep may have, or of its pool, where the queue has none.

    `reserved`: one in the queue is reserved for the rep.
    """

    rank_at: datetime
    id: str
    queue: str
    pooled: bool
    reserved: bool


HEADS_SQL = """
SELECT coalesce(ready.rank_at, pooled.rank_at) AS rank_at, coalesce(ready.id, pooled.id) AS id, queue.name AS queue,
  ready.id IS NULL AS pooled,
  EXISTS (
    SELECT FROM routing.items AS item
    WHERE item.reserved_for = $3 AND item.state = 'queued' AND item.reserved_until > $4 AND item.test = $2
      AND item.queue = queue.name AND NOT item.out_of_hours AND $3 <> ALL (item.returned_by)
  ) AS reserved
FROM unnest($1::text[]) AS queue (name)
LEFT JOIN LATERAL (
  SELECT item.rank_at, item.id FROM routing.items AS item
  WHERE item.queue = queue.name AND item.test = $2 AND item.state = 'queued' AND $3 <> ALL (item.returned_by)
    AND NOT item.out_of_hours
    AND (item.reserved_for IS NULL OR item.reserved_for = $3 OR item.reserved_until <= $4)
  ORDER BY item.rank_at, item.id LIMIT 1
) AS ready ON true
LEFT JOIN LATERAL (
  SELECT item.rank_at, item.id FROM routing.items AS item
  WHERE ready.id IS NULL AND queue.name = ANY ($5::text[])
    AND item.queue = queue.name AND item.test = $2 AND item.state = 'pooled' AND $3 <> ALL (item.returned_by)
    AND NOT item.out_of_hours
  ORDER BY item.rank_at, item.id LIMIT 1
) AS pooled ON true
WHERE ready.id IS NOT NULL OR pooled.id IS NOT NULL
"""


async def _heads(tx: ReadTx, rep: Rep, queues: Sequence[Queue], *, test: bool) -> list[_Head]:
    """The heads of these queues, in order; what others have locked just now is among them."""
    names, pools = [queue.name for queue in queues], [queue.name for queue in queues if queue.release is not None]
    rows = await driver(tx).fetch(HEADS_SQL, names, test, rep.id, tx.now, pools)
    return sorted(_Head(**row) for row in rows)


TAKE_RESERVED_SQL = f"""
SELECT {_ITEM} FROM routing.items AS item JOIN routing.leads AS lead ON lead.id = item.lead_id
WHERE item.reserved_for = $3 AND item.state = 'queued' AND item.reserved_until > $4 AND item.test = $2
  AND item.queue = ANY ($1::text[]) AND NOT item.out_of_hours AND $3 <> ALL (item.returned_by)
ORDER BY item.rank_at, item.id LIMIT 1
FOR UPDATE OF lead, item SKIP LOCKED
"""  # noqa: S608 - the columns are ours
TAKE_SQL = f"""
WITH head AS MATERIALIZED (
  SELECT first.id, first.rank_at FROM unnest($1::text[]) AS queue (name)
  CROSS JOIN LATERAL (
    SELECT item.id, item.rank_at FROM routing.items AS item
    WHERE item.queue = queue.name AND item.test = $2 AND item.state = 'queued' AND $3 <> ALL (item.returned_by)
      AND NOT item.out_of_hours
      AND (item.reserved_for IS NULL OR item.reserved_for = $3 OR item.reserved_until <= $4) AND item.rank_at >= $6
    ORDER BY item.rank_at, item.id LIMIT $5
  ) AS first
  ORDER BY first.rank_at, first.id LIMIT $5
)
SELECT {_ITEM} FROM head
JOIN routing.items AS item ON item.id = head.id
JOIN routing.leads AS lead ON lead.id = item.lead_id
WHERE item.state = 'queued' AND item.queue = ANY ($1::text[]) AND $3 <> ALL (item.returned_by)
  AND (item.reserved_for IS NULL OR item.reserved_for = $3 OR item.reserved_until <= $4)
ORDER BY head.rank_at, head.id LIMIT 1
FOR UPDATE OF lead, item SKIP LOCKED
"""  # noqa: S608 - the columns are ours


async def _take(
    tx: Tx,
    stories: Stories,
    policy: Policy,
    rep: Rep,
    queues: Sequence[Queue],
    heads: Sequence[_Head],
    *,
    test: bool,
) -> Item | None:
    """Lock a queued item with its lead: reserved for the rep, else the first in order. None: others have it locked."""
    names = [queue.name for queue in queues]
    row = None
    if any(head.reserved for head in heads):
        row = await driver(tx).fetchrow(TAKE_RESERVED_SQL, names, test, rep.id, tx.now)
    if row is None and heads[0].pooled:
        best = next(queue for queue in queues if queue.name == heads[0].queue)
        if released := await pool.release_for(tx, stories, policy, best, rep.id, test=test):
            return released
    if row is None:
        # From the first head on: dead rows lie before it, where an old snapshot holds them, and were gone over already.
        first = min((head.rank_at for head in heads if not head.pooled), default=EARLIEST)
        row = await driver(tx).fetchrow(TAKE_SQL, names, test, rep.id, tx.now, CANDIDATES, first)
    return None if row is None else Item.of(dict(row))


GRANT_SQL = f"""
WITH taken AS (
  UPDATE routing.items
  SET state = 'claimed', token = token + 1, reserved_for = NULL, reserved_until = NULL, reserved_why = NULL,
    carried_from = NULL
  WHERE id = $2 AND state = 'queued'
  RETURNING id, lead_id, queue, token, test
)
INSERT INTO routing.claims AS claim
  (id, item_id, lead_id, rep_id, queue, token, state, why, exception, test, granted_at, expires_at)
SELECT $1, taken.id, taken.lead_id, $3, taken.queue, taken.token, 'active', $4, $5, taken.test, $6, $7 FROM taken
RETURNING {_CLAIM}
"""  # noqa: S608 - the columns are ours


async def grant(tx: Tx, stories: Stories, policy: Policy, rep: Rep, item: Item, *, why: Why = Why.NEXT) -> Claim:
    """Claim an item that is locked with its lead."""
    story = await stories.lock(item.lead_id)
    reserved = item.reserved_for == rep.id and item.reserved_until is not None and item.reserved_until > tx.now
    exception = Exempt(item.reserved_why) if reserved and item.reserved_why else None
    ends_at = expires_at(
        policy.queues[item.queue],
        granted_at=tx.now,
        meetings=await opportunities.booked_meetings(tx, item.opportunity_id),
    )
    claim_id = mint("clm", tx.now)
    said = exception and exception.value
    row = await driver(tx).fetchrow(GRANT_SQL, claim_id, item.id, rep.id, why.value, said, tx.now, ends_at)
    assert row is not None, "it is queued, and locked"
    claim = Claim.of(dict(row))
    if item.carried_from is not None:
        claim = await holding.go_on(tx, policy, claim, item, served=why is Why.PROMISE_DUE)
    actor = Actor(kind=Role.REP, id=rep.id)
    if item.kind in items.LEAD_KINDS:
        story.move(Act.CLAIM, actor, queue=item.queue)
    if item.kind == ItemKind.OPPORTUNITY and item.opportunity_id is not None:
        await opportunities.change(tx, item.opportunity_id, closer=rep.id)
    story.tell(holding.claimed(item, claim, why, exception), actor)
    return claim


TAKE_PROMISE_SQL = f"""
SELECT {_CLAIM} FROM routing.claims AS claim
JOIN routing.items AS item ON item.id = claim.item_id
JOIN routing.leads AS lead ON lead.id = claim.lead_id
WHERE claim.rep_id = $1 AND claim.state = 'active' AND claim.test = $3
  AND (claim.next_promise AND claim.served_at IS NULL AND claim.next_at <= $2 OR claim.answer_by IS NOT NULL)
ORDER BY claim.answer_by NULLS FIRST, claim.next_at, claim.id LIMIT 1
FOR UPDATE OF lead, item, claim SKIP LOCKED
"""  # noqa: S608 - the columns are ours


async def _owed(tx: Tx, stories: Stories, policy: Policy, rep: Rep, *, test: bool) -> Given | None:
    """What is the rep's already, at whichever desk: the promise that came due first, else who was handed over live.

    Each is given once.
    """
    row = await driver(tx).fetchrow(TAKE_PROMISE_SQL, rep.id, tx.now, test)
    if row is None:
        return None
    claim = Claim.of(dict(row))
    item = await items.lock(tx, claim.item_id)
    assert item is not None
    story = await stories.lock(claim.lead_id)
    if claim.answer_by is not None:
        answered = {"answer_by": None, "heartbeat_at": tx.now}
        return Given(Why.LIVE, await holding.extend(tx, policy, claim, item.opportunity_id, **answered))
    claim = await holding.write(tx, claim, served_at=tx.now, exception=Exempt.PROMISE.value)
    told = holding.claimed(item, claim, Why.PROMISE_DUE, Exempt.PROMISE)
    story.tell(told, Actor(kind=Role.REP, id=rep.id))
    return Given(Why.PROMISE_DUE, claim)


async def _of_covered(tx: Tx, stories: Stories, policy: Policy, rep: Rep, *, test: bool) -> Given | None:
    """The promise that came due first of those whom this rep covers, under a claim of their own."""
    item = await covering.take_due(tx, stories, rep, test=test)
    if item is None:
        return None
    return Given(Why.PROMISE_DUE, await grant(tx, stories, policy, rep, item, why=Why.PROMISE_DUE))
