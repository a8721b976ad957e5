"""What queues say: their measures when they change, and that the pool cannot fill the buffer."""

from typing import ClassVar

from pydantic import Field

from schemas.events.stamp import Moment, Tolerant, Word
from schemas.words import QueueName, Zone


class Signal(Tolerant):
    """Keyed by its queue."""

    NAME: ClassVar[str]
    queue: QueueName

    @classmethod
    def type(cls) -> str:
        return f"leadgate.{cls.NAME}.v1"


class QueueReplenishmentRequired(Signal):
    """Upstream owes this queue `quantity` opportunities by then."""

    NAME: ClassVar[str] = "queue.replenishment_required"
    quantity: int = Field(ge=1)
    by: Moment


class QueueMeasured(Signal):
    """A queue as it stands. Zone: depth under a third of the target red, under two yellow, else green."""

    NAME: ClassVar[str] = "queue.measured"
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
    oldest_queued_at: Moment | None
    """Ages are derived by whoever shows them: `oldest_age_ms` = then − this."""
    reps_present: int
    sla_breached: int
    measured_at: Moment


class UnknownSignal(Signal):
    """A signal of a newer version, kept whole."""

    NAME: ClassVar[str] = "unknown"
    name: str = Field(exclude=True)
