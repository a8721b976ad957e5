"""Tasks: what one desk asks of another, for an opportunity or a customer. They do not move the lead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, insert, or_, select, update

from router.lifecycle import TASK, Act
from router.order import rank_at
from schemas.events.stamp import SYSTEM, Actor
from schemas.events.task import TaskClosed, TaskRaised
from schemas.words import (
    CustomerId,
    ItemId,
    ItemKind,
    LeadId,
    OpportunityId,
    RepId,
    Role,
    TaskId,
    TaskKind,
    TaskState,
)
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import holding, items, lateness
from services.store import tables as t
from services.store.items import Claim, Item
from services.store.story import Story, WrongState
from services.store.work import Work

CANCELLED = "cancelled"
"""Why the item of a task was cancelled that is not wanted any more."""
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Task:
    """A row of `routing.tasks`, as read. `summary`, `result` and `reason` may be personal."""

    id: TaskId
    lead_id: LeadId
    item_id: ItemId
    kind: TaskKind
    state: TaskState
    summary: str
    needed_by: datetime | None
    raised_by: str
    raised_at: datetime
    opportunity_id: OpportunityId | None
    customer_id: CustomerId | None
    closed_at: datetime | None
    result: dict[str, Any] | None
    reason: str | None

    @classmethod
    def of(cls, row: RowMapping) -> "Task":
        values = {f.name: row[f.name] for f in fields(cls)}
        return cls(**{**values, "kind": TaskKind(row["kind"]), "state": TaskState(row["state"])})

    @property
    def lead_time_ms(self) -> int | None:
        """From raised to closed, by the wall; None while it is open."""
        return None if self.closed_at is None else (self.closed_at - self.raised_at) // _MS


async def find(tx: ReadTx, task: str) -> Task | None:
    row = await tx.one(select(t.tasks).where(t.tasks.c.id == task))
    return None if row is None else Task.of(row)


async def which(tx: ReadTx, *conditions: ColumnElement[bool]) -> Sequence[Task]:
    """The tasks of which these hold, in the order in which they were raised."""
    rows = await tx.fetch(select(t.tasks).where(*conditions).order_by(t.tasks.c.id))
    return [Task.of(row) for row in rows]


async def has_raised(tx: ReadTx, rep: RepId, of: OpportunityId | CustomerId) -> bool:
    """Whether a rep raised a task for this opportunity or customer."""
    task = t.tasks.c
    which = or_(task.opportunity_id == of, task.customer_id == of)
    return await tx.value(select(task.id).where(which, task.raised_by == rep).limit(1)) is not None


async def ask(
    work: Work,
    *,
    kind: TaskKind,
    summary: str,
    needed_by: datetime | None,
    opportunity: OpportunityId | None = None,
    customer: CustomerId | None = None,
) -> Task:
    """Ask another desk for something, at the queue that the policy names for this kind; it must name one."""
    queue, now = work.policy.queues[work.policy.tasks[kind]], work.tx.now
    task = TaskId(mint("tsk", now))
    assert work.actor.id is not None, "a rep asks, or a manager"
    raised = TaskRaised(task_id=task, kind=kind, queue=queue.name, raised_by=work.actor.id)
    work.story.tell(raised, work.actor, note=summary)
    priority, from_list = work.item.priority, bool(work.story.row["list"])
    item = items.put(
        work.story,
        kind=ItemKind.TASK,
        queue=queue.name,
        pooled=queue.release is not None,
        priority=priority,
        queued_at=now,
        rank_at=rank_at(now, priority, from_list=from_list, credit=work.policy.rank_credit),
        actor=work.actor,
        task_id=task,
    )
    made = Task(
        id=task,
        lead_id=work.story.id,
        item_id=item.id,
        kind=kind,
        state=TaskState.OPEN,
        summary=summary,
        needed_by=needed_by,
        raised_by=work.actor.id,
        raised_at=now,
        opportunity_id=opportunity,
        customer_id=customer,
        closed_at=None,
        result=None,
        reason=None,
    )
    await work.tx.execute(insert(t.tasks).values({f.name: getattr(made, f.name) for f in fields(made)}))
    await work.alive()
    return made


async def complete(work: Work, result: Mapping[str, Any] | None, ended_by: Mapping[str, Any]) -> None:
    """It is done; whoever raised it sees the result."""
    note = None if result is None else result.get("note")
    await _end(work, Act.COMPLETE, TaskState.DONE, ended_by, note=note, result=result and dict(result))


async def decline(work: Work, reason: str, ended_by: Mapping[str, Any] | None = None) -> None:
    """It will not be done; whoever raised it sees why."""
    await _end(work, Act.DECLINE, TaskState.DECLINED, ended_by, note=reason, reason=reason)


async def cancel(work: Work, task: Task) -> None:
    """It is not wanted any more; a claim on it is revoked. Raises: WrongState."""
    await _cancel(work.tx, work.story, task, work.item, work.claim, work.actor)


async def cancel_all(
    tx: Tx, story: Story, actor: Actor, *, opportunity: OpportunityId | None = None, customer: CustomerId | None = None
) -> None:
    """Nobody waits any more for what was asked for an opportunity or customer, whose lead is locked."""
    column, of = (t.tasks.c.opportunity_id, opportunity) if opportunity else (t.tasks.c.customer_id, customer)
    for task in await which(tx, column == of, t.tasks.c.state == TaskState.OPEN.value):
        item = await items.lock(tx, task.item_id)
        assert item is not None, "an item is never deleted"
        await _cancel(tx, story, task, item, await holding.of_item(tx, item.id), actor)


async def cancelled(tx: Tx, story: Story, item: Item) -> None:
    """Close the task of an item that was cancelled otherwise."""
    await _close(tx, story, await _of(tx, item), Act.CANCEL, item, SYSTEM)


async def _cancel(tx: Tx, story: Story, task: Task, item: Item, claim: Claim | None, actor: Actor) -> None:
    if TASK.move(task.state, Act.CANCEL) is None:
        raise WrongState("task", task.state, Act.CANCEL)
    said = {"reason": CANCELLED}
    if claim is not None:
        claim = await lateness.settle(tx, story, item, claim)
        item = await items.apply(tx, story, item, Act.REVOKE, actor, claim=claim, detail=said, announce=False)
    await items.apply(tx, story, item, Act.CANCEL, actor, detail=said)
    await _close(tx, story, task, Act.CANCEL, item, actor)


async def _end(
    work: Work, act: Act, state: TaskState, ended_by: Mapping[str, Any] | None, *, note: str | None, **columns: Any
) -> None:
    task = await _of(work.tx, work.item)
    await lateness.settle(work.tx, work.story, work.item, work.held)
    await work.finish(Act.COMPLETE, outcome=state.value, ended_by=dict(ended_by) if ended_by else None)
    await _close(work.tx, work.story, task, act, work.item, work.actor, note=note, **columns)


async def _of(tx: ReadTx, item: Item) -> Task:
    assert item.task_id is not None, "the item is of a task"
    task = await find(tx, item.task_id)
    assert task is not None, "a task is never deleted"
    return task


async def _close(
    tx: Tx, story: Story, task: Task, act: Act, item: Item, actor: Actor, *, note: str | None = None, **columns: Any
) -> None:
    arrow = TASK.move(task.state, act)
    if arrow is None or Role(actor.kind) not in arrow.by:
        raise WrongState("task", task.state, act)
    closed = {"state": arrow.target.value, "closed_at": tx.now, **columns}
    await tx.execute(update(t.tasks).where(t.tasks.c.id == task.id).values(closed))
    lead_time = (tx.now - task.raised_at) // _MS
    told = TaskClosed(
        task_id=task.id, kind=task.kind, queue=item.queue, state=arrow.target, lead_time_ms=max(0, lead_time)
    )
    story.tell(told, actor, note=note)
