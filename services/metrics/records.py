"""A series as its topic and the stream hold it: what is kept, and as of when."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from schemas.events.series import ClockDay, FunnelCell, QueueNow, Version
from services.metrics.kept import Kept
from services.metrics.store import FUNNEL, QUEUES, SPEED

_SHAPES: Mapping[str, type[Version]] = {FUNNEL: FunnelCell, SPEED: ClockDay, QUEUES: QueueNow}
_MS = timedelta(milliseconds=1)


def record_of(one: Kept, as_of: datetime) -> Version | None:
    """The record, in which all committed before `as_of` is; None: the series is withdrawn (a tombstone)."""
    if one.record is None:
        return None
    record: dict[str, Any] = {**one.record, "key": one.key, "revision": one.revision, "as_of": as_of}
    if one.topic == QUEUES:
        queued_at = record.pop("oldest_queued_at")
        record["oldest_age_ms"] = queued_at and age_ms(datetime.fromisoformat(queued_at), as_of)
    return _SHAPES[one.topic].model_validate(record)


def age_ms(began: datetime, as_of: datetime) -> int:
    """How long ago; never negative."""
    return max(timedelta(), as_of - began) // _MS
