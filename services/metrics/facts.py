"""Facts: what an event of a lead's story counts for, and what it takes back."""

from dataclasses import replace

from schemas.events import customer
from schemas.events import lifecycle as lead
from schemas.events import opportunity as opp
from schemas.events.stamp import Stamp, Told
from schemas.words import CONVERSATIONS, Direction, ItemKind, LeadOutcome, Role
from services.metrics import customerfacts, dealfacts
from services.metrics.catalogue import FactKind
from services.metrics.fact import Fact, Folded, taken_back, tried, with_opportunity
from services.metrics.known import Done, Known, Try

LEAD_KINDS = frozenset({ItemKind.ENQUIRY, ItemKind.PROSPECT, ItemKind.OPPORTUNITY})
"""Work on the lead itself; tasks and customers answer nobody's enquiry."""


def facts_of(told: Told, known: Known) -> Folded:
    """Fold one event into what is known of its lead. What is unknown, and all of a test, counts for nothing.

    The caller gives each event once, in the order of `seq`.
    """
    known = replace(known, seq=told.stamp.seq, test=known.test or told.stamp.test)
    if known.test:
        return Folded(known)
    folded = _folded(told, known)
    by = told.stamp.actor.id
    return replace(folded, add=tuple(replace(fact, actor=by if fact.seq == known.seq else None) for fact in folded.add))


def _folded(told: Told, known: Known) -> Folded:
    match told.event:
        case lead.LeadReceived() as event:
            return _received(event, told.stamp, known)
        case lead.LeadDecided() as event:
            return _decided(event, known)
        case lead.LeadMerged() as event:
            known = replace(known, merged_into=event.into_lead_id, merged=told.stamp.seq)
            return _at_lead(FactKind.MERGED, told.stamp, taken_back(known, (known.received, FactKind.LEAD)))
        case lead.LeadUnmerged():
            parted = taken_back(known, (known.merged, FactKind.MERGED))
            return _again(replace(parted, known=replace(parted.known, merged_into=None, merged=None)))
        case lead.LeadRejected():
            known = replace(known, rejected=told.stamp.seq)
            return _at_lead(FactKind.REJECTED, told.stamp, taken_back(known, (known.received, FactKind.LEAD)))
        case lead.LeadReleased():
            wanted = taken_back(known, (known.rejected, FactKind.REJECTED))
            return _again(replace(wanted, known=replace(wanted.known, rejected=None)))
        case lead.LeadNurtured():
            return _at_lead(FactKind.NURTURED, told.stamp, Folded(known))
        case lead.LeadClosed(outcome=LeadOutcome.DISQUALIFIED):
            return _at_lead(FactKind.DISQUALIFIED, told.stamp, Folded(known))
        case lead.LeadClosed(outcome=LeadOutcome.UNREACHED):
            return _at_lead(FactKind.UNREACHED, told.stamp, Folded(known))
        case lead.ItemEvent() as event:
            return _item(event, told.stamp, known)
        case opp.OpportunityEvent() as event:
            return dealfacts.fold(event, told.stamp, known)
        case customer.CustomerEvent() as event:
            return customerfacts.fold(event, told.stamp, known)
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


def _again(folded: Folded) -> Folded:
    """It counts as a lead again: it is merged, or rejected, no more."""
    counts = folded.known.merged_into is None and folded.known.rejected is None
    return folded.but(*_capture(folded.known, FactKind.LEAD)) if counts else folded


def _at_lead(kind: FactKind, stamp: Stamp, so_far: Folded) -> Folded:
    """A fact of the lead itself: where it was, by who held it, else by who did it."""
    known = so_far.known
    actor = stamp.actor.id if stamp.actor.kind == Role.REP else None
    dims = known.under(known.queue_now, known.rep_now or actor)
    return so_far.but(Fact(known.lead, stamp.seq, kind, stamp.at, dims))


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
                known = with_opportunity(known, replace(held, rep=held.rep or event.rep_id))
            return Folded(known)
        case lead.ItemAttempted():
            made = Try(event.attempted_at or stamp.at, event.outcome in CONVERSATIONS)
            worked = known.opportunities[-1:] if event.kind == ItemKind.OPPORTUNITY else ()
            return tried(made, stamp, known, known.under(event.queue, event.rep_id), *worked)
        case lead.ItemCompleted(outcome="qualified"):
            return Folded(replace(known, qualified=Done(stamp.at, event.queue, event.rep_id)))
        case lead.ItemDeferred() | lead.ItemReturned() | lead.ItemExpired() | lead.ItemRevoked() | lead.ItemParked():
            return Folded(replace(known, rep_now=None))
        case _:
            return Folded(known)
