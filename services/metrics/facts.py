"""Facts: what an event of a lead's story counts for, and what it takes back."""

from dataclasses import dataclass, replace
from datetime import datetime

from schemas.events import lifecycle as lead
from schemas.events import opportunity as opp
from schemas.events.stamp import Stamp, Told
from schemas.words import (
    CONVERSATIONS,
    Direction,
    ItemKind,
    LeadId,
    LeadOutcome,
    MeetingMode,
    MeetingState,
    Money,
    Role,
)
from services.metrics.catalogue import FactKind
from services.metrics.known import Dims, Known, Opportunity, Try

LEAD_KINDS = frozenset({ItemKind.ENQUIRY, ItemKind.PROSPECT, ItemKind.OPPORTUNITY})
"""Work on the lead itself; tasks and customers answer nobody's enquiry."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, once: unique by lead, seq and kind. `value` is what it was worth, if anything."""

    lead: LeadId
    seq: int
    kind: FactKind
    at: datetime
    dims: Dims
    value: Money | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """A lead after one more event: the facts that this makes (or restates: same seq and kind) and takes back."""

    known: Known
    add: tuple[Fact, ...] = ()
    void: tuple[tuple[int, FactKind], ...] = ()

    def but(self, *add: Fact) -> "Folded":
        """With these facts as well."""
        reached = self.known.reached.union(fact.kind for fact in add)
        return Folded(replace(self.known, reached=reached), (*self.add, *add), self.void)


def facts_of(told: Told, known: Known) -> Folded:
    """Fold one event into what is known of its lead. What is unknown, and all of a test, counts for nothing.

    The caller gives each event once, in the order of `seq`.
    """
    known = replace(known, seq=told.stamp.seq, test=known.test or told.stamp.test)
    if known.test:
        return Folded(known)
    match told.event:
        case lead.LeadReceived() as event:
            return _received(event, told.stamp, known)
        case lead.LeadDecided() as event:
            return _decided(event, known)
        case lead.LeadMerged() as event:
            merged = _taken_back(FactKind.LEAD, known.received, replace(known, merged_into=event.into_lead_id))
            return _at_lead(FactKind.MERGED, told.stamp, merged)
        case lead.LeadRejected():
            return _at_lead(FactKind.REJECTED, told.stamp, _taken_back(FactKind.LEAD, known.received, known))
        case lead.LeadNurtured():
            return _at_lead(FactKind.NURTURED, told.stamp, Folded(known))
        case lead.LeadClosed(outcome=LeadOutcome.DISQUALIFIED):
            return _at_lead(FactKind.DISQUALIFIED, told.stamp, Folded(known))
        case lead.LeadClosed(outcome=LeadOutcome.UNREACHED):
            return _at_lead(FactKind.UNREACHED, told.stamp, Folded(known))
        case lead.ItemEvent() as event:
            return _item(event, told.stamp, known)
        case opp.OpportunityEvent() as event:
            return _opportunity(event, told.stamp, known)
        case _:
            return Folded(known)


def _received(event: lead.LeadReceived, stamp: Stamp, known: Known) -> Folded:
    known = replace(
        known,
        received=stamp.seq,
        direction=event.direction,
        source=event.source,
        hand_raiser=event.direction == Direction.INBOUND and not event.list,
        captured_at=event.captured_at,
        occurred_at=event.occurred_at,
    )
    return Folded(known).but(*_capture(known, FactKind.SUBMISSION, FactKind.LEAD))


def _decided(event: lead.LeadDecided, known: Known) -> Folded:
    if event.stage != "captured":
        return Folded(replace(known, segment_now=event.segment or known.segment_now))
    known = replace(
        known,
        decided=True,
        slept=known.slept if known.decided else event.action == "nurture",
        queue=known.queue or event.queue,
        segment=known.segment or event.segment,
        queue_now=event.queue or known.queue_now,
        segment_now=event.segment or known.segment_now,
        desks=known.desks | _desks(event.queue),
    )
    standing = (kind for kind in (FactKind.SUBMISSION, FactKind.LEAD) if kind in known.reached)
    return Folded(known).but(*_capture(known, *standing))


def _desks(queue: str | None) -> set[str]:
    return {queue.partition("/")[0]} if queue else set()


def _capture(known: Known, *kinds: FactKind) -> list[Fact]:
    """What a lead counts for at its captured time: under its first queue, by nobody."""
    if known.received is None or known.captured_at is None:
        return []
    dims = replace(known.first, rep=None)
    return [Fact(known.lead, known.received, kind, known.captured_at, dims) for kind in kinds]


def _at_lead(kind: FactKind, stamp: Stamp, so_far: Folded) -> Folded:
    """A fact of the lead itself: where it was, by who held it, else by who did it."""
    known = so_far.known
    actor = stamp.actor.id if stamp.actor.kind == Role.REP else None
    dims = known.under(known.queue_now, known.rep_now or actor)
    return so_far.but(Fact(known.lead, stamp.seq, kind, stamp.at, dims))


def _taken_back(kind: FactKind, seq: int | None, known: Known) -> Folded:
    if seq is None or kind not in known.reached:
        return Folded(known)
    return Folded(replace(known, reached=known.reached - {kind}), void=((seq, kind),))


def _item(event: lead.ItemEvent, stamp: Stamp, known: Known) -> Folded:
    known = replace(known, desks=known.desks | _desks(event.queue))
    if event.kind not in LEAD_KINDS:
        return Folded(known)
    match event:
        case lead.ItemQueued():
            if known.pullable_at is None:
                known = replace(known, pullable_at=stamp.at, due_at=event.due_at)
            return Folded(replace(known, queue=known.queue or event.queue, queue_now=event.queue, rep_now=None))
        case lead.ItemClaimed():
            known = replace(known, rep=known.rep or event.rep_id, rep_now=event.rep_id)
            if event.kind == ItemKind.OPPORTUNITY and known.opportunities:
                held = known.opportunities[-1]
                known = _with(known, replace(held, rep=held.rep or event.rep_id))
            return Folded(known)
        case lead.ItemAttempted():
            tried = Try(event.attempted_at or stamp.at, event.outcome in CONVERSATIONS)
            worked = known.opportunities[-1:] if event.kind == ItemKind.OPPORTUNITY else ()
            return _tried(tried, stamp, known, known.under(event.queue, event.rep_id), *worked)
        case lead.ItemDeferred() | lead.ItemReturned() | lead.ItemExpired() | lead.ItemRevoked() | lead.ItemParked():
            return Folded(replace(known, rep_now=None))
        case _:
            return Folded(known)


def _tried(tried: Try, stamp: Stamp, known: Known, dims: Dims, *worked: Opportunity) -> Folded:
    """A try to reach the person, in the course of an opportunity (`worked`) or before there is one."""
    new = {FactKind.ATTEMPTED} | ({FactKind.CONVERSED} if tried.conversation else set())
    facts = [Fact(known.lead, stamp.seq, kind, tried.at, dims) for kind in sorted(new - known.reached)]
    known = replace(known, tries=(*known.tries, tried))
    for one in worked:
        if tried.conversation and one.conversed_at is None:
            known = _with(known, replace(one, conversed_at=tried.at))
    return Folded(known).but(*facts)


def _opportunity(event: opp.OpportunityEvent, stamp: Stamp, known: Known) -> Folded:
    one = known.opportunity(event.opportunity_id, stamp.seq)
    dims = known.under(event.queue, event.rep_id)

    def fact(kind: FactKind, at: datetime = stamp.at, value: Money | None = None) -> Fact:
        return Fact(known.lead, stamp.seq, kind, at, dims, value)

    match event:
        case opp.OpportunityCreated():
            one = replace(one, made_at=stamp.at, queue=event.queue, segment=known.segment_now)
            made_by_rep = event.qualified_by is not None and event.qualified_by != "auto"
            if made_by_rep and event.acceptance != "required":
                dims = known.under(event.queue, event.rep_id or event.qualified_by)
                return Folded(_with(known, replace(one, qualified=True))).but(fact(FactKind.QUALIFIED))
            return Folded(_with(known, one))
        case opp.OpportunityAccepted() if not one.qualified:
            return Folded(_with(known, replace(one, qualified=True))).but(fact(FactKind.QUALIFIED))
        case opp.OpportunityReleased():
            return Folded(known).but(fact(FactKind.RELEASED))
        case opp.OpportunityMeeting(state=MeetingState.HELD):
            at = min(event.scheduled_for, stamp.at)
            in_person = event.mode == MeetingMode.IN_PERSON if event.face_to_face is None else event.face_to_face
            met = FactKind.MET_FACE_TO_FACE if in_person else FactKind.MET
            return _tried(Try(at, conversation=True), stamp, known, dims, one).but(fact(met, at))
        case opp.OpportunityProposalRequested() if not one.requested:
            return Folded(_with(known, replace(one, requested=True))).but(fact(FactKind.PROPOSAL_REQUESTED))
        case opp.OpportunityProposalPresented() if not one.presented:
            return Folded(_with(known, replace(one, presented=True))).but(fact(FactKind.PROPOSAL_PRESENTED))
        case opp.OpportunityWon():
            return Folded(known).but(fact(FactKind.WON, event.won_at, event.value))
        case opp.OpportunityLost():
            return Folded(_with(known, replace(one, lost=stamp.seq))).but(fact(FactKind.LOST))
        case opp.OpportunityReopened() if one.lost is not None:
            known = _with(known, replace(one, lost=None))
            if any(other.lost is not None for other in known.opportunities):
                return Folded(known, void=((one.lost, FactKind.LOST),))
            return _taken_back(FactKind.LOST, one.lost, known)
        case _:
            return Folded(known)


def _with(known: Known, one: Opportunity) -> Known:
    """With this opportunity as it is now; the one made last stands last."""
    if any(other.id == one.id for other in known.opportunities):
        kept = (one if other.id == one.id else other for other in known.opportunities)
        return replace(known, opportunities=tuple(kept))
    return replace(known, opportunities=(*known.opportunities, one))
