"""Scorecards, customers and the facts behind a number: what is asked and what is answered."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from schemas.api.metrics import Answer
from schemas.api.page import ListQuery
from schemas.api.questions import OwnTime, apart
from schemas.api.shape import Said, example
from schemas.events.stamp import Moment
from schemas.words import Desk, Money


class CardsQuery(OwnTime):
    """Whose figures, of which period. A rep may ask for `rep=me` alone."""

    small: bool = Field(False, description="With ratios even of fewer than 20.")
    group_by: Annotated[list[Literal["rep", "desk"]], BeforeValidator(apart)] = Field(
        [], max_length=2, description="`rep` (with their desk; so by default), or `desk`: its reps together."
    )


class CustomersQuery(OwnTime, ListQuery):
    """Which customers: those won in the period."""


class FactMetric(StrEnum):
    """What can be listed: each count of the funnel, and what scorecards count."""

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
    PULLS = "pulls"
    RETURNS = "returns"
    EXCEPTIONS = "exceptions"
    ASSIGNMENTS = "assignments"
    PROMISES_KEPT = "promises_kept"
    PROMISES_BROKEN = "promises_broken"
    CREDITED_WON = "credited_won"


class FactsQuery(OwnTime, ListQuery):
    """Which facts: those behind one number, of a period."""

    metric: FactMetric


class FigureOut(Said):
    """One figure. `by` splits it (by reason; money by currency, in minor units).

    Of a ratio of fewer than 20 the value is null, unless `small`; numerator and denominator are told. A median that
    falls on what still waits is null: not yet.
    """

    name: str
    value: float | None
    unit: Literal["count", "ratio", "ms", "per_day", "per_week", "money", "shares"]
    numerator: float | None = None
    denominator: int | None = None
    target: float | None = None
    by: Mapping[str, int] | None = None


class CardOut(Said):
    """The figures of a rep at a desk, or (`rep_id` null) of a desk."""

    rep_id: str | None
    desk: Desk | str
    figures: tuple[FigureOut, ...]


class LeaderOut(Said):
    """The exceptions to the order that a manager made, by reason. `actor` is their key."""

    actor: str
    exceptions: int
    by: Mapping[str, int]


_FIGURE = {"numerator": None, "denominator": None, "target": None, "by": None}
_PERIOD = {
    "from": "2026-07-01T00:00:00.000Z",
    "to": "2026-08-01T00:00:00.000Z",
    "tz": "Europe/London",
    "as_of": "2026-07-06T09:30:00.123Z",
}
_REP = "rep_01jz8m4s1n9d2e4r8t6y5a7c9a"


class ScorecardsOut(Answer):
    """Each rep at each desk where they did something in the period, under the desk of that time."""

    model_config = example(
        {
            **_PERIOD,
            "rows": [
                {
                    "rep_id": _REP,
                    "desk": "inbound",
                    "figures": [
                        {
                            **_FIGURE,
                            **{"name": "lead_to_qualified", "value": 0.41, "unit": "ratio"},
                            **{"numerator": 12, "denominator": 29},
                        },
                        {
                            **_FIGURE,
                            **{"name": "returns", "value": 2, "unit": "count", "by": {"wrong_queue": 2}},
                        },
                    ],
                }
            ],
            "managers": [{"actor": "key_01jz8m4s1n9d2e4r8t6y5a7c9k", "exceptions": 1, "by": {"manager": 1}}],
        }
    )

    as_of: Moment
    rows: tuple[CardOut, ...]
    managers: tuple[LeaderOut, ...] = Field(description="Who made exceptions. A rep is told of none.")


class CustomerLineOut(Said):
    """A customer: how long they stay (to when they left, else to `as_of`), and how much they were enlarged."""

    customer_id: str
    since: Moment
    churned_at: Moment | None
    months: float
    years: float
    value: Money | None
    enlarged: tuple[Money, ...]


class CustomersOut(Answer):
    """The customers won in the period, newest first. `n`, `staying` and `months_mean` are of all, not of the page."""

    model_config = example(
        {
            **_PERIOD,
            **{"n": 1, "staying": 1, "months_mean": 14.2, "next_cursor": None},
            "data": [
                {
                    "customer_id": "cus_01jz8m4s1n9d2e4r8t6y5a7c9c",
                    "since": "2025-05-01T10:00:00.000Z",
                    "churned_at": None,
                    "months": 14.2,
                    "years": 1.2,
                    "value": {"amount": 1250000, "currency": "GBP"},
                    "enlarged": [{"amount": 250000, "currency": "GBP"}],
                }
            ],
        }
    )

    as_of: Moment
    n: int
    staying: int
    months_mean: float | None = Field(description="Over all, those who still stay included; null: there are none.")
    data: tuple[CustomerLineOut, ...]
    next_cursor: str | None


class FactOut(Said):
    """One thing that happened. It counts, unless it was taken back: then it is `restated_at` that time."""

    id: str
    metric: FactMetric
    at: Moment
    lead_id: str
    opportunity_id: str | None
    customer_id: str | None
    rep_id: str | None
    actor: str | None = Field(description="Who did it: a rep, or a manager's key; null: the system.")
    queue: str | None
    source: str | None
    value: Money | None
    word: str | None = Field(description="Of returns and exceptions: why.")
    share: float | None = Field(description="Of a win.")
    restated_at: Moment | None


class FactsOut(Said):
    """The facts behind a number, newest first; those taken back too."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            **{"id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz.12.won", "metric": "won"},
                            "at": "2026-07-06T09:30:00.123Z",
                            "lead_id": "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz",
                            "opportunity_id": "opp_01jz8m4s1n9d2e4r8t6y5a7c9o",
                            **{"customer_id": None, "rep_id": _REP, "actor": _REP},
                            **{"queue": "closing/uk", "source": "web"},
                            "value": {"amount": 1250000, "currency": "GBP"},
                            **{"word": None, "share": None, "restated_at": None},
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    data: list[FactOut]
    next_cursor: str | None
