"""Claims: the pull, which grants them. Hand-written SQL on the driver; it spells states out, as partial indexes need.

A pull locks its rep's row first, so that two of one rep never pass a limit together, then takes an item and its lead
together by SKIP LOCKED, the lead first, lest it keep a lock on what is another's: it waits for no lead and no item
(law 14).
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import asyncpg
from sqlalchemy import Table

from router.leases import expires_at
from router.policy.compiled import Policy, Queue
from schemas.api.values import EARLIEST
from schemas.words import Presence, RepId, Why, desk_of
from services.runtime.hot import driver
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import covering, granting, heads, hours, owed, pool, pullkeys, reps, suppressions
from services.store import tables as t
from services.store.heads import Head, Look
from services.store.items import Claim, Item
from services.store.pulled import Away, Busy, Elsewhere, Empty, Ended, Full, Given, Left, Pulled
from services.store.reps import Rep
from services.store.story import Stories

_ITEM = ", ".join(f"item.{column.name}" for column in fields(Item))
_CLAIM = ", ".join(f"claim.{column.name}" for column in t.claims.columns)
_CLAIMED = ", ".join(f'claim.{column.name} AS "claim.{column.name}"' for column in t.claims.columns)
_LEAD = ", ".join(f'lead.{column.name} AS "lead.{column.name}"' for column in t.leads.columns)
_REP = ", ".join(f"rep.{column.name}" for column in fields(Rep))
CANDIDATES = 32
"""How many heads of a queue one look takes in: more than pulls are under way on one queue at a time."""


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
    if seen.owed or await covering.is_due(tx, rep, test=test):
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


TAKE_RESERVED_SQL = f"""
SELECT {_ITEM} FROM routing.items AS item JOIN routing.leads AS lead ON lead.id = item.lead_id
WHERE item.reserved_for = $3 AND item.state = 'queued' AND item.reserved_until > $4 AND item.test = $2
  AND item.queue = ANY ($1::text[]) AND NOT item.out_of_hours AND $3 <> ALL (item.returned_by)
ORDER BY item.rank_at, item.id LIMIT 1
FOR UPDATE OF lead, item SKIP LOCKED
"""  # noqa: S608 - the columns are ours
# Takes the first with its lead, and claims it at once where nothing speaks against that: its person has no opt-out and
# may be reached, at any hour; no meeting is booked, which would let the claim run for longer; nothing is under way.
# Else it is taken, and looked at.
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
), found AS MATERIALIZED (
  SELECT {_ITEM}, {_LEAD} FROM head
  JOIN routing.items AS item ON item.id = head.id
  JOIN routing.leads AS lead ON lead.id = item.lead_id
  WHERE item.state = 'queued' AND item.queue = ANY ($1::text[]) AND $3 <> ALL (item.returned_by)
    AND (item.reserved_for IS NULL OR item.reserved_for = $3 OR item.reserved_until <= $4)
  ORDER BY head.rank_at, head.id LIMIT 1
  FOR UPDATE OF lead, item SKIP LOCKED
), taken AS (
  UPDATE routing.items AS item
  SET state = 'claimed', token = item.token + 1, reserved_for = NULL, reserved_until = NULL, reserved_why = NULL
  FROM found JOIN routing.lead_details AS said ON said.lead_id = found.lead_id
  WHERE item.id = found.id AND item.state = 'queued' AND item.carried_from IS NULL AND item.queue <> ALL ($10::text[])
    AND (said.contact ->> 'email' <> '' AND said.contact ->> 'email_valid' = 'true'
      OR said.contact ->> 'phone' <> '' AND said.contact ->> 'phone_valid' = 'true'
      OR said.contact ->> 'profile_url' <> '' AND said.contact ->> 'profile_valid' = 'true')
    AND NOT EXISTS (
      SELECT FROM routing.identity_persons AS theirs
      JOIN routing.suppressions AS closed ON closed.kind = theirs.kind AND closed.digest = theirs.digest
      WHERE theirs.person_id = found."lead.person_id"
    )
    AND NOT EXISTS (
      SELECT FROM routing.meetings AS meeting
      WHERE meeting.opportunity_id = found.opportunity_id AND meeting.state = 'booked'
    )
  RETURNING item.id, item.lead_id, item.queue, item.token, item.test
), claim AS (
  INSERT INTO routing.claims AS claim
    (id, item_id, lead_id, rep_id, queue, token, state, why, test, granted_at, expires_at)
  SELECT $7, taken.id, taken.lead_id, $3, taken.queue, taken.token, 'active', $8, taken.test, $4, ends.ends_at
  FROM taken JOIN unnest($1::text[], $9::timestamptz[]) AS ends (queue, ends_at) ON ends.queue = taken.queue
  RETURNING {_CLAIM}
)
SELECT found.*, {_CLAIMED} FROM found LEFT JOIN claim ON true
"""  # noqa: S608 - the columns are ours


async def _take(
    tx: Tx,
    stories: Stories,
    policy: Policy,
    rep: Rep,
    queues: Sequence[Queue],
    lie: Sequence[Head],
    *,
    test: bool,
) -> Item | Claim | None:
    """Lock a queued item with its lead: reserved for the rep, else the first in order; claimed, where that is plain.

    None: others have it locked.
    """
    names = [queue.name for queue in queues]
    row = None
    if any(head.reserved for head in lie):
        row = await driver(tx).fetchrow(TAKE_RESERVED_SQL, names, test, rep.id, tx.now)
    if row is not None:
        return Item.of(dict(row))
    if lie[0].pooled:
        best = next(queue for queue in queues if queue.name == lie[0].queue)
        if released := await pool.release_for(tx, stories, policy, best, rep.id, test=test):
            return released
    # From the first head on: dead rows lie before it, where an old snapshot holds them, and were gone over already.
    first = min((head.rank_at for head in lie if not head.pooled), default=EARLIEST)
    claim_id, ends = mint("clm", tx.now), [expires_at(queue, granted_at=tx.now) for queue in queues]
    by_hours = [queue.name for queue in queues if queue.person_hours is not None]
    row = await driver(tx).fetchrow(
        TAKE_SQL, names, test, rep.id, tx.now, CANDIDATES, first, claim_id, Why.NEXT.value, ends, by_hours
    )
    if row is None:
        return None
    story, item = stories.take(_part(row, "lead.", t.leads)), Item.of(dict(row))
    if row["claim.id"] is None:
        return item
    claim = Claim.of(_part(row, "claim.", t.claims))
    await granting.granted(tx, story, rep, item, claim)
    return claim


def _part(row: "asyncpg.Record", prefix: str, table: Table) -> dict[str, Any]:
    """What a row has of a table, its columns named with a prefix."""
    return {column.name: row[prefix + column.name] for column in table.columns}
