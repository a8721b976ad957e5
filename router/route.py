"""Route a batch: folded through the world, so that two posts of one person in it meet."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from router.decide import decide
from router.match import known
from router.outcomes import Await, Decision, Enqueue, Merge, Nurture, Pool, Repeat, Routed
from router.outreach import approached_until
from router.policy.compiled import Policy
from router.world import Contact, KnownAccount, KnownPerson, Lead, OpenDeal, OpenLead, World
from schemas.words import ItemKind, LeadState


def route(leads: Sequence[Lead], policy: Policy, world: World, now: datetime) -> list[Routed]:
    """Decide on each, in order: one answer for each. The ids of leads that are known already are repeats."""
    routed: list[Routed] = []
    for lead in leads:
        answer = _repeat(lead, world) or decide(lead, known(lead, world), policy, now)
        routed.append(answer)
        world = after(world, lead, answer, policy, now)
    return routed


def after(world: World, lead: Lead, answer: Routed, policy: Policy, now: datetime) -> World:
    """The world once this answer has been carried out."""
    world = world.with_submission(lead.submitted.id, lead.submitted.submission_id)
    if isinstance(answer, Repeat):
        return world
    person = world.persons.get(answer.person) or KnownPerson(answer.person, lead.submitted.test, frozenset())
    person = replace(person, identities=person.identities | lead.identities)
    world = with_work(world, lead, answer, policy, now)
    return world.with_person(_reopened(person, answer) if _reopens(answer) else _opened(person, lead, answer))


def with_work(world: World, lead: Lead, decision: Decision, policy: Policy, now: datetime) -> World:
    """The world in which the account of this lead is dealt with, or approached, as was decided."""
    sent, outcome = lead.submitted, decision.outcome
    account = world.account_of(lead, decision.person)
    match outcome:
        case Enqueue(kind=ItemKind.PROSPECT) | Pool(kind=ItemKind.PROSPECT) if policy.outbound and account:
            until = approached_until(policy.outbound, now, active=True)
            held = (Contact(sent.id, sent.test, until),) if until is not None else ()
            return world.with_account(replace(account, contacts=(*account.contacts, *held)))
        case Enqueue(kind=ItemKind.OPPORTUNITY) | Pool(kind=ItemKind.OPPORTUNITY) if account:
            return _dealing(world, account, OpenDeal(sent.id, sent.product, sent.test, sent.received_at))
        case Merge(reopens=str() as reopens):
            for lost in world.persons[decision.person].lost:
                whose = world.accounts.get(lost.account) if lost.account else None
                if lost.opportunity == reopens and whose:
                    return _dealing(world, whose, OpenDeal(lost.lead, lost.product, sent.test, lost.received_at))
    return world


def _dealing(world: World, account: KnownAccount, deal: OpenDeal) -> World:
    return world.with_account(replace(account, deals=(*account.deals, deal)))


def _repeat(lead: Lead, world: World) -> Repeat | None:
    submission = lead.submitted.submission_id
    if lead.submitted.id in world.erased:
        return Repeat(lead.submitted.id, submission, conflict=False)
    submissions = world.submissions.get(lead.submitted.id)
    if submissions is None:
        return None
    return Repeat(lead.submitted.id, submission, conflict=submission not in submissions)


def _reopens(decision: Decision) -> bool:
    return isinstance(decision.outcome, Merge) and decision.outcome.reopens is not None


def _reopened(person: KnownPerson, decision: Decision) -> KnownPerson:
    """What was lost is their open lead again."""
    again = [lost for lost in person.lost if lost.opportunity == decision.receipt.knew.reopens]
    opened = (OpenLead(lost.lead, lost.received_at, LeadState.QUEUED) for lost in again)
    return replace(person, open=(*person.open, *opened), lost=tuple(lost for lost in person.lost if lost not in again))


def _opened(person: KnownPerson, lead: Lead, decision: Decision) -> KnownPerson:
    match decision.outcome:
        case Enqueue():
            state = LeadState.QUEUED
        case Pool():
            state = LeadState.POOLED
        case Nurture():
            state = LeadState.NURTURING
        case Await():
            state = LeadState.AWAITING_DATA
        case _:
            return person
    return replace(person, open=(*person.open, OpenLead(lead.submitted.id, lead.submitted.received_at, state)))
