"""Live hand-over: a buyer is on the line, and the one who waits for work takes them now."""

from datetime import timedelta

from router.policy.compiled import Policy, Queue
from schemas.words import ItemId, Why, desk_of
from services.runtime.tx import Tx
from services.store import granting, heads, holding, items, reps, waiting
from services.store.items import Claim
from services.store.reps import Rep
from services.store.story import Stories

ANSWER_WITHIN = timedelta(seconds=20)
"""How long it is theirs before a pull has given it to them: it does so at once, unless their end has gone."""


async def taker(tx: Tx, queue: Queue, *, test: bool) -> Rep | None:
    """Who has waited longest on a queue, is there, has its skills and is below its limits; locked.

    One whose pull is at work just then is passed over: it is about to get something.
    """
    for waits in await waiting.longest(tx, queue.name, test=test):
        rep = await reps.lock_free(tx, waits)
        if rep is not None and await _may_take(tx, rep, queue, test=test):
            return rep
    return None


async def _may_take(tx: Tx, rep: Rep, queue: Queue, *, test: bool) -> bool:
    if not rep.is_present(tx.now) or queue.name not in rep.queues or not rep.has(queue.skills):
        return False
    room, _ = (await heads.look(tx, rep.id, [queue], test=test)).room([queue], tx.now)
    return bool(room)


async def take(tx: Tx, stories: Stories, policy: Policy, rep: Rep, item: ItemId) -> Claim:
    """Claim an item that is reserved for a rep who waits, both locked, with its lead; their pull gives it at once.

    Until it has, the claim lasts for `ANSWER_WITHIN` alone: then the item is anyone's.
    """
    locked = await items.lock(tx, item)
    assert locked is not None, "it was just made"
    claim = await granting.grant(tx, stories, policy, rep, locked, why=Why.LIVE)
    await waiting.over(tx, rep.id, desk_of(locked.queue).value, test=locked.test)
    until = tx.now + ANSWER_WITHIN
    tx.wake(f"rep:{rep.id}")
    return await holding.write(tx, claim, answer_by=until, expires_at=until)
