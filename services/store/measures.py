"""The measures of queues: told when they change, and once a day, so that who starts afresh finds each in the log."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Select, or_, select, update
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


async def changed(tx: ReadTx, policy: Policy) -> list[QueueName]:
    """Look, without a lock, which queues have news: of the policy, and of those that it dropped, so that what still
    lies in these is seen."""
    rows = {row["name"]: row for row in await tx.fetch(select(t.queues))}
    measured = await measure(tx, policy, sorted({*policy.queues, *rows}))
    return [each.queue for each in measured if _is_news(each, rows.get(each.queue), tx.now)]


async def tell(tx: Tx, policy: Policy, names: Sequence[QueueName]) -> bool:
    """Emit the measures of those of these queues that have news; tell whether all could be looked at.

    A queue whose row another holds (a release, another worker) is left to the next look.
    """
    await tx.execute(upsert(t.queues).values([{"name": name} for name in names]).on_conflict_do_nothing())
    held = select(t.queues).where(t.queues.c.name.in_(names)).order_by(t.queues.c.name)
    rows = {QueueName(row["name"]): row for row in await tx.fetch(held.with_for_update(skip_locked=True))}
    news = [each for each in await measure(tx, policy, list(rows)) if _is_news(each, rows[each.queue], tx.now)]
    for measured in news:
        written = {"measures": _told(measured), "measured_at": tx.now}
        await tx.execute(update(t.queues).where(t.queues.c.name == measured.queue).values(written))
    tx.emit(*news)
    return len(rows) == len(names)


def _is_news(measured: QueueMeasured, row: RowMapping | None, now: datetime) -> bool:
    return row is None or row["measures"] != _told(measured) or row["measured_at"] <= now - AGAIN


def _told(measured: QueueMeasured) -> dict[str, Any]:
    """What is compared with the last: all but the time at which it was measured."""
    return measured.model_dump(mode="json", exclude={"measured_at"})


async def measure(tx: ReadTx, policy: Policy, names: Sequence[QueueName]) -> list[QueueMeasured]:
    """Count what lies in each of these queues now, test items apart."""
    found = await queues.tally(tx, *_counts(tx.now))
    present = await queues.present(tx, policy)
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
        out_of_hours=found.get("out_of_hours", 0),
        opens_at=found.get("opens_at"),
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
        queues.counted("depth", item.queue, queues.QUEUED, queues.REAL, oldest=item.queued_at),
        queues.counted(
            "out_of_hours", item.queue, queues.QUEUED, queues.REAL, item.out_of_hours, opens_at=item.turns_at
        ),
        queues.counted("pool", item.queue, queues.POOLED, queues.REAL),
        queues.counted("snoozed", item.queue, queues.SNOOZED, queues.REAL),
        queues.counted("parked", item.queue, queues.PARKED, queues.REAL),
        queues.counted("sla_breached", item.queue, breached, queues.REAL),
        queues.counted("in_hand", claim.queue, queues.HELD, real_claim, due),
        queues.counted("open", claim.queue, queues.HELD, real_claim),
    ]
