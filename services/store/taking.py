"""Taking: a queued item locked together with its lead, and claimed at once where nothing speaks against it.

Hand-written SQL on the driver; it spells states out, as partial indexes need. The lead is locked first, lest a lock
stay on what is another's; nothing is waited for (law 14).
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import NamedTuple

from router.leases import expires_at
from router.policy.compiled import Queue
from schemas.api.values import EARLIEST
from schemas.words import ClaimId, ClaimState, FencingToken, RepId, Why
from services.runtime.hot import driver
from services.runtime.ids import mint
from services.runtime.tx import Tx
from services.store import tables as t
from services.store.heads import Head
from services.store.holding import NO_NEXT_STEP
from services.store.items import Claim, Item
from services.store.story import Stories, Story

_ITEM = ", ".join(f"item.{column.name}" for column in fields(Item))
_LEAD = ", ".join(f'lead.{column.name} AS "lead.{column.name}"' for column in t.leads.columns)
CANDIDATES = 32
"""How many heads of several queues one look takes in: more than pulls are under way on one queue at a time."""


TAKE_RESERVED_SQL = f"""
SELECT {_ITEM} FROM routing.items AS item JOIN routing.leads AS lead ON lead.id = item.lead_id
WHERE item.reserved_for = $3 AND item.state = 'queued' AND item.reserved_until > $4 AND item.test = $2
  AND item.queue = ANY ($1::text[]) AND NOT item.out_of_hours AND $3 <> ALL (item.returned_by)
ORDER BY item.rank_at, item.id LIMIT 1
FOR UPDATE OF lead, item SKIP LOCKED
"""  # noqa: S608 - the columns are ours


async def reserved(tx: Tx, rep: RepId, queues: Sequence[Queue], *, test: bool) -> Item | None:
    """Lock the first that is reserved for a rep in these queues. None: there is none, or others have it locked."""
    row = await driver(tx).fetchrow(TAKE_RESERVED_SQL, [queue.name for queue in queues], test, rep, tx.now)
    return None if row is None else Item.of(dict(row))


class Taken(NamedTuple):
    """An item as it lay in the queue, locked; its lead's story; and the claim on it, if it was granted at once."""

    item: Item
    story: Story
    claim: Claim | None


_MAY_HAVE = """item.test = (SELECT $2::bool) AND item.state = 'queued' AND $3 <> ALL (item.returned_by)
    AND NOT item.out_of_hours
    AND (item.reserved_for IS NULL OR item.reserved_for = (SELECT $3::text)
      OR item.reserved_until <= (SELECT $4::timestamptz))"""
_LOCKED = "LIMIT 1 FOR UPDATE OF lead, item SKIP LOCKED"
_FOUND = f"""found AS MATERIALIZED (
  SELECT {_ITEM}, {_LEAD} FROM routing.items AS item JOIN routing.leads AS lead ON lead.id = item.lead_id
  WHERE item.queue = (SELECT ($1::text[])[1]) AND {_MAY_HAVE} AND item.rank_at >= (SELECT $5::timestamptz)
  ORDER BY item.rank_at, item.id {_LOCKED}
)"""  # noqa: S608 - the columns are ours
_FOUND_AMONG = f"""head AS MATERIALIZED (
  SELECT first.id, first.rank_at FROM unnest((SELECT $1::text[])) AS queue (name)
  CROSS JOIN LATERAL (
    SELECT item.id, item.rank_at FROM routing.items AS item
    WHERE item.queue = queue.name AND {_MAY_HAVE} AND item.rank_at >= (SELECT $5::timestamptz)
    ORDER BY item.rank_at, item.id LIMIT {CANDIDATES}
  ) AS first
  ORDER BY first.rank_at, first.id LIMIT {CANDIDATES}
), found AS MATERIALIZED (
  SELECT {_ITEM}, {_LEAD} FROM head
  JOIN routing.items AS item ON item.id = head.id
  JOIN routing.leads AS lead ON lead.id = item.lead_id
  WHERE item.queue = ANY ($1::text[]) AND {_MAY_HAVE}
  ORDER BY head.rank_at, head.id {_LOCKED}
)"""  # noqa: S608 - the columns are ours
_CLAIMS = """
, taken AS (
  UPDATE routing.items AS item
  SET state = 'claimed', token = item.token + 1, reserved_for = NULL, reserved_until = NULL, reserved_why = NULL
  FROM found JOIN routing.lead_details AS said ON said.lead_id = found.lead_id
  WHERE item.id = found.id AND item.state = 'queued' AND item.carried_from IS NULL
    AND item.queue <> ALL ($9::text[])
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
  INSERT INTO routing.claims
    (id, item_id, lead_id, rep_id, queue, token, state, why, test, granted_at, expires_at)
  SELECT $6, taken.id, taken.lead_id, $3, taken.queue, taken.token, 'active', $7, taken.test, $4,
    ($8::timestamptz[])[array_position($1::text[], taken.queue)] FROM taken
  RETURNING token, expires_at
)
SELECT found.*, claim.token AS granted, claim.expires_at FROM found LEFT JOIN claim ON true
"""
# Take the first with its lead, and claim it at once where nothing speaks against that: its person has no opt-out and
# may be reached, at any hour; no meeting is booked, which would let the claim run for longer; nothing is under way.
# Else it is taken, and looked at.
# To plan it takes longer than to run it: what would let a plan for its very arguments seem cheaper than one for all is
# hidden in `(SELECT …)`, so that PostgreSQL keeps one.
TAKE_SQL = f"WITH {_FOUND}{_CLAIMS}"
TAKE_AMONG_SQL = f"WITH {_FOUND_AMONG}{_CLAIMS}"


async def first(
    tx: Tx, stories: Stories, rep: RepId, queues: Sequence[Queue], lie: Sequence[Head], *, test: bool
) -> Taken | None:
    """Lock the first in order of these queues, of which `lie` are the heads. None: others have it locked."""
    # From the first head on: dead rows lie before it, where an old snapshot holds them, and were gone over already.
    since = lie[0].rank_at if lie else EARLIEST
    within = [queue for queue in queues if not lie or queue.name in {head.queue for head in lie}]
    names, claim_id = [queue.name for queue in within], ClaimId(mint("clm", tx.now))
    ends = [expires_at(queue, granted_at=tx.now) for queue in within]
    by_hours = [queue.name for queue in within if queue.person_hours is not None]
    sql = TAKE_SQL if len(within) == 1 else TAKE_AMONG_SQL
    row = await driver(tx).fetchrow(sql, names, test, rep, tx.now, since, claim_id, Why.NEXT.value, ends, by_hours)
    if row is None:
        return None
    story = stories.take({column.name: row["lead." + column.name] for column in t.leads.columns})
    item = Item.of(dict(row))
    claim = None if row["granted"] is None else _new(claim_id, item, rep, row["granted"], tx.now, row["expires_at"])
    return Taken(item, story, claim)


def _new(id_: ClaimId, item: Item, rep: RepId, token: FencingToken, now: datetime, ends_at: datetime) -> Claim:
    """A claim as it is granted."""
    return Claim(
        id=id_,
        item_id=item.id,
        lead_id=item.lead_id,
        rep_id=rep,
        queue=item.queue,
        token=token,
        state=ClaimState.ACTIVE,
        why=Why.NEXT.value,
        exception=None,
        granted_at=now,
        heartbeat_at=None,
        attempted_at=None,
        expires_at=ends_at,
        ended_at=None,
        ended_by=None,
        answer_by=None,
        returned_because=None,
        **NO_NEXT_STEP,
    )
