"""The target: how many items are to lie released and unclaimed in a queue."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction

from router.calendar import Calendar
from router.policy.compiled import FixedBuffer, Queue


def target(queue: Queue, reps: Iterable[int], now: datetime) -> int | None:
    """The buffer's target; None where the queue has no pool.

    `reps` has, for each rep of the queue who is not away, the number of queues which that rep serves. Per rep-hour:
    the open hours of the local day, or on a closed one of the next open day, times the reps' shares, rounded up.
    """
    if queue.release is None:
        return None
    buffer = queue.release.buffer
    if isinstance(buffer, FixedBuffer):
        return buffer.items
    shares = sum((Fraction(1, queues) for queues in reps), Fraction())
    return math.ceil(buffer.items * _open_hours(queue.calendar, now) * shares)


def _open_hours(calendar: Calendar, now: datetime) -> Fraction:
    day = calendar.local_day(now)
    if not calendar.spans(day):
        day = calendar.next_open_day(day)
    return Fraction(calendar.open_time(day) // timedelta(seconds=1), 3600)
