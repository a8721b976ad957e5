"""Claims: the pull, which grants them. Hand-written SQL on the driver; it spells states out, as partial indexes need.

A pull locks its rep's row first, so that two of one rep never pass a limit together, then takes an item and its lead
together by SKIP LOCKED, the lead first, lest it keep a lock on what is another's: it waits for no lead and no item
(law 14).
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from router.leases import expires_at
from router.lifecycle import Act
from router.limits import LimitReached
from router.policy.compiled import Policy, Queue
from schemas.events.lifecycle import ItemClaimed
from schemas.events.stamp import Actor
from schemas.words import Exempt, ItemKind, RepId, Role, Why, desk_of
from services.runtime.hot import driver
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import heads, holding, items, opportunities, pool, pullkeys, reps, suppressions, taking
from services.store.heads import Head, Look
from services.store.items import Claim, Item
from services.store.pulled import Away, Busy, Elsewhere, Empty, Ended, Full, Given, Pulled
from services.store.reps import Rep
from services.store.story import Stories, Story

_CLAIM = ", ".join(f"claim.{column.name}" for column in fields(Claim))
_REP = ", ".join(f"rep.{column.name}" for column in fields(Rep))


LOCK_REP_SQL = f"SELECT {_REP} FROM routing.reps AS rep WHERE rep.id = $1 FOR UPDATE"  # noqa: S608 - the columns are ours


async def pull(
    tx: Tx, stories: Stories, policy: Policy, rep_id: RepId, desk: str, *, test: bool = False, key: str | None = None
) -> Pulled:
    """Give a rep the next thing: a promise that is due, else what is reserved for them, else the first in order.

    Under a `key` it gives the same live claim again. A queue that has nothing for this rep gives from its pool.
    """
    row = await driver(tx).fetchrow(LOCK_REP_SQL, rep_id)
    if row is None:
        return Elsewhere()
    rep = Rep.of(dict(row))
    if key is not None and (kept := await pullkeys.kept(tx, rep.id, desk, key)) is not None:
        why, claim = kept
        return Given(why, claim) if claim.ended_at is None else Ended(claim)
    queues = _queues(policy, rep, desk)
    if not queues:
        return Elsewhere()
    if not rep.is_present(tx.now):
        return Away(rep.away_until)
    seen = await heads.look(tx, rep.id, queues, test=test)
    given = await _promise(tx, stories, rep, test=test) if seen.promise else None
    found: Pulled
    if given is not None:
        found = Given(Why.PROMISE_DUE, given)
    else:
        found = await _next(tx, stories, policy, rep, queues, seen, test=test)
    if key is not None and isinstance(found, Given):
        await pullkeys.keep(tx, rep.id, desk, key, found.claim, found.why)
    return found


async def worth_a_pull(tx: ReadTx, policy: Policy, rep_id: RepId, desk: str, *, test: bool) -> bool:
    """Tell, locking nothing, whether a pull would answer anything but `Empty`: what a pull that waits looks at."""
    rep = await reps.find(tx, rep_id)
    if rep is None or not rep.is_present(tx.now):
        return True
    queues = _queues(policy, rep, desk)
    if not queues:
        return True
    seen = await heads.look(tx, rep.id, queues, test=test)
    room, _ = _room(seen, queues, tx.now, test=test)
    return seen.promise or not room or bool(_among(seen, room))


async def _next(
    tx: Tx, stories: Stories, policy: Policy, rep: Rep, queues: Sequence[Queue], seen: Look, *, test: bool
) -> Given | Full | Empty | Busy:
    room, full = _room(seen, queues, tx.now, test=test)
    if not room:
        assert full is not None
        return Full(full)
    while lie := _among(seen, room):
        taken = await _take(tx, stories, policy, rep, room, lie, test=test)
        if taken is None:
            return Busy()
        if isinstance(taken, Claim):
            return Given(Why.NEXT, taken)
        if await suppressions.channels(tx, taken.lead_id):
            return Given(Why.NEXT, await _grant(tx, stories, policy, rep, taken))
        await suppressions.close_suppressed(tx, stories, [taken.lead_id])
        seen = await heads.look(tx, rep.id, queues, test=test)
    return Empty(tuple(queue.name for queue in queues))


def _queues(policy: Policy, rep: Rep, desk: str) -> list[Queue]:
    return [policy.queues[name] for name in rep.queues if name in policy.queues and desk_of(name) == desk]


def _room(seen: Look, queues: Sequence[Queue], now: datetime, *, test: bool) -> tuple[list[Queue], LimitReached | None]:
    """The queues in which the rep is below the limits, and the first limit that is reached. Test items have none."""
    return (list(queues), None) if test else seen.room(queues, now)


def _among(seen: Look, queues: Sequence[Queue]) -> list[Head]:
    names = {queue.name for queue in queues}
    return [head for head in seen.heads if head.queue in names]


async def _take(
    tx: Tx, stories: Stories, policy: Policy, rep: Rep, queues: Sequence[Queue], lie: Sequence[Head], *, test: bool
) -> Item | Claim | None:
    """Lock a queued item with its lead: reserved for the rep, else the first in order; claimed, where that is plain.

    None: others have it locked.
    """
    if any(head.reserved for head in lie) and (item := await taking.reserved(tx, rep.id, queues, test=test)):
        return item
    if lie[0].pooled:
        best = next(queue for queue in queues if queue.name == lie[0].queue)
        if released := await pool.release_for(tx, stories, policy, best, rep.id, test=test):
            return released
    taken = await taking.first(tx, stories, rep.id, queues, [head for head in lie if not head.pooled], test=test)
    if taken is None or taken.claim is None:
        return taken and taken.item
    await _granted(tx, taken.story, rep, taken.item, taken.claim)
    return taken.claim


GRANT_SQL = f"""
WITH taken AS (
  UPDATE routing.items
  SET state = 'claimed', token = token + 1, reserved_for = NULL, reserved_until = NULL, reserved_why = NULL
  WHERE id = $2 AND state = 'queued'
  RETURNING id, lead_id, queue, token, test
)
INSERT INTO routing.claims AS claim
  (id, item_id, lead_id, rep_id, queue, token, state, why, exception, test, granted_at, expires_at)
SELECT $1, taken.id, taken.lead_id, $3, taken.queue, taken.token, 'active', $4, $5, taken.test, $6, $7 FROM taken
RETURNING {_CLAIM}
"""  # noqa: S608 - the columns are ours


async def _grant(tx: Tx, stories: Stories, policy: Policy, rep: Rep, item: Item) -> Claim:
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
    row = await driver(tx).fetchrow(GRANT_SQL, claim_id, item.id, rep.id, Why.NEXT.value, said, tx.now, ends_at)
    assert row is not None, "it is queued, and locked"
    claim = Claim.of(dict(row))
    await _granted(tx, story, rep, item, claim)
    return claim


async def _granted(tx: Tx, story: Story, rep: Rep, item: Item, claim: Claim) -> None:
    """What follows for lead and opportunity of a claim that was granted on an item, `item` as it lay in the queue."""
    actor = Actor(kind=Role.REP, id=rep.id)
    if item.kind in items.LEAD_KINDS:
        story.move(Act.CLAIM, actor, queue=item.queue)
    if item.kind == ItemKind.OPPORTUNITY and item.opportunity_id is not None:
        await opportunities.change(tx, item.opportunity_id, closer=rep.id)
    exception = None if claim.exception is None else Exempt(claim.exception)
    story.tell(_told(item, claim, Why.NEXT, exception), actor)


TAKE_PROMISE_SQL = f"""
SELECT {_CLAIM} FROM routing.claims AS claim
JOIN routing.items AS item ON item.id = claim.item_id
JOIN routing.leads AS lead ON lead.id = claim.lead_id
WHERE claim.rep_id = $1 AND claim.state = 'active' AND claim.next_promise AND claim.served_at IS NULL
  AND claim.next_at <= $2 AND claim.test = $3
ORDER BY claim.next_at, claim.id LIMIT 1
FOR UPDATE OF lead, item, claim SKIP LOCKED
"""  # noqa: S608 - the columns are ours


async def _promise(tx: Tx, stories: Stories, rep: Rep, *, test: bool) -> Claim | None:
    """Serve the promise of the rep's that came due first, at whichever desk; once for each promise."""
    row = await driver(tx).fetchrow(TAKE_PROMISE_SQL, rep.id, tx.now, test)
    if row is None:
        return None
    claim = Claim.of(dict(row))
    item = await items.lock(tx, claim.item_id)
    assert item is not None
    story = await stories.lock(claim.lead_id)
    claim = await holding.write(tx, claim, served_at=tx.now, exception=Exempt.PROMISE.value)
    story.tell(_told(item, claim, Why.PROMISE_DUE, Exempt.PROMISE), Actor(kind=Role.REP, id=rep.id))
    return claim


def _told(item: Item, claim: Claim, why: Why, exception: Exempt | None) -> ItemClaimed:
    return ItemClaimed(
        **items.of_item(item),
        claim_id=claim.id,
        rep_id=claim.rep_id,
        token=claim.token,
        why=why,
        exception=exception,
    )
