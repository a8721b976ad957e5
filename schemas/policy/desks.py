"""Desks, their queues, and the buffers that these are released to, as a policy writes them."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.policy.calendars import DurationText, TimeText
from schemas.policy.written import Name, Written

DeskName = Literal["inbound", "outbound", "closing", "customer", "service", "engineering"]


class BufferModel(Written):
    """Either so many items, or so many for each open hour of each rep who is there."""

    fixed: Annotated[int, Field(ge=0, le=100_000)] | None = None
    per_rep_hour: Annotated[float, Field(gt=0, le=1000)] | None = None


class ReleaseModel(Written):
    """The queue has a pool, released up to `buffer` at `at` of each local day, and whenever below."""

    at: TimeText = "00:00"
    buffer: BufferModel


class QueueModel(Written):
    """One pull queue."""

    calendar: Name
    lease: DurationText
    in_hand: Annotated[int, Field(ge=1, le=100_000)] | None = None
    open: Annotated[int, Field(ge=1, le=100_000)] | None = None
    next_step: DurationText | None = None
    grace: DurationText | None = Field(default=None, description="default: the lease")
    release: ReleaseModel | None = None


class DeskModel(Written):
    """A specialised sales function: its queues."""

    queues: Annotated[dict[Name, QueueModel], Field(min_length=1, max_length=500)]


Desks = Annotated[dict[DeskName, DeskModel], Field(min_length=1)]
