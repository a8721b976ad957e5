"""Escalation: what a queue does with an item whose promised time has passed without a first attempt."""

from router.policy.compiled import MoveTo, Notify, Raise, Step
from router.policy.desks import check_duration, check_reference
from router.policy.durations import elapsed
from router.policy.mistakes import Mistakes, Path
from schemas.policy.desks import StepModel
from schemas.policy.file import PolicyFile
from schemas.words import KIND_OF_DESK, Desk, Priority, QueueName

_ONE = "Write one of raise: high, queue: inbound/second, notify: true."


def check_escalation(file: PolicyFile, mistakes: Mistakes) -> None:
    for desk, held in file.desks.items():
        for name, queue in held.queues.items():
            path: Path = ("desks", desk, "queues", name, "escalate")
            for index, step in enumerate(queue.escalate):
                _check_step(step, f"{desk}/{name}", (*path, index), file, mistakes)
            times = [elapsed(step.after) for step in queue.escalate]
            for index in range(1, len(times)):
                if times[index] < times[index - 1]:
                    text = queue.escalate[index].after
                    mistakes.add((*path, index, "after"), text, "before the step above it", "Sort them by `after`.")


def _check_step(step: StepModel, queue: str, path: Path, file: PolicyFile, mistakes: Mistakes) -> None:
    check_duration(step.after, (*path, "after"), mistakes, zero=True)
    given = [name for name, value in (("raise", step.raise_), ("queue", step.queue), ("notify", step.notify)) if value]
    if len(given) != 1:
        mistakes.add(path, None, f"says {' and '.join(given)} at once" if given else "says nothing to do", _ONE)
        return
    if step.queue is None:
        return
    kind = KIND_OF_DESK[Desk(queue.partition("/")[0])]
    desks = [desk for desk in Desk if KIND_OF_DESK[desk] is kind]
    why = f"not a queue of the same kind of item ({kind})"
    if check_reference(step.queue, (*path, "queue"), file, mistakes, desks=desks, why=why) and step.queue == queue:
        mistakes.add((*path, "queue"), step.queue, "the queue that it is in", "Name another one.")


def step_of(step: StepModel) -> Step:
    """Compile one that `check_escalation` has passed."""
    after = elapsed(step.after)
    if step.raise_ is not None:
        return Step(after, Raise(Priority(step.raise_)))
    return Step(after, Notify() if step.queue is None else MoveTo(QueueName(step.queue)))
