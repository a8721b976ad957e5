"""What is counted and what is timed: each series there is, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from schemas.events.series import ClockName, Metric
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


BIT: Mapping[FactKind, int] = {kind: 1 << place for place, kind in enumerate(FactKind)}
"""The kinds that a lead has reached, as one stored number. New kinds go to the end of the list."""


@dataclass(frozen=True, slots=True)
class Count:
    """How often facts of these kinds happened; of one direction only, where that is named."""

    metric: Metric
    of: frozenset[FactKind]
    help: str
    direction: Direction | None = None

    @property
    def mask(self) -> int:
        """A lead that has reached one of these bits has come here."""
        return sum(BIT[kind] for kind in self.of)


def _count(metric: Metric, *of: FactKind, help: str, direction: Direction | None = None) -> Count:
    return Count(metric, frozenset(of), help, direction)


COUNTS = (
    _count(Metric.SUBMISSIONS, FactKind.SUBMISSION, help="Leads accepted, tests apart."),
    _count(Metric.LEADS, FactKind.LEAD, help="Those not merged or rejected."),
    _count(Metric.LEADS_INBOUND, FactKind.LEAD, help="They came to us.", direction=Direction.INBOUND),
    _count(Metric.LEADS_OUTBOUND, FactKind.LEAD, help="We go to them.", direction=Direction.OUTBOUND),
    _count(Metric.ATTEMPTED, FactKind.ATTEMPTED, help="Leads with a first attempt to reach the person."),
    _count(Metric.CONVERSED, FactKind.CONVERSED, help="Leads with a first conversation; a held meeting is one."),
    _count(
        Metric.QUALIFIED,
        FactKind.QUALIFIED,
        help="Opportunities accepted by the closer; where no acceptance is asked for, those a rep made, when made.",
    ),
    _count(Metric.RELEASED, FactKind.RELEASED, help="Opportunities released from the pool to their queue."),
    _count(Metric.MEETINGS, FactKind.MET, FactKind.MET_FACE_TO_FACE, help="Meetings held."),
    _count(
        Metric.MEETINGS_FACE_TO_FACE, FactKind.MET_FACE_TO_FACE, help="Held in a mode that the policy counts as such."
    ),
    _count(Metric.PROPOSALS_REQUESTED, FactKind.PROPOSAL_REQUESTED, help="Opportunities with a proposal requested."),
    _count(Metric.PROPOSALS_PRESENTED, FactKind.PROPOSAL_PRESENTED, help="Opportunities with a proposal presented."),
    _count(Metric.WON, FactKind.WON, help="Opportunities won."),
    _count(Metric.LOST, FactKind.LOST, help="Opportunities lost, and not reopened since."),
    _count(Metric.DISQUALIFIED, FactKind.DISQUALIFIED, help="Leads closed as not for us."),
    _count(Metric.UNREACHED, FactKind.UNREACHED, help="Leads closed because nobody was reached."),
    _count(Metric.NURTURED, FactKind.NURTURED, help="Leads put to sleep until a day."),
    _count(Metric.MERGED, FactKind.MERGED, help="Leads merged into another of the same person."),
    _count(Metric.REJECTED, FactKind.REJECTED, help="Leads refused: spam, for review, suppressed."),
)
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


@dataclass(frozen=True, slots=True)
class Timed:
    """A clock: from something to something else."""

    clock: ClockName
    part: Literal["response", "handover", "machine", "vendor"]
    """Whose time it is."""
    help: str


CLOCKS = (
    Timed(ClockName.CAPTURED_ATTEMPT, "response", "A hand-raiser's wait for the first attempt."),
    Timed(ClockName.CAPTURED_CONVERSATION, "response", "A hand-raiser's wait for the first conversation."),
    Timed(ClockName.QUALIFIED_CONVERSATION, "handover", "An opportunity's wait for the closer's first conversation."),
    Timed(ClockName.CAPTURED_PULLABLE, "machine", "Our own share: until a rep could pull it."),
    Timed(ClockName.OCCURRED_RECEIVED, "vendor", "The sender's share: from their time until we had it."),
)
