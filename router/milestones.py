"""Milestones: when a lead first reached each step, folded from its own events."""

from collections.abc import Mapping
from datetime import datetime

from schemas.events import lifecycle, opportunity
from schemas.events.stamp import Told, text_of
from schemas.words import ItemKind, MeetingState, OpportunityState

_AFTER = frozenset({ItemKind.CUSTOMER, ItemKind.TASK})
"""Work that answers nobody's enquiry."""


def mark(milestones: Mapping[str, str], told: Told) -> Mapping[str, str]:
    """Add what `told` reaches; a milestone once reached keeps its time.

    A reopened opportunity is no longer lost; of a corrected one neither the win nor the loss stands that was told.
    """
    match told.event:
        case opportunity.OpportunityReopened():
            return {name: at for name, at in milestones.items() if name != "lost"}
        case opportunity.OpportunityCorrected():
            milestones = {name: at for name, at in milestones.items() if name not in ("won", "lost")}
    reached = {name: text_of(at) for name, at in _reached(told).items()}
    return {**reached, **milestones}


def _reached(told: Told) -> Mapping[str, datetime]:
    at = told.stamp.at
    match told.event:
        case lifecycle.LeadReceived(captured_at=captured):
            return {"captured": captured}
        case lifecycle.LeadDecided(stage="captured"):
            return {"decided": at}
        case lifecycle.ItemQueued(kind=ItemKind.ENQUIRY | ItemKind.PROSPECT | ItemKind.OPPORTUNITY):
            return {"pullable": at}
        case lifecycle.ItemClaimed(kind=ItemKind.ENQUIRY | ItemKind.PROSPECT):
            return {"pulled": at}
        case lifecycle.ItemClaimed(kind=ItemKind.OPPORTUNITY):
            return {"pulled": at, "closer_pulled": at}
        case lifecycle.ItemAttempted(kind=kind, first_conversation=conversed, attempted_at=made) if kind not in _AFTER:
            reached = {"attempt": made or at}
            if conversed:
                reached["conversation"] = made or at
                if kind == ItemKind.OPPORTUNITY:
                    reached["closer_conversation"] = made or at
            return reached
        case opportunity.OpportunityCreated():
            return {"qualified": at}
        case opportunity.OpportunityReleased():
            return {"released": at}
        case opportunity.OpportunityMeeting(state=MeetingState.HELD, scheduled_for=planned):
            held = min(planned, at)
            return {"meeting": held, "attempt": held, "conversation": held, "closer_conversation": held}
        case opportunity.OpportunityProposalRequested():
            return {"proposal_requested": at}
        case opportunity.OpportunityProposalPresented():
            return {"proposal_presented": at}
        case opportunity.OpportunityWon(won_at=won):
            return {"won": won}
        case opportunity.OpportunityLost() | opportunity.OpportunityCorrected(to=OpportunityState.LOST):
            return {"lost": at}
        case opportunity.OpportunityCorrected(to=OpportunityState.WON, won_at=won):
            return {"won": won or at}
        case _:
            return {}
