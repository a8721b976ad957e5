"""Queues: what the next day start of one needs, and how well that was foreseen."""

from datetime import date
from typing import Any

from pydantic import Field

from schemas.api.shape import Said, example
from schemas.events.stamp import Moment
from schemas.words import QueueName

_KEPT: dict[str, Any] = {
    "day": "2026-07-06",
    "by": "2026-07-06T07:30:00.000Z",
    "made_at": "2026-07-03T07:30:00.412Z",
    "needs": 11,
    "depth": 0,
    "pool": 5,
    "expected": 4,
    "short": 2,
    "came": 6,
}


class GradedOut(Said):
    """A forecast as it was made, a day ahead, and what came."""

    model_config = example(_KEPT)

    day: date
    by: Moment
    made_at: Moment
    needs: int
    depth: int
    pool: int
    expected: int
    short: int
    came: int | None = Field(description="How many came from when it was made until `by`; null: that lies ahead.")


class ForecastOut(Said):
    """What the next day start of a queue needs, and has: how many will be missing."""

    model_config = example(
        {
            "queue": "closing/uk",
            "day": "2026-07-07",
            "by": "2026-07-07T07:30:00.000Z",
            "needs": 11,
            "depth": 0,
            "pool": 4,
            "expected": 3,
            "short": 4,
            "says": "closing/uk, Tuesday at 08:30 (Europe/London): needs 11; the pool has 4, 3 expected: 4 short",
            "graded": [_KEPT],
        }
    )

    queue: QueueName
    day: date = Field(description="The local day that starts then.")
    by: Moment
    needs: int = Field(description="The buffer's target then.")
    depth: int = Field(description="What lies in the queue, released and unclaimed.")
    pool: int
    expected: int = Field(description="What is likely to come by then: what came in the same time of the last weeks.")
    short: int
    says: str
    graded: list[GradedOut] = Field(description="What was foreseen of the last days, latest first.")
