"""Queues: the row that a release locks, who is there, and what lies where."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Text, bindparam, cast, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import insert as upsert

from router.lifecycle import OPEN_ITEM_STATES
from router.policy.compiled import Policy
from schemas.words import ClaimState, ItemState, QueueName
from services.runtime.tx import ReadTx, Tx
from services.store import reps
from services.store import tables as t


def spelled(column: ColumnElement[Any], *states: StrEnum) -> ColumnElement[bool]:
    """In one of these states, spelled out: only a literal matches a partial index in every plan."""
    if len(states) == 1:
        return column == literal(states[0].value, literal_execute=True)
    return column.in_(bindparam(None, [state.value for state in states], expanding=True, literal_execute=True))


QUEUED = spelled(t.items.c.state, ItemState.QUEUED)
POOLED = spelled(t.items.c.state, ItemState.POOLED)
SNOOZED = spelled(t.items.c.state, ItemState.SNOOZED)
PARKED = spelled(t.items.c.state, ItemState.PARKED)
OPEN = spelled(t.items.c.state, *sorted(OPEN_ITEM_STATES))
HELD = spelled(t.claims.c.state, ClaimState.ACTIVE)
REAL = t.items.c.test.is_(False)
"""Test items are in no count and in no buffer."""
IN_HOURS = t.items.c.out_of_hours.is_(False)
"""Their persons may be called now, as far as was looked at."""
_NEVER = cast(null(), t.TIME)


async def lock(tx: Tx, queue: QueueName) -> RowMapping:
    """Lock a queue's row, and make it first if need be. Who adds to a depth up to a target holds this lock."""
    await tx.execute(upsert(t.queues).values(name=queue).on_conflict_do_nothing())
    row = await tx.one(select(t.queues).where(t.queues.c.name == queue).with_for_update())
    assert row is not None
    return row


async def depth_and_pool(tx: ReadTx, queue: QueueName) -> tuple[int, int]:
    """How many items lie in a queue, released and unclaimed, and how many in its pool."""
    row = await tx.one(
        select(
            _count().where(t.items.c.queue == queue, QUEUED, REAL).scalar_subquery().label("depth"),
            _count().where(t.items.c.queue == queue, POOLED, REAL).scalar_subquery().label("pool"),
        )
    )
    assert row is not None
    return row["depth"], row["pool"]


def shortage(depth: int, pool: int, target: int | None) -> int:
    """How many its pool cannot give a queue.

    >>> shortage(1, 2, 5), shortage(1, 9, 5), shortage(1, 0, None)
    (2, 0, 0)
    """
    return 0 if target is None else max(0, target - depth - pool)


async def present(tx: ReadTx, policy: Policy, at: datetime | None = None) -> Mapping[QueueName, Sequence[int]]:
    """For each queue of the policy, for each of its reps who is not away, among how many of these they are shared.

    Its reps have its skills. `at`: who will be there then, as far as they said; None: now.
    """
    found: dict[QueueName, list[int]] = {}
    for row in await tx.fetch(select(t.reps.c.queues, t.reps.c.skills).where(reps.present(at or tx.now))):
        works = [
            QueueName(name)
            for name in row["queues"]
            if name in policy.queues and policy.queues[QueueName(name)].skills.issubset(row["skills"])
        ]
        for queue in works:
            found.setdefault(queue, []).append(len(works))
    return found


def counted(
    what: str, queue: ColumnElement[str], *which: ColumnElement[bool], **first: ColumnElement[Any]
) -> Select[Any]:
    """A count by queue, to be one part of a `tally`; and by its own name the `first` of a column, at most one."""
    ((name, column),) = first.items() or ((None, None),)
    return (
        select(
            queue.label("queue"),
            literal(what).label("what"),
            func.count().label("n"),
            literal(name, Text).label("named"),
            (_NEVER if column is None else func.min(column)).label("first"),
        )
        .where(*which)
        .group_by(queue)
    )


async def tally(tx: ReadTx, *counts: Select[Any]) -> Mapping[str, Mapping[str, Any]]:
    """For each queue, by name, what was `counted` there; a count of none is absent."""
    found: dict[str, dict[str, Any]] = {}
    for row in await tx.fetch(union_all(*counts)):
        of_queue = found.setdefault(row["queue"], {})
        of_queue[row["what"]] = row["n"]
        if row["named"] is not None:
            of_queue[row["named"]] = row["first"]
    return found


def _count() -> Select[int]:
    return select(func.count()).select_from(t.items)
