"""Unmerging: a manager parts what was taken for one. Exact identifiers match, and can still be wrong.

What is parted is never matched with the other again. Leads that were merged across the line are decided anew; the locks
are those of a batch, so that no new lead is matched meanwhile.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, tuple_, update

from router.features import unfilled
from router.lifecycle import Act
from router.policy.compiled import Policy
from schemas.events.lifecycle import LeadUnmerged
from schemas.events.stamp import Actor
from schemas.person import Contact
from schemas.words import AccountId, LeadId, LeadState, MatchedBy, PersonId
from services.runtime.ids import mint
from services.runtime.secret import Keyring
from services.runtime.tx import ReadTx, Tx
from services.store import accounts, details, persons, redeciding, rows
from services.store import tables as t
from services.store.story import Stories, Story


async def hold_account(tx: Tx, account: AccountId, named: Collection[PersonId]) -> None:
    """Lock whoever is of an account, and these, then the account: none comes to it, or leaves, meanwhile."""
    there = await tx.fetch(select(t.leads.c.person_id).distinct().where(t.leads.c.account_id == account))
    await persons.hold(tx, {*named, *(row["person_id"] for row in there)} - {None})
    await accounts.lock(tx, [account])


async def part_account(
    tx: Tx,
    stories: Stories,
    policy: Policy,
    keyring: Keyring,
    account: AccountId,
    whose: Collection[PersonId],
    actor: Actor,
) -> AccountId:
    """Part these persons, with all of their leads that are of an account, from it; the account that they are of now."""
    of = t.leads.c.account_id == account
    mine = await _ids(tx, and_(of, t.leads.c.person_id == rows.among(whose)))
    across = await _across(tx, mine, _of_another())
    await redeciding.look(tx, policy, keyring, across, also=mine, companies=[account])
    other = await _new_account(tx, account)
    values = [{"person_id": person, "account_id": account, "of_account": other} for person in sorted(whose)]
    await tx.execute(insert(t.parted), values)
    for story in (await stories.lock_all(mine)).values():
        story.set(account_id=other)
    for table, lead in (
        (t.leads, t.leads.c.id),
        (t.opportunities, t.opportunities.c.lead_id),
        (t.customers, t.customers.c.lead_id),
    ):
        await tx.execute(update(table).where(lead == rows.among(mine)).values(account_id=other))
    await unmerge(tx, stories, policy, keyring, across, actor)
    return other


async def part_person(
    tx: Tx,
    stories: Stories,
    policy: Policy,
    keyring: Keyring,
    person: PersonId,
    mine: Collection[LeadId],
    actor: Actor,
) -> PersonId:
    """Part these leads of a person from theirs, as somebody else's; who that is."""
    of = t.leads.c.person_id == person
    everything = await _ids(tx, of)
    across = await _across(tx, mine, and_(of, t.leads.c.matched_by != MatchedBy.ACCOUNT.value))
    await redeciding.look(tx, policy, keyring, across, also=everything)
    other = PersonId(mint("per", tx.now))
    held = await stories.lock_all(everything)
    for lead in across:
        await _forget(tx, held[lead])
    for lead in mine:
        held[lead].set(person_id=other)
    await tx.execute(update(t.leads).where(t.leads.c.id == rows.among(mine)).values(person_id=other))
    family = await tx.value(select(t.persons.c.family).where(t.persons.c.id == person)) or person
    await _share_out(tx, keyring, person, other, mine, [lead for lead in everything if lead not in mine])
    await tx.execute(update(t.persons).where(t.persons.c.id == rows.among([person, other])).values(family=family))
    await unmerge(tx, stories, policy, keyring, across, actor)
    return other


async def unmerge(
    tx: Tx, stories: Stories, policy: Policy, keyring: Keyring, leads: Sequence[LeadId], actor: Actor
) -> None:
    """Take merged leads, locked, out of what they were merged into, and decide on them anew."""
    parted = [story for story in (await stories.lock_all(leads)).values() if story.state == LeadState.MERGED]
    for story in parted:
        story.move(Act.UNMERGE, actor, merged_into=None, matched_by=None, opportunity_id=None)
        story.tell(LeadUnmerged(), actor)
    if parted:
        loaded = await redeciding.look(tx, policy, keyring, [story.id for story in parted])
        await redeciding.route_anew(tx, stories, policy, loaded)


async def _across(tx: ReadTx, mine: Collection[LeadId], which: ColumnElement[bool]) -> list[LeadId]:
    """The merged leads, of those for which it holds, that are on one side while what they were merged into is not."""
    ours, root = t.leads.c.id == rows.among(mine), t.leads.c.merged_into == rows.among(mine)
    return await _ids(
        tx, and_(which, t.leads.c.state == LeadState.MERGED.value, or_(and_(ours, ~root), and_(~ours, root)))
    )


def _of_another() -> ColumnElement[bool]:
    """What was merged for its account's sake, or came with somebody else's lead that was."""
    root = t.leads.alias("root")
    with_it = exists().where(root.c.id == t.leads.c.merged_into, root.c.person_id != t.leads.c.person_id)
    return or_(t.leads.c.matched_by == MatchedBy.ACCOUNT.value, with_it)


async def _ids(tx: ReadTx, which: ColumnElement[bool]) -> list[LeadId]:
    found = await tx.fetch(select(t.leads.c.id).where(which).order_by(t.leads.c.id))
    return [row["id"] for row in found]


async def _new_account(tx: Tx, account: AccountId) -> AccountId:
    """A company of the same name and domain, which nobody is taken to be of for that."""
    made = AccountId(mint("acc", tx.now))
    company = t.accounts.c
    same = select(company.domain, company.name).where(company.id == account)
    row = await tx.one(same)
    assert row is not None, "it was looked at before"
    values = {"id": made, **row, "created_at": tx.now, "parted_from": account}
    await tx.execute(insert(t.accounts).values(values))
    return made


async def _forget(tx: Tx, story: Story) -> None:
    """What a lead into which one was merged knows from that one alone, it knows no more."""
    into = story.row["merged_into"]
    said = await details.of(tx, [story.id, into])
    sent = t.submissions.c
    own = await tx.value(select(sent.body).where(sent.lead_id == into, sent.applied))
    await details.correct(tx, unfilled(said[into], said[story.id], Contact.model_validate(own["contact"])))


async def _share_out(
    tx: Tx, keyring: Keyring, old: PersonId, new: PersonId, moved: Collection[LeadId], kept: Collection[LeadId]
) -> None:
    """Each has the identities of their own leads: what they said at first, and what is known now."""
    said = await details.of(tx, [*moved, *kept])
    theirs = {
        person: {identity for lead in leads for identity in persons.identities_of(said[lead], keyring)}
        for person, leads in ((new, moved), (old, kept))
    }
    links = t.identity_persons.c
    keep = [(identity.kind.value, identity.digest) for identity in theirs[old]]
    stale = and_(links.person_id == old, tuple_(links.kind, links.digest).not_in(keep))
    await tx.execute(delete(t.identity_persons).where(stale))
    await persons.link(tx, [new], {new: theirs[new]})
