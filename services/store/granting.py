"""Granting: an item that is locked with its lead becomes a rep's. Hand-written SQL on the driver."""

from router.leases import expires_at
from router.lifecycle import Act
from router.policy.compiled import Policy
from schemas.events.stamp import Actor
from schemas.words import Exempt, ItemKind, Role, Why
from services.runtime.hot import driver
from services.runtime.ids import mint
from services.runtime.tx import Tx
from services.store import holding, items, opportunities
from services.store import tables as t
from services.store.items import Claim, Item
from services.store.reps import Rep
from services.store.story import Stories, Story

_CLAIM = ", ".join(f"claim.{column.name}" for column in t.claims.columns)
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
    """Claim an item that is locked with its lead; what was under way under its last claim goes on."""
    story = await stories.lock(item.lead_id)
    reserved = item.reserved_for == rep.id and item.reserved_until is not None and item.reserved_until > tx.now
    said = item.reserved_why if reserved else None
    ends_at = expires_at(
        policy.queues[item.queue],
        granted_at=tx.now,
        meetings=await opportunities.booked_meetings(tx, item.opportunity_id),
    )
    claim_id = mint("clm", tx.now)
    row = await driver(tx).fetchrow(GRANT_SQL, claim_id, item.id, rep.id, why.value, said, tx.now, ends_at)
    assert row is not None, "it is queued, and locked"
    claim = Claim.of(dict(row))
    if item.carried_from is not None:
        claim = await holding.go_on(tx, policy, claim, item, served=why is Why.PROMISE_DUE)
    await granted(tx, story, rep, item, claim)
    return claim


async def granted(tx: Tx, story: Story, rep: Rep, item: Item, claim: Claim) -> None:
    """What follows for lead and opportunity of a claim that was granted on an item, `item` as it lay in the queue."""
    actor = Actor(kind=Role.REP, id=rep.id)
    if item.kind in items.LEAD_KINDS:
        story.move(Act.CLAIM, actor, queue=item.queue)
    if item.kind == ItemKind.OPPORTUNITY and item.opportunity_id is not None:
        await opportunities.change(tx, item.opportunity_id, closer=rep.id)
    exception = None if claim.exception is None else Exempt(claim.exception)
    story.tell(holding.claimed(item, claim, Why(claim.why), exception), actor)
