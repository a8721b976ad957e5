"""What metrics answers: the funnel, the clocks, the queues."""

from collections.abc import Mapping

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from schemas.api.questions import Basis
from schemas.api.shape import Said
from schemas.events.stamp import Moment
from schemas.words import Money, Zone


class Counts(Said):
    """How many. By cohort a lead counts once in each step."""

    submissions: int = Field(0, description="Leads accepted, tests apart.")
    leads: int = Field(0, description="Those not merged or rejected.")
    leads_inbound: int = Field(0, description="They came to us.")
    leads_outbound: int = Field(0, description="We go to them.")
    attempted: int = Field(0, description="Leads with a first attempt to reach the person.")
    conversed: int = Field(0, description="Leads with a first conversation; a held meeting is one.")
    qualified: int = Field(
        0,
        description="Opportunities accepted by the closer; where none is asked to accept, those a rep made, when made.",
    )
    released: int = Field(0, description="Opportunities released from the pool to their queue.")
    meetings: int = Field(0, description="Meetings held.")
    meetings_face_to_face: int = Field(0, description="Held in a mode that the policy counts as such.")
    proposals_requested: int = Field(0, description="Opportunities with a proposal requested.")
    proposals_presented: int = Field(0, description="Opportunities with a proposal presented.")
    won: int = Field(0, description="Opportunities won.")
    lost: int = Field(0, description="Opportunities lost, and not reopened since.")
    disqualified: int = Field(0, description="Leads closed as not for us.")
    unreached: int = Field(0, description="Leads closed because nobody was reached.")
    nurtured: int = Field(0, description="Leads put to sleep until a day.")
    merged: int = Field(0, description="Leads merged into another of the same person.")
    rejected: int = Field(0, description="Leads refused: spam, for review, suppressed.")
    deployed: int = Field(0, description="Customers who use what they bought.")
    expanded: int = Field(0, description="Times that a customer bought more.")
    renewed: int = Field(0, description="Times that a customer went on.")
    churned: int = Field(0, description="Customers who left.")


class Worth(Said):
    """One sum for each currency."""

    won: tuple[Money, ...] = ()
    expanded: tuple[Money, ...] = ()
    renewed: tuple[Money, ...] = ()


class ConversionOut(Said):
    """Of the leads that came to a step, how many came to the other. Fewer than 20: no rate, unless `small`."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: str = Field(serialization_alias="from")
    to: str
    have_from: int
    have_both: int
    rate: float | None


class FunnelRow(Said):
    """`mature`: the row's period ended so long ago that little will change; by event, as `conversion`, null."""

    group: Mapping[str, str | None]
    mature: bool | None
    counts: Counts
    money: Worth
    conversion: tuple[ConversionOut, ...] | None


class Answer(Said):
    """All committed before `as_of` is counted."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: Moment = Field(serialization_alias="from")
    to: Moment
    tz: str


_EXAMPLE_PERIOD = {"from": "2026-07-01T00:00:00.000Z", "to": "2026-08-01T00:00:00.000Z", "tz": "UTC"}


class FunnelOut(Answer):
    """Groups in which nothing happened are left out; without groups there is one row."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE_PERIOD,
                    "basis": "cohort",
                    "as_of": "2026-07-06T09:30:00.123Z",
                    "rows": [
                        {
                            "group": {"source": "web"},
                            "mature": False,
                            "counts": {
                                **{"submissions": 44, "leads": 40, "leads_inbound": 30, "leads_outbound": 10},
                                **{"attempted": 31, "conversed": 22, "qualified": 12, "released": 9, "meetings": 6},
                                **{"meetings_face_to_face": 4, "proposals_requested": 4, "proposals_presented": 3},
                                **{"won": 2, "lost": 1, "disqualified": 14, "unreached": 2, "nurtured": 2, "merged": 3},
                                **{"rejected": 1, "deployed": 0, "expanded": 0, "renewed": 0, "churned": 0},
                            },
                            "money": {
                                "won": [{"amount": 2500000, "currency": "GBP"}],
                                "expanded": [],
                                "renewed": [],
                            },
                            "conversion": [
                                {"from": "leads", "to": "qualified", "have_from": 40, "have_both": 12, "rate": 0.3}
                            ],
                        }
                    ],
                }
            ]
        }
    )

    basis: Basis
    as_of: Moment
    rows: tuple[FunnelRow, ...]


class ClockOut(Said):
    """`n` were due, `waiting` of them had no answer. Percentiles over all: null is not yet."""

    n: int
    waiting: int
    p50_ms: int | None
    p90_ms: int | None
    p95_ms: int | None
    p99_ms: int | None


class ResponseOut(Said):
    captured_attempt: ClockOut = Field(description="A hand-raiser's wait for the first attempt.")
    captured_conversation: ClockOut = Field(description="A hand-raiser's wait for the first conversation.")


class HandoverOut(Said):
    qualified_conversation: ClockOut = Field(description="An opportunity's wait for the closer's first conversation.")


class MachineOut(Said):
    captured_pullable: ClockOut = Field(description="Our own share: until a rep could pull it.")


class VendorOut(Said):
    occurred_received: ClockOut = Field(description="The sender's share: from their time until we had it.")


class BandsOut(Said):
    """Of `captured_attempt`: answered within so long, each without those of the one before."""

    le_1m: int
    le_5m: int
    le_15m: int
    le_60m: int
    gt_60m: int
    waiting: int


class SlaOut(Said):
    """First attempts by the due time of the lead's first item. `open_breached`: still waiting, and past it."""

    met: int
    breached: int
    open_breached: int


class SpeedRow(Said):
    group: Mapping[str, str | None]
    response: ResponseOut
    handover: HandoverOut
    machine: MachineOut
    vendor: VendorOut
    bands: BandsOut
    sla: SlaOut


def _example_clock(n: int, waiting: int, *percentiles: int) -> JsonDict:
    """A clock; what is not given is not yet."""
    names = ("p50_ms", "p90_ms", "p95_ms", "p99_ms")
    return {"n": n, "waiting": waiting, **dict.fromkeys(names), **dict(zip(names, percentiles, strict=False))}


class SpeedOut(Answer):
    """Hand-raisers only; hand-over: opportunities."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE_PERIOD,
                    "as_of": "2026-07-06T09:30:00.123Z",
                    "rows": [
                        {
                            "group": {},
                            "response": {
                                "captured_attempt": _example_clock(40, 9, 94000),
                                "captured_conversation": _example_clock(40, 18, 310000),
                            },
                            "handover": {"qualified_conversation": _example_clock(12, 2, 5400000)},
                            "machine": {"captured_pullable": _example_clock(40, 0, 38, 61, 70, 92)},
                            "vendor": {"occurred_received": _example_clock(31, 0, 900, 2100, 4000, 4400)},
                            "bands": {"le_1m": 9, "le_5m": 14, "le_15m": 4, "le_60m": 2, "gt_60m": 2, "waiting": 9},
                            "sla": {"met": 28, "breached": 3, "open_breached": 1},
                        }
                    ],
                }
            ]
        }
    )

    as_of: Moment
    rows: tuple[SpeedRow, ...]


class QueueOut(Said):
    """A queue now. Zone: depth under a third of the target red, under two yellow, else green."""

    queue: str
    depth: int
    target: int | None
    zone: Zone | str | None
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


class QueuesOut(Said):
    """All queues that have been measured, in the policy's order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "as_of": "2026-07-06T09:30:00.123Z",
                    "queues": [
                        {
                            **{"queue": "closing/uk", "depth": 7, "target": 8, "zone": "green", "shortage": 0},
                            **{"over_target": 0, "pool": 3, "in_hand": 2, "open": 5, "parked": 0, "snoozed": 1},
                            **{"out_of_hours": 0, "opens_at": None, "oldest_age_ms": 3600000, "reps_present": 2},
                            "sla_breached": 0,
                        }
                    ],
                }
            ]
        }
    )

    as_of: Moment
    queues: tuple[QueueOut, ...]
