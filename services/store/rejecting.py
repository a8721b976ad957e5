"""Rejecting: the closer gives an opportunity back to whoever qualified it, as what it was."""

from typing import Any

from router.lifecycle import Act
from router.policy.rule import Place
from schemas.events.opportunity import OpportunityRejected
from schemas.words import Cause, Direction, ItemKind, OpportunityState, QueueName, Refusal
from services.store import closing, items, opportunities, qualifying, tasks
from services.store.continuity import first_right
from services.store.qualifying import Qualified
from services.store.work import Work


async def reject(work: Work, reason: Refusal, note: str | None) -> None:
    """Give it back: it is not what it was said to be. Its age is kept; its qualifier has the first right to it.

    What a rule made goes where the fallback sends it. What was asked for it is cancelled. Raises: WrongState. There
    must be a queue that it goes `back_to`.
    """
    qualified = await qualifying.of(work.tx, work.deal)
    queue = _back_to(work, qualified)
    assert queue is not None, "the caller looked whether somebody qualifies"
    told = OpportunityRejected(**work.on_deal(), reason=reason.value)
    closed: dict[str, Any] = {"closed_at": work.tx.now, "closed_by": closing.by(work), "reason": reason.value}
    await opportunities.move(work.tx, work.story, work.deal, Act.REJECT, told, work.actor, **closed)
    await closing.done(work, OpportunityState.REJECTED.value, reason=reason.value, note=note)
    await tasks.cancel_all(work.tx, work.story, work.actor, opportunity=work.deal.id)
    work.story.move(Act.HAND_BACK, work.actor, opportunity_id=None)
    items.put(
        work.story,
        kind=work.policy.queues[queue].kind,
        queue=queue,
        pooled=False,
        cause=Cause.REJECT,
        actor=work.actor,
        **_age(work, qualified),
        **await first_right(work.tx, qualified.rep_id if qualified else None, queue),
    )


async def back_to(work: Work) -> QueueName | None:
    """The queue that an opportunity goes back to; None where the company qualifies nothing."""
    return _back_to(work, await qualifying.of(work.tx, work.deal))


def _back_to(work: Work, qualified: Qualified | None) -> QueueName | None:
    """Where it was qualified, if that queue is left; else where the fallback sends a new lead, unless to closers."""
    if qualified is not None and qualified.item.queue in work.policy.queues:
        return qualified.item.queue
    then = work.policy.fallback[Direction(work.story.row["direction"])].then
    assert isinstance(then, Place), "a fallback is a queue"
    return None if work.policy.queues[then.queue].kind == ItemKind.OPPORTUNITY else then.queue


def _age(work: Work, qualified: Qualified | None) -> dict[str, Any]:
    """The age and priority of the item that was qualified; else those that the opportunity has."""
    was = work.item if qualified is None else qualified.item
    return {"priority": was.priority, "queued_at": was.queued_at, "rank_at": was.rank_at}
