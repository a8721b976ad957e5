"""How long a claim runs, and what keeps it alive."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from router.policy.compiled import Queue

_LONGEST_BEAT = timedelta(hours=1)
ASKED_AFTER = timedelta(hours=2)
"""How long after it began a meeting is asked for of which nobody said what came: an hour that it lasts, and another."""


def expires_at(
    queue: Queue,
    *,
    granted_at: datetime,
    heartbeat_at: datetime | None = None,
    attempt_at: datetime | None = None,
    next_step_at: datetime | None = None,
    meetings: Iterable[datetime] = (),
) -> datetime:
    """When the system may end the claim.

    That is the last of next step and booked `meetings` plus the queue's grace; with none of these, the last of grant,
    heartbeat and attempt plus its lease. What was over, grace and all, when the claim was granted is none: an earlier
    holder let it lapse.
    """
    ahead = [moment for moment in (next_step_at, *meetings) if moment is not None]
    if ahead and (end := queue.calendar.after(max(ahead), queue.grace)) > granted_at:
        return end
    signs = [moment for moment in (granted_at, heartbeat_at, attempt_at) if moment is not None]
    return queue.calendar.after(max(signs), queue.lease)


def heartbeat_every(queue: Queue) -> timedelta | None:
    """A third of the lease; None where that is over an hour, and for working days: no heartbeat is asked for."""
    if not isinstance(queue.lease, timedelta):
        return None
    third = queue.lease / 3
    return third if third <= _LONGEST_BEAT else None


def first_next_step(queue: Queue, now: datetime) -> datetime | None:
    """When to follow up after a first attempt that names no next step; None where the queue says nothing."""
    return None if queue.next_step is None else queue.calendar.after(now, queue.next_step)
