"""Opt-outs, as keyed hashes, and what they close. Checked when a lead is decided, released and pulled (law 8)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, true
from sqlalchemy.dialects.postgresql import insert as upsert

from router.channels import ALL, left
from router.lifecycle import LEAD, OPEN_ITEM_STATES, Act
from router.world import Identity
from schemas.events.lifecycle import LeadClosed
from schemas.person import Contact
from schemas.words import (
    Channel,
    LeadId,
    LeadOutcome,
    PersonId,
    Rejection,
)
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import cancelling, persons
from services.store import tables as t
from services.store.rows import among
from services.store.story import Stories

REASON = Rejection.SUPPRESSED.value
"""Why an item was cancelled, a lead closed or rejected, where no channel is left."""
CHANNELS = frozenset({Channel.PHONE, Channel.EMAIL, Channel.SMS, Channel.SOCIAL})
"""What can be closed one by one; who opts out elsewhere (face to face, say) means all."""


async def closed_to(tx: ReadTx, identities: Collection[Identity]) -> dict[Identity, frozenset[str]]:
    """The channels (`phone email sms social all`) closed to whoever has one of these identities."""
    wanted, found = persons.rows_of(identities), t.suppressions
    same = (found.c.kind == wanted.c.kind) & (found.c.digest == wanted.c.digest)
    rows = await tx.fetch(
        select(wanted.c.kind, wanted.c.digest, func.array_agg(found.c.channel).label("channels"))
        .join(found, same)
        .group_by(wanted.c.kind, wanted.c.digest)
    )
    return {Identity(row["kind"], row["digest"]): frozenset(row["channels"]) for row in rows}


async def channels(tx: ReadTx, lead: LeadId) -> tuple[Channel, ...]:
    """The channels left on which the person of a lead may be reached; none: nobody may work it."""
    return (await channels_of(tx, [lead]))[lead]


async def channels_of(tx: ReadTx, leads: Sequence[LeadId]) -> dict[LeadId, tuple[Channel, ...]]:
    """The channels left for each of these leads: what its contact has, less what its person closed."""
    links, closed = t.identity_persons, t.suppressions
    suppressed = (
        select(func.array_agg(closed.c.channel.distinct()))
        .join(links, (links.c.kind == closed.c.kind) & (links.c.digest == closed.c.digest))
        .where(links.c.person_id == t.leads.c.person_id)
        .scalar_subquery()
    )
    rows = await tx.fetch(
        select(t.leads.c.id, t.lead_details.c.contact, suppressed.label("suppressed"))
        .join(t.lead_details, t.lead_details.c.lead_id == t.leads.c.id)
        .where(t.leads.c.id == among(leads))
    )
    return {
        row["id"]: left(persons.kinds_of(Contact.model_validate(row["contact"])), row["suppressed"] or ())
        for row in rows
    }


async def suppress(tx: Tx, person: PersonId, channel: Channel | None, reason: str) -> None:
    """Close a channel (None: all) to a person: to every identity of theirs. Harmless to repeat."""
    theirs = (await persons.identities_of_persons(tx, [person]))[person]
    await _close(tx, theirs, channel.value if channel in CHANNELS else ALL, reason)


async def _close(tx: Tx, identities: Collection[Identity], channel: str, reason: str) -> None:
    """Close a channel to these identities: one opt-out, whatever their number."""
    one = {"id": mint("sup", tx.now), "channel": channel, "reason": reason, "created_at": tx.now}
    rows: list[dict[str, Any]] = [
        {**one, "kind": identity.kind.value, "digest": identity.digest}
        for identity in sorted(identities, key=lambda each: (each.kind, each.digest))
    ]
    if rows:
        await tx.execute(upsert(t.suppressions).on_conflict_do_nothing(), rows)


@dataclass(frozen=True, slots=True)
class Suppression:
    """An opt-out, as listed. Whose it is is kept as keyed hashes alone."""

    id: str
    channel: str
    reason: str
    created_at: datetime


async def opt_out(tx: Tx, stories: Stories, identity: Identity, channel: str, reason: str) -> tuple[Suppression, bool]:
    """Close a channel (or `all`) to whoever has this identity, and what that leaves unreachable; whether it is new.

    It holds for the whole person, so for all their identities, from now on.
    """
    await persons.lock(tx, [identity])
    theirs = await persons.having(tx, identity)
    await stories.lock_all([lead for person in theirs for lead in await _closable(tx, person)])
    stood = await _found(tx, identity, channel)
    if stood is None:
        held = await persons.identities_of_persons(tx, theirs)
        await _close(tx, {identity}.union(*held.values()), channel, reason)
    for person in theirs:
        await close_person(tx, stories, person)
    found = stood or await _found(tx, identity, channel)
    assert found is not None, "it was just closed"
    return found, stood is None


async def _found(tx: ReadTx, identity: Identity, channel: str) -> Suppression | None:
    c = t.suppressions.c
    row = await tx.one(
        select(*_LISTED).where(c.kind == identity.kind.value, c.digest == identity.digest, c.channel == channel)
    )
    return None if row is None else Suppression(**row)


async def page(tx: ReadTx, *, after: str | None, limit: int) -> list[Suppression]:
    """Opt-outs, the newest first, past the one that `after` names."""
    query = select(*_LISTED).distinct().order_by(t.suppressions.c.id.desc()).limit(limit)
    rows = await tx.fetch(query if after is None else query.where(t.suppressions.c.id < after))
    return [Suppression(**row) for row in rows]


async def lift(tx: Tx, suppression: str) -> bool:
    """Take an opt-out back; False where there is none. What it closed stays closed."""
    return await tx.execute(delete(t.suppressions).where(t.suppressions.c.id == suppression)) > 0


async def keep_closed(tx: Tx, identities: Collection[Identity]) -> None:
    """An opt-out of a person who will be known no more holds for each of their identities."""
    wanted, closed = persons.rows_of(identities), t.suppressions
    theirs = (
        select(closed.c.id, closed.c.channel, closed.c.reason, closed.c.created_at)
        .join(wanted, (closed.c.kind == wanted.c.kind) & (closed.c.digest == wanted.c.digest))
        .distinct()
        .subquery()
    )
    every = persons.rows_of(identities)
    spread = select(theirs.c.id, every.c.kind, every.c.digest, theirs.c.channel, theirs.c.reason, theirs.c.created_at)
    names = ["id", "kind", "digest", "channel", "reason", "created_at"]
    await tx.execute(upsert(closed).from_select(names, spread.join(every, true())).on_conflict_do_nothing())


async def of(tx: ReadTx, person: PersonId) -> list[Suppression]:
    """What a person is closed to."""
    closed, link = t.suppressions.c, t.identity_persons.c
    mine = (
        select(*_LISTED)
        .distinct()
        .join(t.identity_persons, (link.kind == closed.kind) & (link.digest == closed.digest))
    )
    rows = await tx.fetch(mine.where(link.person_id == person).order_by(closed.id))
    return [Suppression(**row) for row in rows]


async def lock_person_of(tx: Tx, stories: Stories, lead: LeadId) -> None:
    """Lock the person of a lead, then all that `close_person` may close, before any of it is worked (law 14)."""
    whose = select(t.persons.c.id).join(t.leads, t.leads.c.person_id == t.persons.c.id).where(t.leads.c.id == lead)
    person = await tx.value(whose.with_for_update(of=t.persons))
    await stories.lock_all(await _closable(tx, PersonId(person)))


async def close_person(tx: Tx, stories: Stories, person: PersonId) -> None:
    """Close the leads of a person to whom no channel is left, and cancel their open items."""
    await close_suppressed(tx, stories, await _closable(tx, person))


async def _closable(tx: ReadTx, person: PersonId) -> list[LeadId]:
    """The leads of a person that are not closed, or still have an open item (a customer's)."""
    lead = t.leads.c
    working = exists().where(t.items.c.lead_id == lead.id, _OPEN)
    closable = lead.state.in_([state.value for state in LEAD.sources(Act.CLOSE)])
    rows = await tx.fetch(select(lead.id).where(lead.person_id == person, or_(closable, working)))
    return [row["id"] for row in rows]


async def close_suppressed(tx: Tx, stories: Stories, leads: Collection[LeadId]) -> frozenset[LeadId]:
    """Close those of these leads to whose person no channel is left; tell which these are.

    Their open items are cancelled, claims revoked, opportunities lost; they are `disqualified`, `suppressed`.
    """
    if not leads:
        return frozenset()
    reach = await channels_of(tx, list(leads))
    unreachable = frozenset(lead for lead in leads if not reach[lead])
    for story in (await stories.lock_all(unreachable)).values():
        await cancelling.cancel(tx, story, REASON)
        if LEAD.move(story.state, Act.CLOSE) is not None:
            story.move(Act.CLOSE, outcome=LeadOutcome.DISQUALIFIED.value, reason=REASON, nurture_until=None)
            story.tell(LeadClosed(outcome=LeadOutcome.DISQUALIFIED, reason=REASON))
    return unreachable


_LISTED = (
    t.suppressions.c.id,
    t.suppressions.c.channel,
    t.suppressions.c.reason,
    t.suppressions.c.created_at,
)
_OPEN = t.items.c.state.in_([state.value for state in OPEN_ITEM_STATES])
