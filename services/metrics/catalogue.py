"""What is counted: each count there is, once. What it means to who reads it stands in `schemas.api.metrics`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.events.series import Metric
from schemas.words import Direction


class FactKind(StrEnum):
    """A thing that happened and counts."""

    SUBMISSION = "submission"
    LEAD = "lead"
    ATTEMPTED = "attempted"
    CONVERSED = "conversed"
    QUALIFIED = "qualified"
    RELEASED = "released"
    MET = "met"
    MET_FACE_TO_FACE = "met_face_to_face"
    PROPOSAL_REQUESTED = "proposal_requested"
    PROPOSAL_PRESENTED = "proposal_presented"
    WON = "won"
    LOST = "lost"
    DISQUALIFIED = "disqualified"
    UNREACHED = "unreached"
    NURTURED = "nurtured"
    MERGED = "merged"
    REJECTED = "rejected"
    DEPLOYED = "deployed"
    EXPANDED = "expanded"
    RENEWED = "renewed"
    CHURNED = "churned"


class DeedKind(StrEnum):
    """A thing that somebody did, or that befell them, and that counts for or against them."""

    PULLED = "pulled"
    RETURNED = "returned"
    EXCEPTED = "excepted"
    ASSIGNED = "assigned"
    TRIED = "tried"
    PROSPECTED = "prospected"
    COMPLETED = "completed"
    PASSED = "passed"
    TAKEN = "taken"
    HELD = "held"
    PROMISE_KEPT = "promise_kept"
    PROMISE_BROKEN = "promise_broken"
    CREDITED = "credited"
    CO_CREDITED = "co_credited"
    CUSTOMER = "customer"


BIT: Mapping[FactKind, int] = {kind: 1 << place for place, kind in enumerate(FactKind)}
"""The kinds that a lead has reached, as one stored number. New kinds go to the end of the list."""


@dataclass(frozen=True, slots=True)
class Count:
    """How often facts of these kinds happened; of one direction only, where that is named."""

    metric: Metric
    of: frozenset[FactKind]
    direction: Direction | None = None

    @property
    def mask(self) -> int:
        """A lead that has reached one of these bits has come here."""
        return sum(BIT[kind] for kind in self.of)


def _count(metric: Metric, *of: FactKind, direction: Direction | None = None) -> Count:
    return Count(metric, frozenset(of), direction)


COUNTS = (
    _count(Metric.SUBMISSIONS, FactKind.SUBMISSION),
    _count(Metric.LEADS, FactKind.LEAD),
    _count(Metric.LEADS_INBOUND, FactKind.LEAD, direction=Direction.INBOUND),
    _count(Metric.LEADS_OUTBOUND, FactKind.LEAD, direction=Direction.OUTBOUND),
    _count(Metric.ATTEMPTED, FactKind.ATTEMPTED),
    _count(Metric.CONVERSED, FactKind.CONVERSED),
    _count(Metric.QUALIFIED, FactKind.QUALIFIED),
    _count(Metric.RELEASED, FactKind.RELEASED),
    _count(Metric.MEETINGS, FactKind.MET, FactKind.MET_FACE_TO_FACE),
    _count(Metric.MEETINGS_FACE_TO_FACE, FactKind.MET_FACE_TO_FACE),
    _count(Metric.PROPOSALS_REQUESTED, FactKind.PROPOSAL_REQUESTED),
    _count(Metric.PROPOSALS_PRESENTED, FactKind.PROPOSAL_PRESENTED),
    _count(Metric.WON, FactKind.WON),
    _count(Metric.LOST, FactKind.LOST),
    _count(Metric.DISQUALIFIED, FactKind.DISQUALIFIED),
    _count(Metric.UNREACHED, FactKind.UNREACHED),
    _count(Metric.NURTURED, FactKind.NURTURED),
    _count(Metric.MERGED, FactKind.MERGED),
    _count(Metric.REJECTED, FactKind.REJECTED),
    _count(Metric.DEPLOYED, FactKind.DEPLOYED),
    _count(Metric.EXPANDED, FactKind.EXPANDED),
    _count(Metric.RENEWED, FactKind.RENEWED),
    _count(Metric.CHURNED, FactKind.CHURNED),
)
WORTH = {Metric.WON: FactKind.WON, Metric.EXPANDED: FactKind.EXPANDED, Metric.RENEWED: FactKind.RENEWED}
"""What is worth money."""
COUNT_OF = {count.metric: count for count in COUNTS}

STEPS = (
    Metric.LEADS,
    Metric.ATTEMPTED,
    Metric.CONVERSED,
    Metric.QUALIFIED,
    Metric.MEETINGS,
    Metric.PROPOSALS_REQUESTED,
    Metric.PROPOSALS_PRESENTED,
    Metric.WON,
)
"""Between any two of these there is a conversion."""
