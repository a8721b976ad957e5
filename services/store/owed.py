"""Owed: what is a rep's already, which a pull gives first. Hand-written SQL on the driver."""

from router.policy.compiled import Policy
from schemas.events.stamp import Actor
from schemas.words import Exempt, Role, Why
from services.runtime.hot import driver
from services.runtime.tx import Tx
from services.store import covering, granting, holding, items
from services.store import tables as t
from services.store.items import Claim
from services.store.pulled import Given
from services.store.reps import Rep
from services.store.story import Stories

_CLAIM = ", ".join(f"claim.{column.name}" for column in t.claims.columns)
_LOCKED = f"""
SELECT {_CLAIM} FROM routing.claims AS claim
JOIN routing.items AS item ON item.id = claim.item_id
JOIN routing.leads AS lead ON lead.id = claim.lead_id
"""  # noqa: S608 - the columns are ours
TAKE_PROMISE_SQL = f"""
{_LOCKED}
WHERE claim.rep_id = $1 AND claim.state = 'active' AND claim.next_promise AND claim.served_at IS NULL
  AND claim.next_at <= $2 AND claim.test = $3
ORDER BY claim.next_at, claim.id LIMIT 1
FOR UPDATE OF lead, item, claim SKIP LOCKED
"""
TAKE_LIVE_SQL = f"""
{_LOCKED}
WHERE claim.rep_id = $1 AND claim.state = 'active' AND claim.answer_by IS NOT NULL AND claim.test = $2
ORDER BY claim.answer_by, claim.id LIMIT 1
FOR UPDATE OF lead, item, claim SKIP LOCKED
"""


async def promise(tx: Tx, stories: Stories, rep: Rep, *, test: bool) -> Given | None:
    """The promise of the rep's that came due first, at whichever desk; once for each promise."""
    row = await driver(tx).fetchrow(TAKE_PROMISE_SQL, rep.id, tx.now, test)
    if row is None:
        return None
    claim = Claim.of(dict(row))
    item = await items.lock(tx, claim.item_id)
    assert item is not None
    story = await stories.lock(claim.lead_id)
    claim = await holding.write(tx, claim, served_at=tx.now, exception=Exempt.PROMISE.value)
    told = holding.claimed(item, claim, Why.PROMISE_DUE, Exempt.PROMISE)
    story.tell(told, Actor(kind=Role.REP, id=rep.id))
    return Given(Why.PROMISE_DUE, claim)


async def live(tx: Tx, stories: Stories, policy: Policy, rep: Rep, *, test: bool) -> Given | None:
    """The buyer who was handed over to the rep, and whom no pull has given them yet; from now on as any claim."""
    row = await driver(tx).fetchrow(TAKE_LIVE_SQL, rep.id, test)
    if row is None:
        return None
    claim = Claim.of(dict(row))
    item = await items.lock(tx, claim.item_id)
    assert item is not None
    await stories.lock(claim.lead_id)
    answered = {"answer_by": None, "heartbeat_at": tx.now}
    return Given(Why.LIVE, await holding.extend(tx, policy, claim, item.opportunity_id, **answered))


async def covered(tx: Tx, stories: Stories, policy: Policy, rep: Rep, *, test: bool) -> Given | None:
    """The promise that came due first of those whom this rep covers, under a claim of their own."""
    item = await covering.take_due(tx, stories, policy, rep, test=test)
    if item is None:
        return None
    return Given(Why.PROMISE_DUE, await granting.grant(tx, stories, policy, rep, item, why=Why.PROMISE_DUE))
