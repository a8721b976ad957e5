"""Heads: what a pull looks at, in one statement. Hand-written SQL; it spells states out, as partial indexes need.

Where an old look holds dead rows, they lie before the head of a queue, and to go over them takes longer than all else.
So a process remembers of a queue, for a second at most, a floor: below it nothing is queued and in its person's hours.
It is forgotten where anything comes to the queue (`floor:<queue>`), for what is returned keeps its age. What comes by
another process may be overlooked for as long as a notification takes, as if the pull had been so much earlier.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from router.limits import LimitReached, held, reached
from router.order import FURTHEST
from router.policy.compiled import Queue
from schemas.api.values import EARLIEST
from schemas.words import QueueName, RepId
from services.runtime.hot import driver
from services.runtime.tx import ReadTx


class Head(NamedTuple):
    """The first item of a queue that a rep may have; or of its pool, where the queue has none, or none near its age.

    `reserved`: one in the queue is reserved for the rep.
    """

    rank_at: datetime
    id: str
    queue: QueueName
    pooled: bool
    reserved: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What there is for a rep: what is owed them, the heads of their queues, and what they hold."""

    owed: bool
    """A promise of theirs is due, or a buyer was handed over to them."""
    heads: tuple[Head, ...]
    """In order; what others have locked just now is among them."""
    held: dict[QueueName, list[datetime | None]]
    """The next steps of what they hold in queues that have limits."""
    test: bool

    def room(self, queues: Sequence[Queue], now: datetime) -> tuple[list[Queue], LimitReached | None]:
        """The queues in which the rep is below the limits, and the first limit that is reached. Tests have none."""
        if self.test:
            return list(queues), None
        limits = [(queue, reached(queue, held(self.held[queue.name], now))) for queue in queues]
        full = next((limit for _, limit in limits if limit is not None), None)
        return [queue for queue, limit in limits if limit is None], full


# `first` is of whomever, so that it holds for all reps; a queue that has none has one row all the same. To plan it
# takes longer than to run it, so what is `asked` is hidden from the planner: its one plan is good for all, and kept.
HEADS_SQL = """
SELECT queue.name AS queue, first.rank_at AS first,
  coalesce(pooled.rank_at, ready.rank_at) AS rank_at, coalesce(pooled.id, ready.id) AS id,
  pooled.id IS NOT NULL AS pooled,
  EXISTS (
    SELECT FROM routing.items AS item
    WHERE item.reserved_for = asked.rep AND item.state = 'queued' AND item.reserved_until > asked.now
      AND item.test = asked.test AND item.queue = queue.name AND NOT item.out_of_hours
      AND asked.rep <> ALL (item.returned_by)
  ) AS reserved,
  ARRAY (
    SELECT claim.next_at FROM routing.claims AS claim
    WHERE queue.name = ANY (asked.limited)
      AND claim.rep_id = asked.rep AND claim.state = 'active' AND NOT claim.test AND claim.queue = queue.name
  ) AS held,
  EXISTS (
    SELECT FROM routing.claims AS claim
    WHERE claim.rep_id = asked.rep AND claim.state = 'active' AND claim.test = asked.test
      AND (claim.next_promise AND claim.served_at IS NULL AND claim.next_at <= asked.now OR claim.answer_by IS NOT NULL)
  ) AS owed
FROM (
  SELECT $1::text[] AS names, $2::bool AS test, $3::text AS rep, $4::timestamptz AS now, $5::text[] AS pools,
    $6::timestamptz[] AS floors, $7::text[] AS limited, $8::interval AS furthest OFFSET 0
) AS asked CROSS JOIN LATERAL unnest(asked.names, asked.floors) AS queue (name, floor)
LEFT JOIN LATERAL (
  SELECT item.rank_at FROM routing.items AS item
  WHERE item.queue = queue.name AND item.test = asked.test AND item.state = 'queued' AND NOT item.out_of_hours
    AND item.rank_at >= queue.floor
  ORDER BY item.rank_at, item.id LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
  SELECT item.rank_at, item.id FROM routing.items AS item
  WHERE item.queue = queue.name AND item.test = asked.test AND item.state = 'queued'
    AND asked.rep <> ALL (item.returned_by)
    AND (item.reserved_for IS NULL OR item.reserved_for = asked.rep OR item.reserved_until <= asked.now)
    AND NOT item.out_of_hours AND item.rank_at >= first.rank_at
  ORDER BY item.rank_at, item.id LIMIT 1
) AS ready ON true
LEFT JOIN LATERAL (
  SELECT item.rank_at, item.id FROM routing.items AS item
  WHERE queue.name = ANY (asked.pools)
    AND item.queue = queue.name AND item.test = asked.test AND item.state = 'pooled'
    AND asked.rep <> ALL (item.returned_by)
    AND NOT item.out_of_hours AND item.rank_at < coalesce(ready.rank_at - asked.furthest, 'infinity')
  ORDER BY item.rank_at, item.id LIMIT 1
) AS pooled ON true
"""


async def look(tx: ReadTx, rep: RepId, queues: Sequence[Queue], *, test: bool) -> Look:
    """Look what there is in these queues for a rep, and what they hold of them; nothing is locked."""
    names, pools = [queue.name for queue in queues], [queue.name for queue in queues if queue.release is not None]
    limited = [queue.name for queue in queues if queue.in_hand is not None or queue.open is not None]
    channels = [] if test else [f"floor:{name}" for name in names]
    marks = [tx.memory.mark(channel) for channel in channels]
    floors = [tx.memory.recall(channel) or EARLIEST for channel in channels] or [EARLIEST] * len(names)
    rows = await driver(tx).fetch(HEADS_SQL, names, test, rep, tx.now, pools, floors, limited, FURTHEST)
    if any(row["first"] is None for row in rows) and set(floors) != {EARLIEST}:
        tx.memory.forget(channels)
        return await look(tx, rep, queues, test=test)
    first = {f"floor:{row['queue']}": row["first"] for row in rows}
    for channel, mark in zip(channels, marks, strict=True):
        if first[channel] is not None:
            tx.memory.keep(channel, first[channel], mark)
    return Look(
        owed=any(row["owed"] for row in rows),
        heads=tuple(
            sorted(
                Head(row["rank_at"], row["id"], QueueName(row["queue"]), row["pooled"], row["reserved"])
                for row in rows
                if row["id"] is not None
            )
        ),
        held={QueueName(row["queue"]): row["held"] for row in rows},
        test=test,
    )
