"""Forecasts: each queue with a pool has one for its next day start; a day ahead it is kept, and then graded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from router.buffer import target
from router.daystart import next_day, next_start
from router.forecast import Forecast, expected, spans
from router.policy.compiled import Policy, Queue
from schemas.words import QueueName
from services.runtime.tx import ReadTx, Tx
from services.store import queues
from services.store import tables as t

GRADED = 14
"""How many days back are shown."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A forecast as it was made at `made_at`, and how many then came by its day start; None: that is ahead."""

    made_at: datetime
    said: Forecast
    came: int | None


async def of(tx: ReadTx, policy: Policy, queue: Queue) -> Forecast | None:
    """What the next day start of a queue needs, as things stand; None: it has no pool."""
    if queue.release is None:
        return None
    by = next_start(queue, queue.release, tx.now)
    goal = target(queue, (await queues.present(tx, policy, by)).get(queue.name, ()), by)
    assert goal is not None, "it has a pool"
    depth, pool = await queues.depth_and_pool(tx, queue.name)
    since = await tx.value(select(func.min(t.leads.c.received_at)))
    came = [await _came(tx, queue.name, *span) for span in spans(queue.calendar, tx.now, by, since)]
    return Forecast(queue.calendar.local_day(by), by, goal, depth, pool, expected(came))


async def wanting(tx: ReadTx, policy: Policy) -> list[Queue]:
    """The queues whose next day start nobody has foreseen, or whose last forecast is not graded."""
    kept = t.forecasts.c
    made = {(row["queue"], row["day"]) for row in await tx.fetch(select(kept.queue, kept.day).where(kept.by > tx.now))}
    due = {row["queue"] for row in await tx.fetch(select(kept.queue).where(_ungraded(tx.now)))}
    return [
        queue
        for queue in policy.queues.values()
        if queue.release is not None
        and (queue.name in due or (queue.name, next_day(queue, queue.release, tx.now)) not in made)
    ]


async def keep(tx: Tx, policy: Policy, queue: Queue) -> None:
    """Grade the forecasts of a queue whose day start has come, and keep the one for the next, once."""
    kept = t.forecasts.c
    rows = await tx.fetch(select(t.forecasts).where(kept.queue == queue.name, _ungraded(tx.now)))
    for row in rows:
        came = await _came(tx, queue.name, row["made_at"], row["by"])
        graded = update(t.forecasts).where(kept.queue == queue.name, kept.day == row["day"])
        await tx.execute(graded.values(came=came))
    said = await of(tx, policy, queue)
    if said is not None:
        columns = {"day": said.day, "by": said.by, "needs": said.needs, "depth": said.depth}
        columns |= {"pool": said.pool, "expected": said.expected, "queue": queue.name, "made_at": tx.now}
        await tx.execute(upsert(t.forecasts).values(columns).on_conflict_do_nothing())


async def graded(tx: ReadTx, queue: QueueName) -> Sequence[Kept]:
    """The forecasts of a queue that were kept, the latest first."""
    kept = t.forecasts.c
    rows = await tx.fetch(select(t.forecasts).where(kept.queue == queue).order_by(kept.day.desc()).limit(GRADED))
    return [
        Kept(
            row["made_at"],
            Forecast(row["day"], row["by"], row["needs"], row["depth"], row["pool"], row["expected"]),
            row["came"],
        )
        for row in rows
    ]


def _ungraded(now: datetime) -> ColumnElement[bool]:
    return and_(t.forecasts.c.by <= now, t.forecasts.c.came.is_(None))


async def _came(tx: ReadTx, queue: QueueName, start: datetime, end: datetime) -> int:
    """How many items came to a queue or its pool in this time, test items apart."""
    item = t.items.c
    entered = select(func.count()).select_from(t.items)
    return int(
        await tx.value(entered.where(item.queued_at >= start, item.queued_at < end, item.queue == queue, queues.REAL))
    )
