"""The measures of queues: told when they change, and once a day, so that who starts afresh finds each in the log."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from router.buffer import target
from router.policy.compiled import Policy
from router.release import zone
from schemas.events.signals import QueueMeasured
from schemas.words import QueueName
from services.runtime.tx import ReadTx, Tx
from services.store import queues
from services.store import tables as t

AGAIN = timedelta(days=1)
"""Signals are kept for a week."""


async def tell_changed(tx: Tx, policy: Policy) -> int:
    """Emit the measures of each queue whose measures have changed; how many did.

    All queues of the policy, and those that it no longer has: what still lies in these is seen. A queue whose row
    another holds (a release, another worker) is left to the next look.
    """
    await tx.execute(upsert(t.queues).values([{"name": name} for name in policy.queues]).on_conflict_do_nothing())
    rows = await tx.fetch(select(t.queues).order_by(t.queues.c.name).with_for_update(skip_locked=True))
    measured = await measure(tx, policy, [QueueName(row["name"]) for row in rows])
    changed = [
        measures
        for row, measures in zip(rows, measured, strict=True)
        if row["measures"] != stored(measures) or row["measured_at"] <= tx.now - AGAIN
    ]
    for measures in changed:
        await tx.execute(
            update(t.queues)
            .where(t.queues.c.name == measures.queue)
            .values(measures=stored(measures), measured_at=tx.now)
        )
    tx.emit(*changed)
    return len(changed)


def stored(measures: QueueMeasured) -> dict[str, Any]:
    """What is compared with the last: all but the time at which it was measured."""
    return measures.model_dump(mode="json", exclude={"measured_at"})


async def measure(tx: ReadTx, policy: Policy, names: Sequence[QueueName]) -> list[QueueMeasured]:
    """Count what lies in each of these queues now, test items apart."""
    found = await queues.tally(tx, *_counts(tx.now))
    present = await queues.present(tx)
    return [_measured(name, policy, found.get(name, {}), present.get(name, ()), tx.now) for name in names]


def _measured(
    name: QueueName, policy: Policy, found: Mapping[str, Any], reps: Sequence[int], now: datetime
) -> QueueMeasured:
    depth, pool = found.get("depth", 0), found.get("pool", 0)
    goal = target(policy.queues[name], reps, now) if name in policy.queues else None
    return QueueMeasured(
        queue=name,
        depth=depth,
        target=goal,
        zone=None if goal is None else zone(depth, goal),
        shortage=queues.shortage(depth, pool, goal),
        over_target=0 if goal is None else max(0, depth - goal),
        pool=pool,
        in_hand=found.get("in_hand", 0),
        open=found.get("open", 0),
        parked=found.get("parked", 0),
        snoozed=found.get("snoozed", 0),
        out_of_hours=0,
        opens_at=None,
        oldest_queued_at=found.get("oldest"),
        reps_present=len(reps),
        sla_breached=found.get("sla_breached", 0),
        measured_at=now,
    )


def _counts(now: datetime) -> list[Select[Any]]:
    """One count for each measure, by queue; each along its own partial index."""
    item, claim = t.items.c, t.claims.c
    real_claim = claim.test.is_(False)
    due = or_(claim.next_at.is_(None), claim.next_at <= now)
    breached = item.sla_breached_at.is_not(None) & item.attempted_at.is_(None) & queues.OPEN
    return [
        queues.counted("depth", item.queue, queues.QUEUED, queues.REAL, oldest=func.min(item.queued_at)),
        queues.counted("pool", item.queue, queues.POOLED, queues.REAL),
        queues.counted("snoozed", item.queue, queues.SNOOZED, queues.REAL),
        queues.counted("parked", item.queue, queues.PARKED, queues.REAL),
        queues.counted("sla_breached", item.queue, breached, queues.REAL),
        queues.counted("in_hand", claim.queue, queues.HELD, real_claim, due),
        queues.counted("open", claim.queue, queues.HELD, real_claim),
    ]
