"""The series that metrics keeps, as topics and stream hold them: funnel cells, clocks by day, queues as measured."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from schemas.events.stamp import Moment, Tolerant, Word
from schemas.words import Money, QueueName, Zone


class Metric(StrEnum):
    """What the funnel counts."""

    SUBMISSIONS = "submissions"
    LEADS = "leads"
    LEADS_INBOUND = "leads_inbound"
    LEADS_OUTBOUND = "leads_outbound"
    ATTEMPTED = "attempted"
    CONVERSED = "conversed"
    QUALIFIED = "qualified"
    RELEASED = "released"
    MEETINGS = "meetings"
    MEETINGS_FACE_TO_FACE = "meetings_face_to_face"
    PROPOSALS_REQUESTED = "proposals_requested"
    PROPOSALS_PRESENTED = "proposals_presented"
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


class ClockName(StrEnum):
    """What speed-to-lead times: from what, to what."""

    CAPTURED_ATTEMPT = "captured_attempt"
    CAPTURED_CONVERSATION = "captured_conversation"
    QUALIFIED_CONVERSATION = "qualified_conversation"
    CAPTURED_PULLABLE = "captured_pullable"
    OCCURRED_RECEIVED = "occurred_received"


class Version(Tolerant):
    """A series as at some moment. Of one key, the record with the highest `revision` counts."""

    NAME: ClassVar[str]

    key: str
    revision: int = Field(ge=1)
    as_of: Moment
    """All committed before then is in it."""


class FunnelCell(Version):
    """How often something happened in a quarter of an hour (UTC), at its own time. Cells add up."""

    NAME: ClassVar[str] = "metrics.funnel"

    metric: Word[Metric]
    start: Moment
    grain: Literal["15m"] = "15m"
    dimensions: dict[str, str]
    """`direction source queue rep`, as far as it has them."""
    value: int
    unit: Literal["count"] = "count"
    money: tuple[Money, ...] = ()
    """What it was worth, where it was worth anything; one for each currency."""


class Bands(Tolerant):
    """How many were answered within so long, each without those of the one before; and those not yet."""

    le_1m: int
    le_5m: int
    le_15m: int
    le_60m: int
    gt_60m: int
    waiting: int


class ClockDay(Version):
    """How long those that started on a day of the policy's zone had to wait. Clocks do not add up."""

    NAME: ClassVar[str] = "metrics.speed-to-lead"

    clock: Word[ClockName]
    day: date
    tz: str
    dimensions: dict[str, str]
    """None, or a single one of `direction source queue rep`."""
    n: int
    waiting: int
    p50_ms: int | None
    p90_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    bands: Bands


class QueueNow(Version):
    """A queue as last measured."""

    NAME: ClassVar[str] = "metrics.queues"

    queue: QueueName
    depth: int
    target: int | None
    zone: Word[Zone] | None
    shortage: int
    over_target: int
    pool: int
    in_hand: int
    open: int
    parked: int
    snoozed: int
    out_of_hours: int
    opens_at: Moment | None
    oldest_age_ms: int | None
    reps_present: int
    sla_breached: int
