"""Desks, their queues, and the buffers that these are released to, as a policy writes them."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.policy.calendars import DurationText, ElapsedText, SpanText, TimeText
from schemas.policy.written import Name, QueueText, SkillName, Title, Written

DeskName = Literal["inbound", "outbound", "closing", "customer", "service", "engineering"]


class BufferModel(Written):
    """Either so many items, or so many for each open hour of each rep who is there."""

    fixed: Annotated[int, Field(ge=0, le=100_000)] | None = None
    per_rep_hour: Annotated[float, Field(gt=0, le=1000)] | None = None


class ReleaseModel(Written):
    """The queue has a pool, released up to `buffer` at `at` of each local day, and whenever below."""

    at: TimeText = "00:00"
    buffer: BufferModel


class TargetsModel(Written):
    """What a rep is meant to reach: shown beside what they do, and a limit to nothing."""

    conversations_per_day: Annotated[int, Field(ge=1, le=1000)] | None = None
    meetings_per_week: Annotated[int, Field(ge=1, le=1000)] | None = None
    meetings_per_day: Annotated[int, Field(ge=1, le=1000)] | None = None


class StepModel(Written):
    """One of `raise`, `queue`, `notify`, so long (business time) after the promised time without a first attempt."""

    after: ElapsedText
    raise_: Annotated[Literal["high", "hot"] | None, Field(alias="raise")] = None
    queue: QueueText | None = None
    notify: bool | None = None


class QueueModel(Written):
    """One pull queue."""

    calendar: Name
    lease: DurationText
    in_hand: Annotated[int, Field(ge=1, le=100_000)] | None = None
    open: Annotated[int, Field(ge=1, le=100_000)] | None = None
    next_step: DurationText | None = None
    grace: DurationText | None = Field(default=None, description="default: the lease")
    release: ReleaseModel | None = None
    returns_per_week: Annotated[int, Field(ge=0, le=100_000)] | None = None
    person_hours: SpanText | None = Field(default=None, description="by the clock of the person's own country")
    when_empty: QueueText | None = Field(default=None, description="a pull that finds the desk empty looks there")
    targets: TargetsModel | None = None
    skills: Annotated[list[SkillName], Field(max_length=50)] = []
    escalate: Annotated[list[StepModel], Field(max_length=20)] = []


AnswerName = Literal["need", "willing_to_meet", "influence", "next_step", "budget", "timing", "competitor"]
"""What a qualifier may find out; see `qualification`."""


class DeskModel(Written):
    """A specialised sales function: what the company calls it, what must be known to qualify there, its queues."""

    title: Title | None = None
    asks: Annotated[list[AnswerName], Field(max_length=7)] = []
    queues: Annotated[dict[Name, QueueModel], Field(min_length=1, max_length=500)]


Desks = Annotated[dict[DeskName, DeskModel], Field(min_length=1)]
