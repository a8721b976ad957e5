"""Persons and what identifies them: keyed hashes, lockable, many to many (identity is not transitive)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Boolean, ColumnElement, Select, Text, column, func, or_, select, true
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.selectable import TableValuedAlias

from router.world import Identity
from schemas.events.intake import LeadSubmitted
from schemas.person import Contact
from schemas.words import OPEN_LEAD_STATES, LeadId, MatchedBy, PersonId
from services.runtime.secret import Keyring
from services.runtime.tx import ReadTx, Tx
from services.store import rows
from services.store import tables as t

SPARE = 8
"""How many more persons are read than leads: what a rep closes meanwhile is then no longer the oldest open lead."""


def kinds_of(contact: Contact) -> frozenset[MatchedBy]:
    """By what somebody can be told apart, and reached: only what is valid counts."""
    return frozenset(kind for kind, value in _valid(contact).items() if value)


def identities_of(submitted: LeadSubmitted, keyring: Keyring) -> frozenset[Identity]:
    """The keyed hashes of a lead's valid e-mail, phone and profile. Those of test leads never equal real ones."""
    purpose = "test-identity" if submitted.test else "identity"
    return frozenset(
        Identity(kind, keyring.digest(purpose, kind.value, value).hex())
        for kind, value in _valid(submitted.contact).items()
        if value
    )


def identity_of(kind: MatchedBy, value: str, keyring: Keyring) -> Identity:
    """The keyed hash of one valid e-mail, phone or profile, of a real lead."""
    folded = value.lower() if kind is MatchedBy.EMAIL else value
    return Identity(kind, keyring.digest("identity", kind.value, folded).hex())


def _valid(contact: Contact) -> Mapping[MatchedBy, str | None]:
    return {
        MatchedBy.EMAIL: contact.email.lower() if contact.email and contact.email_valid else None,
        MatchedBy.PHONE: contact.phone if contact.phone_valid else None,
        MatchedBy.PROFILE: contact.profile_url if contact.profile_valid else None,
    }


async def lock(tx: Tx, identities: Collection[Identity]) -> None:
    """Lock identities, known or not, in one order; nobody else matches or links them until this transaction ends."""
    wanted = rows_of(identities)
    columns = (wanted.c.kind, wanted.c.digest)
    await tx.execute(
        upsert(t.identities)
        .from_select(["kind", "digest"], select(*columns).order_by(*columns))
        .on_conflict_do_nothing()
    )
    await tx.fetch(
        select(t.identities.c.kind)
        .join(wanted, (t.identities.c.kind == wanted.c.kind) & (t.identities.c.digest == wanted.c.digest))
        .order_by(t.identities.c.kind, t.identities.c.digest)
        .with_for_update(of=t.identities)
    )


async def hold(tx: Tx, whom: Collection[PersonId]) -> None:
    """Lock persons, after all that they are known by: until this transaction ends no lead becomes theirs, or leaves."""
    held = await identities_of_persons(tx, sorted(whom))
    await lock(tx, frozenset[Identity]().union(*held.values()))
    person = t.persons.c.id
    await tx.fetch(select(person).where(person == rows.among(whom)).order_by(person).with_for_update())


class Found(NamedTuple):
    """A person: all their identities, and the first of those from whom a manager has parted them, if any."""

    identities: frozenset[Identity]
    family: PersonId | None


async def known(
    tx: Tx, leads: Sequence[Collection[Identity]], settled: Collection[PersonId] = ()
) -> dict[PersonId, Found]:
    """Lock whoever may be the same person as one of these leads, in the order of their ids.

    A lead is given by its identities, locked before. Whoever merely shares a phone or profile with one, and has another
    e-mail, is nobody's match (`router.match`), however many they are. Of those who match, as many as the batch can use
    up: first who has the oldest open lead, then who is known longest, as the match chooses. And the `settled` ones.
    """
    wanted: ColumnElement[bool] = t.persons.c.id.in_(_candidates(leads, len(leads) + SPARE))
    if settled:
        wanted = or_(wanted, t.persons.c.id == rows.among(settled))
    person = t.persons.c
    locked = await tx.fetch(select(person.id, person.family).where(wanted).order_by(person.id).with_for_update())
    held = await identities_of_persons(tx, [row["id"] for row in locked])
    return {row["id"]: Found(held[row["id"]], row["family"]) for row in locked}


def _candidates(leads: Sequence[Collection[Identity]], limit: int) -> Select[str]:
    """Under each identity at most `limit` persons: of the same e-mail; of the same phone or profile, if one side has
    no e-mail."""
    sought = sorted(
        {
            (identity.kind.value, identity.digest, identity.kind is MatchedBy.EMAIL or MatchedBy.EMAIL not in kinds)
            for identities in leads
            for kinds in [{identity.kind for identity in identities}]
            for identity in identities
        }
    )
    kinds, digests, anyones = ([each[nth] for each in sought] for nth in range(3))
    wanted = (
        func.unnest(rows.hidden(kinds, Text()), rows.hidden(digests, Text()), rows.hidden(anyones, Boolean()))
        .table_valued("kind", "digest", column("anyone", Boolean))
        .render_derived(name="wanted")
    )
    links, emails, lead = t.identity_persons.c, t.identity_persons.alias("emails"), t.leads.c
    an_email = (  # looked for person by person: of `EXISTS` PostgreSQL may make a list of all who have one
        select(emails.c.kind)
        .where(emails.c.person_id == links.person_id, emails.c.kind == MatchedBy.EMAIL.value)
        .limit(1)
        .scalar_subquery()
    )
    oldest = (
        select(lead.received_at, lead.id)
        .where(lead.person_id == links.person_id, lead.state == rows.among(sorted(OPEN_LEAD_STATES)))
        .order_by(lead.received_at, lead.id)
        .limit(1)
        .lateral("oldest")
    )
    found = (
        select(links.person_id)
        .select_from(t.identity_persons.outerjoin(oldest, true()))
        .where(links.kind == wanted.c.kind, links.digest == wanted.c.digest, or_(wanted.c.anyone, an_email.is_(None)))
        .order_by(oldest.c.received_at.nulls_last(), oldest.c.id, links.person_id)
        .limit(limit)
        .correlate(wanted)
        .lateral("found")
    )
    return select(found.c.person_id).select_from(wanted.join(found, true()))


async def identities_of_persons(tx: ReadTx, persons: Sequence[PersonId]) -> dict[PersonId, frozenset[Identity]]:
    """All identities of each of these persons."""
    found: dict[PersonId, set[Identity]] = {person: set() for person in persons}
    if found:
        links = t.identity_persons
        statement = select(links).where(links.c.person_id == rows.among(persons))
        for row in await tx.fetch(statement):
            found[row["person_id"]].add(Identity(MatchedBy(row["kind"]), row["digest"]))
    return {person: frozenset(theirs) for person, theirs in found.items()}


async def having(tx: Tx, identity: Identity) -> list[PersonId]:
    """Lock those who have an identity, locked before, in the order of their ids."""
    links, person = t.identity_persons.c, t.persons.c
    whose = select(links.person_id).where(links.kind == identity.kind.value, links.digest == identity.digest)
    found = await tx.fetch(select(person.id).where(person.id.in_(whose)).order_by(person.id).with_for_update())
    return [row["id"] for row in found]


async def of_leads(tx: ReadTx, leads: Sequence[LeadId]) -> dict[LeadId, PersonId]:
    """Whose these leads are."""
    lead = t.leads.c
    found = await tx.fetch(select(lead.id, lead.person_id).where(lead.id == rows.among(leads)))
    return {row["id"]: row["person_id"] for row in found}


async def link(tx: Tx, born: Iterable[PersonId], links: Mapping[PersonId, Collection[Identity]]) -> None:
    """Keep new persons, and that these identities are theirs (known before or not)."""
    await rows.put(tx, t.persons, [{"id": person, "created_at": tx.now} for person in born])
    theirs = [
        {"kind": identity.kind.value, "digest": identity.digest, "person_id": person}
        for person, identities in links.items()
        for identity in identities
    ]
    await rows.add(tx, t.identity_persons, theirs)


def rows_of(identities: Collection[Identity]) -> TableValuedAlias:
    """Identities as a relation `wanted(kind, digest)`."""
    kinds = rows.hidden([identity.kind.value for identity in identities], Text())
    digests = rows.hidden([identity.digest for identity in identities], Text())
    return func.unnest(kinds, digests).table_valued("kind", "digest").render_derived(name="wanted")
