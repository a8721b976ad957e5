"""Leads: what comes of the decisions on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from router.decide import decide, handover, redecide
from router.enriching import Answer
from router.features import filled, renewed
from router.lifecycle import Act
from router.match import again, deal_of
from router.outcomes import Decision, Enqueue, Merge, Pool, Reject, Repeat, Routed
from router.policy.compiled import Policy
from router.route import with_work
from router.world import Identity, Known, Lead, World
from schemas.events.intake import LeadSubmitted
from schemas.events.lifecycle import EventFeatures, LeadConflictingSubmission, LeadReceived
from schemas.words import AccountId, LeadId, LeadState, MatchedBy, PersonId, Priority
from services.runtime.tx import Tx
from services.store import accounts, details, holding, opportunities, persons, receipts, rows, settling, suppressions
from services.store import tables as t
from services.store.story import Stories, Story
from services.store.worlds import Loaded


@dataclass(slots=True)
class _Sheet:
    """What a batch adds beside its stories, kept at the end by one statement for each table."""

    said: dict[LeadId, LeadSubmitted]
    """New leads, and those into which one is merged, as now known."""
    world: World
    """As what was carried out so far left it."""
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
    sheet = _Sheet(await details.of(tx, joined), loaded.world)
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
    decision = _in_time(sheet.world, lead, decision, policy, tx.now)
    sheet.add(lead, decision)
    story = _begin(stories, lead.submitted, decision.person, decision.receipt.knew.account)
    await _carry_out(tx, stories, policy, loaded, sheet, lead, story, decision)


async def anew(tx: Tx, stories: Stories, policy: Policy, loaded: Loaded, decided: Sequence[Decision]) -> None:
    """Carry out what was decided anew on leads that are `received` again, their stories open."""
    joined = [one.outcome.into for one in decided if isinstance(one.outcome, Merge)]
    ids = [lead.submitted.id for lead in loaded.leads]
    sheet = _Sheet(await details.of(tx, [*ids, *joined]), loaded.world)
    for lead, one in zip(loaded.leads, decided, strict=True):
        decision = _in_time(sheet.world, lead, one, policy, tx.now)
        story = await stories.lock(lead.submitted.id)
        story.set(person_id=decision.person, account_id=decision.receipt.knew.account)
        await _carry_out(tx, stories, policy, loaded, sheet, lead, story, decision)
    for corrected in sheet.corrected:
        await details.correct(tx, sheet.said[corrected])
    await receipts.keep(tx, sheet.decisions)


async def _carry_out(
    tx: Tx,
    stories: Stories,
    policy: Policy,
    loaded: Loaded,
    sheet: _Sheet,
    lead: Lead,
    story: Story,
    decision: Decision,
) -> None:
    submitted, outcome = lead.submitted, decision.outcome
    sheet.decisions.append(receipts.tell(story, decision))
    await settling.settle(tx, story, policy, outcome, submitted)
    if isinstance(outcome, Merge):
        into = await _story(stories, loaded, outcome.into)
        if outcome.redecide and into.state == LeadState.NURTURING:
            await _renew(tx, stories, into, policy, sheet, lead)
        elif outcome.matched_by is not MatchedBy.ACCOUNT:
            sheet.correct(outcome.into, filled(sheet.said[outcome.into], submitted))
        if into.state == LeadState.MERGED:  # by one before it in its batch
            story.set(merged_into=into.row["merged_into"])
        if outcome.reopens is not None:
            opened = await opportunities.reopen(tx, into, outcome.reopens, policy)
            assert opened, "it is lost, and locked with its account"
    sheet.world = with_work(sheet.world, lead, decision, policy, tx.now)


def _in_time(world: World, lead: Lead, decision: Decision, policy: Policy, now: datetime) -> Decision:
    """A decision as it stands: a nurtured lead, decided anew before it in its batch, may have opened an opportunity."""
    account = world.account_of(lead, decision.person)
    if account is None or isinstance(decision.outcome, Merge | Reject):
        return decision
    deal = deal_of(account, lead.submitted.product, test=lead.submitted.test)
    if deal is None:
        return decision
    return decide(lead, replace(decision.receipt.knew, into=deal.lead, matched_by=MatchedBy.ACCOUNT), policy, now)


async def decide_again(
    tx: Tx, stories: Stories, story: Story, policy: Policy, world: World, *, answer: Answer | None = None
) -> World:
    """Decide a nurtured lead, locked with its account, whose day has come; the world afterwards.

    Or one that waited for the hook's `answer`, which is empty where there was none in time.
    """
    said = (await details.of(tx, [story.id]))[story.id]
    reachable = await suppressions.channels(tx, story.id)
    lead = Lead(said, frozenset(), PersonId(story.row["person_id"]), story.row["account_id"])
    knew = replace(again(lead, world), suppressed=not reachable)
    decision = await _redecide(tx, stories, story, policy, said, knew, answer)
    await receipts.keep(tx, [decision.row])
    return with_work(world, lead, decision.made, policy, tx.now)


async def hand_over(
    tx: Tx, story: Story, policy: Policy, submitted: LeadSubmitted, qualification: Mapping[str, Any]
) -> Enqueue | Pool:
    """Decide, and tell, where a lead goes that a rep has qualified; `submitted` is the lead as corrected.

    The caller makes the opportunity in that place.
    """
    account = story.row["account_id"]
    knew = Known(PersonId(story.row["person_id"]), account=account, relation=await accounts.relation_of(tx, account))
    answer = await details.answer_of(tx, story.id) if policy.enrichment else None
    priority = Priority(story.row["priority"])
    decision = handover(submitted, qualification, knew, policy, tx.now, priority=priority, answer=answer)
    await receipts.keep(tx, [receipts.tell(story, decision)])
    assert isinstance(decision.outcome, Enqueue | Pool), "a handover ends in a closing queue or its pool"
    return decision.outcome


async def _renew(tx: Tx, stories: Stories, story: Story, policy: Policy, sheet: _Sheet, came: Lead) -> None:
    """Decide a nurtured lead anew whose person came again."""
    said = renewed(sheet.said[story.id], came.submitted)
    sheet.correct(story.id, said)
    lead = Lead(said, frozenset(), PersonId(story.row["person_id"]), came.account or story.row["account_id"])
    knew = again(lead, sheet.world)
    story.set(account_id=knew.account or story.row["account_id"])
    decision = await _redecide(tx, stories, story, policy, said, knew)
    sheet.decisions.append(decision.row)
    sheet.world = with_work(sheet.world, lead, decision.made, policy, tx.now)


class _Made(NamedTuple):
    """A decision, and the row that keeps it."""

    made: Decision
    row: dict[str, Any]


async def _redecide(
    tx: Tx,
    stories: Stories,
    story: Story,
    policy: Policy,
    said: LeadSubmitted,
    knew: Known,
    answer: Answer | None = None,
) -> _Made:
    story.move(Act.RECEIVE, nurture_until=None, data_deadline=None, data_next_at=None)
    decision = redecide(said, knew, policy, tx.now, answer=answer)
    row = receipts.tell(story, decision)
    await settling.settle(tx, story, policy, decision.outcome, said, holder=await holding.last_of_lead(tx, story.id))
    if isinstance(decision.outcome, Merge):
        await stories.adopt(story.id, decision.outcome.into)
    return _Made(decision, row)


async def _story(stories: Stories, loaded: Loaded, lead: LeadId) -> Story:
    """Of a lead that is locked already, or is new in this batch."""
    row = loaded.locked.get(lead)
    return stories.take(row) if row is not None else await stories.lock(lead)


def _begin(stories: Stories, submitted: LeadSubmitted, person: PersonId, account: AccountId | None) -> Story:
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
