"""Leads: the world as a batch of submissions finds it, and what comes of the decisions on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from sqlalchemy import RowMapping, and_, func, or_, select

from router.decide import handover, redecide
from router.features import filled, renewed
from router.lifecycle import Act
from router.outcomes import Decision, Enqueue, Merge, Nurture, Outcome, Pool, Reject, Repeat, Routed
from router.policy.compiled import Policy
from router.world import Identity, KnownPerson, Lead, OpenLead, World
from schemas.events.intake import LeadSubmitted
from schemas.events.lifecycle import (
    EventFeatures,
    LeadConflictingSubmission,
    LeadMerged,
    LeadNurtured,
    LeadReceived,
    LeadRejected,
)
from schemas.words import OPEN_LEAD_STATES, LeadId, LeadState, PersonId, Priority, Qualify, SubmissionId
from services.runtime.ids import mint
from services.runtime.received import Received
from services.runtime.secret import Keyring
from services.runtime.tx import Tx
from services.store import accounts, details, items, opportunities, persons, receipts, rows, suppressions
from services.store import tables as t
from services.store.story import Stories, Story


@dataclass(frozen=True, slots=True)
class Loaded:
    """A batch and its world. All that a decision on it may change is locked by this transaction."""

    batch: Sequence[Received[LeadSubmitted]]
    leads: tuple[Lead, ...]
    """Those of the batch, in its order."""
    world: World
    locked: Mapping[LeadId, RowMapping]
    """Leads that exist already: those of the batch, and the open ones of its persons."""


async def load(tx: Tx, keyring: Keyring, batch: Sequence[Received[LeadSubmitted]]) -> Loaded:
    """Lock and read what decisions on `batch` look at, with one query for each table."""
    born = sorted(mint("per", tx.now) for _ in batch)  # who came first is known longest, in one batch too
    leads = tuple(
        Lead(one.event, persons.identities_of(one.event, keyring), PersonId(person))
        for one, person in zip(batch, born, strict=True)
    )
    tests = {identity for lead in leads if lead.submitted.test for identity in lead.identities}
    identities = frozenset(identity for lead in leads for identity in lead.identities)
    await persons.lock(tx, identities)
    theirs = await persons.known(tx, [lead.identities for lead in leads])
    locked = await _lock_leads(tx, [lead.submitted.id for lead in leads], list(theirs))
    open_leads: dict[PersonId, list[OpenLead]] = {person: [] for person in theirs}
    for row in locked.values():
        if row["person_id"] in open_leads and row["state"] in OPEN_LEAD_STATES:
            opened = OpenLead(row["id"], row["received_at"], LeadState(row["state"]))
            open_leads[row["person_id"]].append(opened)
    everyone = [
        KnownPerson(person, bool(held & tests), held, tuple(open_leads[person])) for person, held in theirs.items()
    ]
    closed = await suppressions.closed_to(tx, identities.union(*theirs.values()))
    known = [lead.submitted.id for lead in leads if lead.submitted.id in locked]
    world = World.of(everyone, closed, await _submissions(tx, known))
    return Loaded(batch, leads, world, locked)


async def _lock_leads(tx: Tx, ids: Sequence[LeadId], known: Sequence[PersonId]) -> dict[LeadId, RowMapping]:
    lead = t.leads.c
    open_one = and_(lead.person_id == rows.among(known), lead.state == rows.among(sorted(OPEN_LEAD_STATES)))
    found = await tx.fetch(
        select(t.leads).where(or_(lead.id == rows.among(ids), open_one)).order_by(lead.id).with_for_update()
    )
    return {row["id"]: row for row in found}


async def _submissions(tx: Tx, leads: Sequence[LeadId]) -> dict[LeadId, frozenset[SubmissionId]]:
    if not leads:
        return {}
    sent = t.submissions.c
    found = await tx.fetch(
        select(sent.lead_id, func.array_agg(sent.id).label("ids"))
        .where(sent.lead_id == rows.among(leads))
        .group_by(sent.lead_id)
    )
    return {row["lead_id"]: frozenset(row["ids"]) for row in found}


@dataclass(slots=True)
class _Sheet:
    """What a batch adds beside its stories, kept at the end by one statement for each table."""

    said: dict[LeadId, LeadSubmitted]
    """New leads, and those into which one is merged, as now known."""
    accounts: Mapping[str | None, str]
    """By the domains of new leads' companies."""
    corrected: set[LeadId] = field(default_factory=set)
    born: list[PersonId] = field(default_factory=list)
    links: dict[PersonId, set[Identity]] = field(default_factory=dict)
    submissions: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)

    def add(self, lead: Lead, decision: Decision) -> None:
        """A new lead, and whose it is."""
        self.said[lead.submitted.id] = lead.submitted
        self.submit(lead.submitted, applied=True)
        if decision.new_person:
            self.born.append(decision.person)
        self.links.setdefault(decision.person, set()).update(lead.identities)

    def correct(self, lead: LeadId, said: LeadSubmitted) -> None:
        """What is now known of a lead, new or kept."""
        if said != self.said[lead]:
            self.said[lead] = said
            self.corrected.add(lead)

    def submit(self, submitted: LeadSubmitted, *, applied: bool) -> None:
        row = {"id": submitted.submission_id, "lead_id": submitted.id, "received_at": submitted.received_at}
        self.submissions.append({**row, "applied": applied, "body": submitted.model_dump_json().encode()})


async def record(tx: Tx, stories: Stories, policy: Policy, loaded: Loaded, routed: Sequence[Routed]) -> None:
    """Carry out what was decided on a batch."""
    new = [lead.submitted for lead, one in zip(loaded.leads, routed, strict=True) if isinstance(one, Decision)]
    joined = [one.outcome.into for one in routed if isinstance(one, Decision) and isinstance(one.outcome, Merge)]
    sheet = _Sheet(await details.of(tx, joined), await accounts.of(tx, new))
    for received, lead, one in zip(loaded.batch, loaded.leads, routed, strict=True):
        with received.following():
            match one:
                case Decision():
                    await _decided(tx, stories, policy, loaded, sheet, lead, one)
                case Repeat(conflict=True):
                    sheet.submit(lead.submitted, applied=False)
                    story = await _story(stories, loaded, one.lead)
                    story.set(conflict=True)
                    story.tell(LeadConflictingSubmission())
                case Repeat():
                    pass
                case _:
                    assert_never(one)
    await persons.link(tx, sheet.born, sheet.links)
    await details.keep(tx, [sheet.said[one.id] for one in new])
    for corrected in sheet.corrected - {one.id for one in new}:
        await details.correct(tx, sheet.said[corrected])
    await rows.put(tx, t.submissions, sheet.submissions)
    await receipts.keep(tx, sheet.decisions)


async def _decided(
    tx: Tx, stories: Stories, policy: Policy, loaded: Loaded, sheet: _Sheet, lead: Lead, decision: Decision
) -> None:
    """Begin the story of a new lead. What it is merged into learns what it lacked; one that is nurturing goes on."""
    submitted, outcome = lead.submitted, decision.outcome
    sheet.add(lead, decision)
    story = _begin(stories, submitted, decision.person, sheet.accounts.get(submitted.company.domain))
    sheet.decisions.append(receipts.tell(story, decision))
    await _settle(tx, story, policy, outcome, submitted)
    if isinstance(outcome, Merge):
        if outcome.redecide and (into := await _story(stories, loaded, outcome.into)).state == LeadState.NURTURING:
            await _renew(tx, into, policy, sheet, submitted)
        else:
            sheet.correct(outcome.into, filled(sheet.said[outcome.into], submitted))


async def decide_again(tx: Tx, story: Story, policy: Policy) -> None:
    """Decide a nurtured lead, locked, whose day has come."""
    said = (await details.of(tx, [story.id]))[story.id]
    reachable = await suppressions.channels(tx, story.id)
    await receipts.keep(tx, [await _redecide(tx, story, policy, said, suppressed=not reachable)])


async def hand_over(
    tx: Tx, story: Story, policy: Policy, submitted: LeadSubmitted, qualification: Mapping[str, Any]
) -> Enqueue | Pool:
    """Decide, and tell, where a lead goes that a rep has qualified; `submitted` is the lead as corrected.

    The caller makes the opportunity in that place.
    """
    person, priority = PersonId(story.row["person_id"]), Priority(story.row["priority"])
    decision = handover(submitted, qualification, person, policy, tx.now, priority=priority)
    await receipts.keep(tx, [receipts.tell(story, decision)])
    assert isinstance(decision.outcome, Enqueue | Pool), "a handover ends in a closing queue or its pool"
    return decision.outcome


async def _renew(tx: Tx, story: Story, policy: Policy, sheet: _Sheet, again: LeadSubmitted) -> None:
    """Decide a nurtured lead anew whose person came again."""
    said = renewed(sheet.said[story.id], again)
    sheet.correct(story.id, said)
    story.set(account_id=sheet.accounts.get(said.company.domain, story.row["account_id"]))
    sheet.decisions.append(await _redecide(tx, story, policy, said, suppressed=False))


async def _redecide(tx: Tx, story: Story, policy: Policy, said: LeadSubmitted, *, suppressed: bool) -> dict[str, Any]:
    story.move(Act.RECEIVE, nurture_until=None)
    decision = redecide(said, PersonId(story.row["person_id"]), policy, tx.now, suppressed=suppressed)
    row = receipts.tell(story, decision)
    await _settle(tx, story, policy, decision.outcome, said)
    return row


async def _story(stories: Stories, loaded: Loaded, lead: LeadId) -> Story:
    """Of a lead that is locked already, or is new in this batch."""
    row = loaded.locked.get(lead)
    return stories.take(row) if row is not None else await stories.lock(lead)


def _begin(stories: Stories, submitted: LeadSubmitted, person: PersonId, account: str | None) -> Story:
    story = stories.begin(
        id=submitted.id,
        direction=str(submitted.direction),
        source=submitted.source,
        test=submitted.test,
        list=submitted.list,
        received_at=submitted.received_at,
        occurred_at=submitted.occurred_at,
        person_id=person,
        account_id=account,
    )
    received = LeadReceived(
        direction=submitted.direction,
        source=submitted.source,
        list=submitted.list,
        captured_at=submitted.received_at,
        occurred_at=submitted.occurred_at,
        features=_features(submitted),
    )
    story.tell(received)
    return story


def _features(submitted: LeadSubmitted) -> EventFeatures:
    contact, company, campaign = submitted.contact, submitted.company, submitted.campaign
    return EventFeatures(
        email_kind=contact.email_kind,
        country=company.country or contact.country,
        language=contact.language,
        employees=company.employees,
        industry=company.industry,
        intent=submitted.intent,
        product=submitted.product,
        has_phone=contact.phone_valid,
        utm_source=campaign.utm_source,
        utm_medium=campaign.utm_medium,
    )


async def _settle(tx: Tx, story: Story, policy: Policy, outcome: Outcome, submitted: LeadSubmitted) -> None:
    """Take a lead where it was decided to go."""
    match outcome:
        case Enqueue() | Pool():
            await _place(tx, story, policy, outcome, submitted)
        case Merge(into=into, matched_by=matched_by):
            story.move(Act.MERGE, merged_into=into, matched_by=matched_by.value)
            story.tell(LeadMerged(into_lead_id=into, matched_by=matched_by))
        case Nurture(until=until):
            story.move(Act.NURTURE, nurture_until=until)
            story.tell(LeadNurtured(until=until))
        case Reject(reason=reason):
            story.move(Act.REJECT, reason=reason.value)
            story.tell(LeadRejected(reason=reason.value))
        case _:
            assert_never(outcome)


async def _place(tx: Tx, story: Story, policy: Policy, place: Enqueue | Pool, submitted: LeadSubmitted) -> None:
    if place.qualify is not Qualify.BY_REP:
        by = Qualify.AUTO.value if place.qualify is Qualify.AUTO else None
        await opportunities.create(
            tx, story, place, policy=policy, queued_at=tx.now, qualified_by=by, product=submitted.product
        )
        return
    pooled = isinstance(place, Pool)
    story.move(Act.POOL if pooled else Act.ENQUEUE)
    items.put(
        story,
        kind=place.kind,
        queue=place.queue,
        pooled=pooled,
        priority=place.priority,
        rank_at=place.rank_at,
        queued_at=tx.now,
        due_at=place.due_at,
    )
