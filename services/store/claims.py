"""Claims: the pull, which grants them. Hand-written SQL on the driver; it spells states out, as partial indexes need.

A pull locks its rep's row first, so that two of one rep never pass a limit together, then takes an item and its lead
together by SKIP LOCKED, the lead first, lest it keep a lock on what is another's: it waits for no lead and no item
(law 14).
"""

from collections.abc import Sequence
from dataclasses import fields

from router.policy.compiled import Policy, Queue
from schemas.words import Presence, RepId, Why, desk_of
from services.runtime.hot import driver
from services.runtime.tx import ReadTx, Tx
from services.store import covering, granting, heads, hours, owed, pool, pullkeys, reps, suppressions, taking
from services.store.heads import Head, Look
from services.store.items import Claim, Item
from services.store.pulled import Away, Busy, Elsewhere, Empty, Ended, Full, Given, Left, Pulled
from services.store.reps import Rep
from services.store.story import Stories

_REP = ", ".join(f"rep.{column.name}" for column in fields(Rep))


LOCK_REP_SQL = f"SELECT {_REP} FROM routing.reps AS rep WHERE rep.id = $1 FOR UPDATE"  # noqa: S608 - the columns are ours


async def pull(
    tx: Tx, stories: Stories, policy: Policy, rep_id: RepId, desk: str, *, test: bool = False, key: str | None = None
) -> Pulled:
    """Give a rep the next thing: a promise that is due, a live hand-over, what is reserved, the first in order.

    Under a `key` it gives the same live claim again. A queue that has nothing for this rep gives from its pool. A desk
    that has nothing gives from where its queues say to look then.

    A pull gives one thing. So an exception is debited where it is given: a promise or what is reserved takes the place
    of what this pull would have given blind, and fills the room that it would have filled under the limits.
    """
    row = await driver(tx).fetchrow(LOCK_REP_SQL, rep_id)
    if row is None:
        return Elsewhere()
    rep = Rep.of(dict(row))
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
    seen = await heads.look(tx, rep.id, [*queues, *_dry(policy, rep, queues)], test=test)
    mine = await _owed(tx, stories, policy, rep, seen, test=test)
    found: Pulled = mine or await _next(tx, stories, policy, rep, queues, seen, test=test)
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
    dry = _dry(policy, rep, queues)
    seen = await heads.look(tx, rep.id, [*queues, *dry], test=test)
    if seen.owed or await covering.is_due(tx, policy, rep, test=test):
        return True
    able = _able(rep, queues)
    room, _ = seen.room(able, tx.now)
    return bool((able and not room) or _among(seen, room) or _among(seen, seen.room(dry, tx.now)[0]))


async def _owed(tx: Tx, stories: Stories, policy: Policy, rep: Rep, seen: Look, *, test: bool) -> Given | None:
    promise = await owed.promise(tx, stories, rep, test=test) if seen.owed else None
    promise = promise or await owed.covered(tx, stories, policy, rep, test=test)
    return promise or (await owed.live(tx, stories, policy, rep, test=test) if seen.owed else None)


async def _next(
    tx: Tx, stories: Stories, policy: Policy, rep: Rep, queues: Sequence[Queue], seen: Look, *, test: bool
) -> Given | Full | Empty | Busy:
    able, dry = _able(rep, queues), _dry(policy, rep, queues)
    room, full = seen.room(able, tx.now)
    if full is not None and not room:
        return Full(full)
    for part in (room, seen.room(dry, tx.now)[0]):
        while lie := _among(seen, part):
            taken = await _take(tx, stories, policy, rep, part, lie, test=test)
            if taken is None:
                return Busy()
            if isinstance(taken, Claim):
                return Given(Why.NEXT, taken)
            if not await suppressions.channels(tx, taken.lead_id):
                await suppressions.close_suppressed(tx, stories, [taken.lead_id])
            elif await hours.may_disturb(tx, policy, taken):
                return Given(Why.NEXT, await granting.grant(tx, stories, policy, rep, taken))
            seen = await heads.look(tx, rep.id, [*queues, *dry], test=test)
    return Empty(tuple(queue.name for queue in (*queues, *dry)))


def _queues(policy: Policy, rep: Rep, desk: str) -> list[Queue]:
    return [policy.queues[name] for name in rep.queues if name in policy.queues and desk_of(name) == desk]


def _able(rep: Rep, queues: Sequence[Queue]) -> list[Queue]:
    """Those of these queues whose skills the rep has."""
    return [queue for queue in queues if rep.has(queue.skills)]


def _dry(policy: Policy, rep: Rep, queues: Sequence[Queue]) -> list[Queue]:
    """Where to look when these queues have nothing: of where they say, the queues that are the rep's."""
    names = {queue.when_empty: None for queue in _able(rep, queues)}
    return _able(rep, [policy.queues[name] for name in rep.queues if name in names and name in policy.queues])


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
    await granting.granted(tx, taken.story, rep, taken.item, taken.claim)
    return taken.claim
