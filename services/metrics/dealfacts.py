"""What an event of an opportunity counts for, and what it takes back."""

from dataclasses import replace
from datetime import datetime

from schemas.events import opportunity as opp
from schemas.events.stamp import Stamp
from schemas.words import MeetingMode, MeetingState, Money, OpportunityState
from services.metrics.catalogue import FactKind
from services.metrics.fact import Fact, Folded, taken_back, tried, with_opportunity
from services.metrics.known import Known, Opportunity, Try


def fold(event: opp.OpportunityEvent, stamp: Stamp, known: Known) -> Folded:
    """Fold it into what is known of its lead."""
    one = known.opportunity(event.opportunity_id, stamp.seq)
    dims = known.under(event.queue, event.rep_id)

    def fact(kind: FactKind, at: datetime = stamp.at, value: Money | None = None) -> Fact:
        return Fact(known.lead, stamp.seq, kind, at, dims, value, opportunity=one.id)

    match event:
        case opp.OpportunityCreated():
            one = replace(one, made_at=stamp.at, queue=event.queue, segment=known.segment_now)
            made_by_rep = event.qualified_by is not None and event.qualified_by != "auto"
            one = replace(one, qualifier=known.qualified if made_by_rep else None)
            if made_by_rep and event.acceptance != "required":
                dims = known.under(event.queue, event.rep_id or event.qualified_by)
                return Folded(with_opportunity(known, _counted(one, stamp))).but(fact(FactKind.QUALIFIED))
            return Folded(with_opportunity(known, one))
        case opp.OpportunityAccepted() if not one.qualified:
            return Folded(with_opportunity(known, _counted(one, stamp))).but(fact(FactKind.QUALIFIED))
        case opp.OpportunityRejected() if one.qualified:
            known = with_opportunity(known, replace(one, qualified=False, counted=None, passed=None))
            left = any(other.qualified for other in known.opportunities)
            return taken_back(known, (one.counted, FactKind.QUALIFIED), left=left)
        case opp.OpportunityReleased():
            return Folded(known).but(fact(FactKind.RELEASED))
        case opp.OpportunityMeeting(state=MeetingState.HELD):
            at = min(event.scheduled_for, stamp.at)
            in_person = event.mode == MeetingMode.IN_PERSON if event.face_to_face is None else event.face_to_face
            met = FactKind.MET_FACE_TO_FACE if in_person else FactKind.MET
            return tried(Try(at, conversation=True), stamp, known, dims, one).but(fact(met, at))
        case opp.OpportunityProposalRequested() if not one.requested:
            return Folded(with_opportunity(known, replace(one, requested=True))).but(fact(FactKind.PROPOSAL_REQUESTED))
        case opp.OpportunityProposalPresented() if not one.presented:
            return Folded(with_opportunity(known, replace(one, presented=True))).but(fact(FactKind.PROPOSAL_PRESENTED))
        case opp.OpportunityWon():
            known = replace(with_opportunity(known, replace(one, won=stamp.seq)), won_at=event.won_at, won_by=one.id)
            return Folded(known).but(fact(FactKind.WON, event.won_at, event.value))
        case opp.OpportunityLost():
            return Folded(with_opportunity(known, replace(one, lost=stamp.seq))).but(fact(FactKind.LOST))
        case opp.OpportunityReopened() if one.lost is not None:
            return _reopened(known, one)
        case opp.OpportunityCorrected():
            undone = _undone(known, one)
            one = undone.known.opportunity(one.id, stamp.seq)
            match event.to:
                case OpportunityState.WON:
                    at = event.won_at or stamp.at
                    known = replace(
                        with_opportunity(undone.known, replace(one, won=stamp.seq)), won_at=at, won_by=one.id
                    )
                    return replace(undone, known=known).but(fact(FactKind.WON, at, event.value))
                case OpportunityState.LOST:
                    known = with_opportunity(undone.known, replace(one, lost=stamp.seq))
                    return replace(undone, known=known).but(fact(FactKind.LOST))
            return undone
        case _:
            return Folded(known)


def _counted(one: Opportunity, stamp: Stamp) -> Opportunity:
    """It counts as qualified from this event on, for who qualified it too."""
    return replace(one, qualified=True, counted=stamp.seq, passed=stamp.seq if one.qualifier else None)


def _reopened(known: Known, one: Opportunity) -> Folded:
    """It is lost no more: the loss leaves its old time."""
    known = with_opportunity(known, replace(one, lost=None))
    return taken_back(known, (one.lost, FactKind.LOST), left=any(other.lost for other in known.opportunities))


def _undone(known: Known, one: Opportunity) -> Folded:
    """It is neither won nor lost: what it counted as leaves its old time."""
    lost = _reopened(known, replace(one, won=None))
    left = any(other.won for other in lost.known.opportunities)
    won = taken_back(lost.known, (one.won, FactKind.WON), left=left)
    return replace(won, void=lost.void + won.void)
