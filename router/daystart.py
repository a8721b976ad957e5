"""The day start of a queue with a pool: once for each open local day, at its plan's wall time."""

from datetime import date, datetime, timedelta

from router.policy.compiled import Queue, ReleasePlan

DAY = timedelta(days=1)


def due_on(queue: Queue, plan: ReleasePlan, now: datetime) -> date:
    """The latest open local day whose start has come: one that was missed is caught up until the next comes."""
    day = queue.calendar.started_day(now, plan.at)
    while not queue.calendar.spans(day):
        day -= DAY
    return day


def next_day(queue: Queue, plan: ReleasePlan, now: datetime) -> date:
    """The open local day whose start comes next."""
    return queue.calendar.next_open_day(due_on(queue, plan, now))


def next_start(queue: Queue, plan: ReleasePlan, now: datetime) -> datetime:
    """When the next day start comes, after `now`."""
    return queue.calendar.at(next_day(queue, plan, now), plan.at)
