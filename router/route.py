"""Route a batch: folded through the world, so that two posts of one person in it meet."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from router.decide import decide
from router.match import known
from router.outcomes import Decision, Enqueue, Merge, Nurture, Pool, Reject, Repeat, Routed
from router.policy.compiled import Policy
from router.world import KnownPerson, Lead, OpenLead, World
from schemas.words import LeadState


def route(leads: Sequence[Lead], policy: Policy, world: World, now: datetime) -> list[Routed]:
    """Decide on each, in order: one answer for each. The ids of leads that are known already are repeats."""
    routed: list[Routed] = []
    for lead in leads:
        answer = _repeat(lead, world) or decide(lead, known(lead, world), policy, now)
        routed.append(answer)
        world = after(world, lead, answer)
    return routed


def after(world: World, lead: Lead, answer: Routed) -> World:
    """The world once this answer has been carried out."""
    world = world.with_submission(lead.submitted.id, lead.submitted.submission_id)
    if isinstance(answer, Repeat):
        return world
    person = world.persons.get(answer.person) or KnownPerson(answer.person, lead.submitted.test, frozenset())
    opened = _opened(lead, answer)
    return world.with_person(
        replace(
            person,
            identities=person.identities | lead.identities,
            open=person.open if opened is None else (*person.open, opened),
        )
    )


def _repeat(lead: Lead, world: World) -> Repeat | None:
    submissions = world.submissions.get(lead.submitted.id)
    if submissions is None:
        return None
    submission = lead.submitted.submission_id
    return Repeat(lead.submitted.id, submission, conflict=submission not in submissions)


def _opened(lead: Lead, decision: Decision) -> OpenLead | None:
    match decision.outcome:
        case Enqueue():
            state = LeadState.QUEUED
        case Pool():
            state = LeadState.POOLED
        case Nurture():
            state = LeadState.NURTURING
        case Merge() | Reject():
            return None
    return OpenLead(lead.submitted.id, lead.submitted.received_at, state)
