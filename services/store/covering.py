"""Covering: what falls due while a rep is away, or is let lapse, goes to the first of their covers who is there.

A promise that is due the cover gets by their next pull (`DUE_SQL`, hand-written, for every pull looks); a meeting a
day ahead, and any other next step that is due, are reserved for them by the worker.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, RowMapping, Select, Text, all_, and_, any_, exists, func, not_, or_, select
from sqlalchemy.dialects.postgresql import array

from router import covers
from router.lifecycle import Act
from router.policy.compiled import Policy
from schemas.events.stamp import SYSTEM, Actor
from schemas.words import Exempt, ItemId, MeetingState, Presence, QueueName, RepId
from services.runtime.hot import driver
from services.runtime.tx import ReadTx, Tx
from services.store import holding, items, lateness, queues, reps
from services.store import tables as t
from services.store.continuity import RESERVED
from services.store.due import Due, claims_again, items_again, look
from services.store.items import Claim, Item
from services.store.reps import Rep
from services.store.story import Stories, telling

COVERED = "covered"
"""Why the claim of one who is away was revoked."""
AHEAD = timedelta(days=1)
"""How long before it a meeting falls to a cover, who has to prepare."""
What: TypeAlias = Literal["promise", "meeting", "next_step"]
_CLAIM = ", ".join(f"claim.{column.name}" for column in fields(Claim))


@dataclass(frozen=True, slots=True)
class Covers:
    """Who covers for whom: the covers that some reps named, and those of them who are there, with their queues."""

    named: Mapping[RepId, Sequence[RepId]]
    there: Mapping[RepId, frozenset[QueueName]]

    def of(self, rep: RepId, queue: QueueName, but: Collection[RepId] = ()) -> RepId | None:
        """Who has what falls to a cover of this rep in this queue; None: nobody."""
        return covers.first(self.named.get(rep, ()), self.there, queue=queue, but=but)


async def of_reps(tx: ReadTx, absent: Iterable[RepId]) -> Covers:
    """The covers that these reps have named."""
    rep = t.reps.c
    named = {row["id"]: row["covers"] for row in await tx.fetch(select(rep.id, rep.covers).where(rep.id.in_(absent)))}
    wanted = {cover for each in named.values() for cover in each}
    there = select(rep.id, rep.queues).where(rep.id.in_(wanted), reps.present(tx.now))
    rows = await tx.fetch(there) if wanted else ()
    return Covers(named, {row["id"]: frozenset(row["queues"]) for row in rows})


async def hand_over(
    tx: Tx, stories: Stories, claim: Claim, item: Item, cover: RepId, *, reason: str, actor: Actor = SYSTEM
) -> Item:
    """Take an item from its rep, and reserve it for their cover, its age kept. Claim and item are locked.

    What was promised, or still lies ahead, is the next step of whoever claims it next.
    """
    story = await stories.lock(claim.lead_id)
    claim = await lateness.settle(tx, story, item, claim)
    taken = await items.apply(tx, story, item, Act.REVOKE, actor, claim=claim, detail={"reason": reason})
    reserved = reserved_for(tx, claim, cover, ended=False)
    return await items.apply(tx, story, taken, Act.COVER, actor, **reserved)


def reserved_for(tx: Tx, claim: Claim, cover: RepId, *, ended: bool) -> dict[str, Any]:
    """The columns of an item that is a cover's for a day. `ended`: the claim was let lapse, with its next step."""
    return {
        "reserved_for": cover,
        "reserved_until": tx.now + RESERVED,
        "reserved_why": (Exempt.PROMISE if claim.next_promise else Exempt.CONTINUITY).value,
        "carried_from": None if ended else holding.carried(claim, tx.now),
    }


# --- a promise that is due -------------------------------------------------------------------------------------------

DUE_SQL = """
SELECT claim.id FROM routing.reps AS absent
JOIN routing.claims AS claim ON claim.rep_id = absent.id
JOIN routing.items AS item ON item.id = claim.item_id
WHERE absent.covers @> ARRAY[$1::text] AND absent.status = 'away'
  AND (absent.away_until IS NULL OR absent.away_until > $2)
  AND claim.state = 'active' AND claim.next_promise AND claim.next_at <= $2 AND claim.test = $3
  AND claim.queue = ANY ($4::text[]) AND $1 <> ALL (item.returned_by)
  AND NOT EXISTS (
    SELECT FROM unnest(absent.covers) WITH ORDINALITY AS named (id, nth)
    JOIN routing.reps AS other ON other.id = named.id
    WHERE named.nth < array_position(absent.covers, $1)
      AND (other.status = 'present' OR other.away_until <= $2)
      AND claim.queue = ANY (other.queues) AND other.id <> ALL (item.returned_by)
  )
ORDER BY claim.next_at, claim.id LIMIT 1
"""
TAKE_DUE_SQL = f"""
SELECT {_CLAIM} FROM routing.claims AS claim
JOIN routing.items AS item ON item.id = claim.item_id
JOIN routing.leads AS lead ON lead.id = claim.lead_id
WHERE claim.id = $1 AND claim.state = 'active' AND claim.next_promise AND claim.next_at <= $2
FOR UPDATE OF lead, item, claim SKIP LOCKED
"""  # noqa: S608 - the columns are ours


async def is_due(tx: ReadTx, policy: Policy, rep: Rep, *, test: bool) -> str | None:
    """A claim whose promise has come, of a rep whom this one covers: the one that came due first.

    In a queue that the policy has dropped it stays with who made it, until their claim ends.
    """
    theirs = [name for name in rep.queues if name in policy.queues]
    row = await driver(tx).fetchrow(DUE_SQL, rep.id, tx.now, test, theirs)
    return None if row is None else str(row["id"])


async def take_due(tx: Tx, stories: Stories, policy: Policy, rep: Rep, *, test: bool) -> Item | None:
    """Take over a promise that is due: its item, queued, locked, and reserved for this rep. None: there is none."""
    found = await is_due(tx, policy, rep, test=test)
    row = None if found is None else await driver(tx).fetchrow(TAKE_DUE_SQL, found, tx.now)
    if row is None:
        return None
    claim = Claim.of(dict(row))
    await stories.lock(claim.lead_id)
    item = await items.lock(tx, claim.item_id)
    assert item is not None, "an item is never deleted"
    return await hand_over(tx, stories, claim, item, rep.id, reason=COVERED)


# --- the rest --------------------------------------------------------------------------------------------------------


async def covered_claims(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Claims of reps who are away, of which something has fallen to a cover who is there."""
    named = and_(t.reps.c.status == Presence.AWAY.value, func.cardinality(t.reps.c.covers) > 0)
    absent = [row["id"] for row in await tx.fetch(select(t.reps.c.id).where(named))]
    if not absent:
        return []
    return await look(tx, t.claims, and_(t.claims.c.rep_id.in_(absent), _fallen(tx.now)), t.claims.c.id, limit, but)


async def cover(tx: Tx, found: Sequence[Due]) -> int:
    """Reserve them for the covers; how many."""
    async with telling(tx) as stories:
        held = await claims_again(tx, stories, found, _fallen(tx.now))
        known = await of_reps(tx, {claim.rep_id for claim, _ in held})
        for claim, item in held:
            if (heir := known.of(claim.rep_id, item.queue, item.returned_by)) is not None:
                await hand_over(tx, stories, claim, item, heir, reason=COVERED)
    return len(held)


async def dropped_promises(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Items in nobody's hands whose last holder promised something that nobody has kept."""
    return await look(tx, t.items, _dropped(tx.now), t.items.c.carried_from, limit, but)


async def break_promises(tx: Tx, found: Sequence[Due]) -> int:
    """Tell, once each, that these promises are broken; how many."""
    async with telling(tx) as stories:
        dropped = await items_again(tx, stories, found, _dropped(tx.now))
        for item in dropped:
            claim = await holding.find(tx, item.carried_from or "")
            assert claim is not None, "a claim is never deleted"
            await lateness.settle(tx, await stories.lock(item.lead_id), item, claim)
    return len(dropped)


def _dropped(now: datetime) -> ColumnElement[bool]:
    claim = t.claims.c
    broken = select(claim.id).where(
        claim.next_promise, claim.settled_at.is_(None), claim.next_at < now - lateness.KEPT_WITHIN
    )
    return and_(queues.OPEN, t.items.c.carried_from.is_not(None), t.items.c.carried_from.in_(broken))


def _fallen(now: datetime) -> ColumnElement[bool]:
    claim, absent, heir, held = t.claims.c, t.reps.alias("absent"), t.reps.alias("heir"), t.items.alias("held")
    met = t.meetings.c
    meets = exists().where(
        met.opportunity_id == held.c.opportunity_id,
        met.state == MeetingState.BOOKED.value,
        met.at >= now,
        met.at <= now + AHEAD,
        or_(absent.c.away_until.is_(None), met.at < absent.c.away_until),
    )
    fallen = exists().where(
        absent.c.id == claim.rep_id,
        absent.c.status == Presence.AWAY.value,
        or_(absent.c.away_until.is_(None), absent.c.away_until > now),
        heir.c.id == any_(absent.c.covers),
        reps.present(now, heir.c),
        held.c.id == claim.item_id,
        heir.c.queues.contains(array([held.c.queue], type_=Text)),
        heir.c.id != all_(held.c.returned_by),
        or_(and_(not_(claim.next_promise), claim.next_at <= now), meets),
    )
    return and_(queues.HELD, fallen)


@dataclass(frozen=True, slots=True)
class Falling:
    """Something that falls due while a rep is away. `cover` of None: nobody's."""

    item: ItemId
    what: What
    at: datetime
    cover: RepId | None


async def falls_due(tx: ReadTx, rep: Rep) -> list[Falling]:
    """What falls due before the rep is back, the soonest first, and whose it is as things stand now."""
    claim, item, met = t.claims.c, t.items.c, t.meetings.c
    columns = (item.id, item.queue, item.returned_by)
    theirs = and_(claim.rep_id == rep.id, queues.HELD)
    steps: Select[Any] = select(*columns, claim.next_at.label("at"), claim.next_promise.label("promise"))
    steps = steps.join(t.items, item.id == claim.item_id).where(theirs, claim.next_at.is_not(None))
    booked: Select[Any] = select(*columns, met.at.label("at"))
    booked = booked.join(t.items, item.id == claim.item_id).join(t.meetings, met.opportunity_id == item.opportunity_id)
    booked = booked.where(theirs, met.state == MeetingState.BOOKED.value, met.at >= tx.now)
    if rep.away_until is not None:
        steps, booked = steps.where(claim.next_at < rep.away_until), booked.where(met.at < rep.away_until)
    found: list[tuple[RowMapping, What]] = [
        (row, "promise" if row["promise"] else "next_step") for row in await tx.fetch(steps)
    ]
    found += [(row, "meeting") for row in await tx.fetch(booked)]
    known = await of_reps(tx, [rep.id])
    falling = [
        Falling(row["id"], what, row["at"], known.of(rep.id, row["queue"], row["returned_by"])) for row, what in found
    ]
    return sorted(falling, key=lambda each: (each.at, each.item, each.what))
