"""The order in queue and pool: by rank, then id."""

from datetime import datetime, timedelta

from router.policy.compiled import RankCredit
from schemas.words import Priority

FURTHEST = timedelta(days=30)
"""The largest credit. What lies in a pool so much longer than the head of its queue, by rank, is before it: so nothing
waits for ever behind what skips the pool."""


def rank_at(queued_at: datetime, priority: Priority, *, from_list: bool, credit: RankCredit) -> datetime:
    """The time by which an item is ordered: when it first entered, less the credit of its priority, at most 30 days.

    A list lead has the credit for lists, whatever its priority. The credit is bounded, so age wins in the end.
    """
    if from_list:
        return queued_at - credit.list
    match priority:
        case Priority.NORMAL:
            return queued_at - credit.normal
        case Priority.HIGH:
            return queued_at - credit.high
        case Priority.HOT:
            return queued_at - credit.hot
