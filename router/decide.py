"""One lead, one decision: a total function of what is known, the policy and `now`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from router.enriching import Answer
from router.features import features_of
from router.order import rank_at
from router.outcomes import (
    CAPTURED,
    HANDOVER,
    Await,
    Data,
    Decision,
    Enqueue,
    Merge,
    Nurture,
    Outcome,
    Pool,
    Receipt,
    Reject,
)
from router.policy.clauses import holds
from router.policy.compiled import Policy
from router.policy.rule import (
    ENRICHMENT,
    FLAGGED,
    ONE_CONTACT,
    REOPENED,
    SAME_ACCOUNT,
    SAME_PERSON,
    SUPPRESSED,
    Handover,
    Place,
    Refuse,
    Rule,
    Sleep,
)
from router.world import Known, Lead
from schemas.events.intake import LeadSubmitted
from schemas.words import Direction, ItemKind, MatchedBy, PersonId, Priority, Qualify, Rejection

ENGINE = 1
"""The semantics of a decision. A change by which an old receipt would come out otherwise gets a new number."""

Due = Callable[[Place], datetime | None]
"""The time by which the first attempt is promised, as the calendar says."""


def decide(lead: Lead, known: Known, policy: Policy, now: datetime) -> Decision:
    """Decide on a new lead.

    In this order: what ingest flagged is rejected, then whom no channel may reach; who has an open lead is merged into
    it, or into that of their account's open opportunity, or opens again what they lost lately; where the policy has a
    hook for it, that is asked first; then the scores add up, and the first rule that matches decides; else the fallback
    for its direction. A prospect waits where its account is being approached.
    """
    asked = _asked(lead.submitted, known, policy, now, person=known.person or lead.person)
    return conclude(asked, policy, _calendar(policy, now))


def redecide(
    submitted: LeadSubmitted, known: Known, policy: Policy, now: datetime, *, answer: Answer | None = None
) -> Decision:
    """Decide again on a nurtured lead, when its day has come or its person (then `features.renewed` makes `submitted`).

    Or on one that waited for data: with the `answer` that there was, be it empty. Its person is `known.person`; it is
    matched with nobody, for it is their open lead.
    """
    assert known.person is not None, "it is somebody's"
    asked = _asked(submitted, known, policy, now, person=known.person)
    if answer is not None:
        saw = features_of(submitted, policy.looks_at, relation=known.relation, enriched=answer)
        asked = replace(asked, data=Data.ANSWERED if answer else Data.UNANSWERED, saw=saw)
    return conclude(asked, policy, _calendar(policy, now))


def release(lead: Lead, known: Known, policy: Policy, now: datetime) -> Decision:
    """Decide on a rejected lead that a manager wants routed: as on a new one, but neither flags nor rules reject it."""
    asked = _asked(lead.submitted, known, policy, now, person=known.person or lead.person)
    return conclude(replace(asked, flag=None, released=True), policy, _calendar(policy, now))


def handover(
    submitted: LeadSubmitted,
    qualification: Mapping[str, Any],
    known: Known,
    policy: Policy,
    now: datetime,
    *,
    priority: Priority,
    answer: Answer | None = None,
) -> Decision:
    """Decide to which closing queue goes what a rep has qualified: always an `Enqueue` or a `Pool`.

    `submitted` is the lead as corrected; `answer` is what the hook once said of it. Unless the rule says another, the
    opportunity has the lead's `priority`.
    """
    assert known.person is not None, "it is somebody's"
    asked = _asked(submitted, known, policy, now, person=known.person)
    saw = features_of(submitted, policy.looks_at, qualification, relation=known.relation, enriched=answer)
    asked = replace(asked, stage=HANDOVER, priority=priority, flag=None, saw=saw)
    return conclude(asked, policy, _calendar(policy, now))


def conclude(asked: Receipt, policy: Policy, due: Due) -> Decision:
    """Fill in a receipt of which the inputs stand: the clauses, the rule, and the outcome."""
    if asked.flag is not None:
        flags = {reason.value: reason for reason in Rejection}
        return Decision(Reject(flags.get(asked.flag, Rejection.REVIEW), None), replace(asked, rule=FLAGGED))
    if asked.knew.suppressed:
        return Decision(Reject(Rejection.SUPPRESSED, None), replace(asked, rule=SUPPRESSED))
    if asked.knew.into is not None and asked.knew.matched_by is not None:
        into, by, reopens = asked.knew.into, asked.knew.matched_by, asked.knew.reopens
        merge = Merge(into, by, redecide=asked.knew.nurturing, reopens=reopens)
        others = SAME_ACCOUNT if by is MatchedBy.ACCOUNT else SAME_PERSON
        return Decision(merge, replace(asked, rule=REOPENED if reopens else others))
    if policy.enrichment is not None and asked.stage == CAPTURED and asked.data is None:
        wanted, hook = holds(policy.enrichment.when, asked.saw)
        asked = replace(asked, hook=hook)
        if wanted:
            return Decision(Await(asked.now + policy.enrichment.deadline), replace(asked, rule=ENRICHMENT))
    if policy.scores.scores:
        score, scores = policy.scores.sum(asked.saw)
        asked = replace(asked, score=score, scores=scores)
    rule, clauses = _first(asked, policy)
    due_at = due(rule.then) if isinstance(rule.then, Place) else None
    outcome = _outcome(asked, rule, policy, due_at)
    name = rule.name
    if (until := _waits(asked, outcome)) is not None:
        outcome, name = Nurture(until, rule.then.segment if isinstance(rule.then, Place) else None), ONE_CONTACT
    return Decision(outcome, replace(asked, clauses=clauses, rule=name, due_at=due_at))


def _asked(submitted: LeadSubmitted, known: Known, policy: Policy, now: datetime, *, person: PersonId) -> Receipt:
    return Receipt(
        lead=submitted.id,
        engine=ENGINE,
        policy=policy.version,
        now=now,
        stage=CAPTURED,
        direction=str(submitted.direction),
        list=submitted.list,
        flag=submitted.flag,
        priority=Priority.NORMAL,
        saw=features_of(submitted, policy.looks_at, relation=known.relation),
        knew=known,
        clauses=(),
        rule="",
        due_at=None,
        person=person,
    )


def _calendar(policy: Policy, now: datetime) -> Due:
    def due(place: Place) -> datetime | None:
        return None if place.sla is None else policy.queues[place.queue].calendar.due(now, place.sla)

    return due


def _first(asked: Receipt, policy: Policy) -> tuple[Rule | Handover, tuple[str, ...]]:
    """The first rule that matches, and what each rule up to it said; else the fallback."""
    if asked.stage == HANDOVER:
        handover, said = policy.handover.first(asked.features)
        return handover or policy.fallback_handover, said
    rule, said = policy.rules.first(asked.features, placing=asked.released)
    inbound = policy.fallback[Direction.INBOUND]
    return rule or next((way for key, way in policy.fallback.items() if key == asked.direction), inbound), said


def _waits(asked: Receipt, outcome: Outcome) -> datetime | None:
    """Until when a prospect sleeps whose account is being approached already, or just was."""
    prospect = isinstance(outcome, Enqueue | Pool) and outcome.kind is ItemKind.PROSPECT
    at = asked.knew.contact_at
    return at if prospect and at is not None and at > asked.now else None


def _outcome(asked: Receipt, rule: Rule | Handover, policy: Policy, due_at: datetime | None) -> Outcome:
    match rule.then:
        case Sleep(by=by, segment=segment):
            return Nurture(asked.now + by, segment)
        case Refuse(reason=reason, segment=segment):
            return Reject(reason, segment)
        case Place() as place:
            return _placed(asked, place, policy, due_at)
        case _:
            assert_never(rule.then)


def _placed(asked: Receipt, place: Place, policy: Policy, due_at: datetime | None) -> Enqueue | Pool:
    queue = policy.queues[place.queue]
    priority = place.priority or asked.priority
    at_once = queue.release is None or priority is Priority.HOT or _raised_a_hand(asked, place)
    return (Enqueue if at_once else Pool)(
        queue=queue.name,
        kind=queue.kind,
        qualify=place.qualify,
        priority=priority,
        segment=place.segment,
        rank_at=rank_at(asked.now, priority, from_list=asked.list, credit=policy.rank_credit),
        due_at=due_at,
    )


def _raised_a_hand(asked: Receipt, place: Place) -> bool:
    """Who asked for something is not kept waiting by a buffer until a rep has qualified them."""
    hand_raiser = asked.direction == Direction.INBOUND and not asked.list
    return hand_raiser and asked.stage == CAPTURED and place.qualify is Qualify.BY_REP
