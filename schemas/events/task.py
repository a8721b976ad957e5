"""What one desk asks of another."""

from typing import ClassVar

from schemas.events.stamp import LifecycleEvent, Word
from schemas.words import QueueName, TaskId, TaskKind, TaskState


class TaskEvent(LifecycleEvent):
    """`queue` is where it was sent. What is asked for, and what came of it, is in nobody's words here."""

    task_id: TaskId
    kind: Word[TaskKind]
    queue: QueueName


class TaskRaised(TaskEvent):
    """`raised_by`: the rep, or the manager's or admin's key."""

    NAME: ClassVar[str] = "task.raised"
    raised_by: str


class TaskClosed(TaskEvent):
    """`lead_time_ms`: from raised to closed, by the wall."""

    NAME: ClassVar[str] = "task.closed"
    state: Word[TaskState]
    lead_time_ms: int
