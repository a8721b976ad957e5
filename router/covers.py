"""Covers: who takes over what falls due while a rep is away, and what happens to the work of one who leaves."""

from collections.abc import Collection, Mapping, Sequence

from router.policy.compiled import Queue
from schemas.words import ItemKind, Priority, QueueName, RepId


def first(
    named: Sequence[RepId],
    there: Mapping[RepId, frozenset[QueueName]],
    *,
    queue: QueueName,
    but: Collection[RepId] = (),
) -> RepId | None:
    """The first of the `named` who is there, works the item's queue, and is none of `but`, who have returned it.

    `there`: who is there, with the queues that they work. None: nobody covers.

    >>> there = {RepId("bob"): frozenset({QueueName("closing/uk")}), RepId("eve"): frozenset({QueueName("closing/uk")})}
    >>> first([RepId("ann"), RepId("eve"), RepId("bob")], there, queue=QueueName("closing/uk"))
    'eve'
    """
    return next((rep for rep in named if rep not in but and queue in there.get(rep, ())), None)


def goes_to_pool(queue: Queue | None, *, kind: ItemKind, priority: Priority, from_list: bool) -> bool:
    """Whether what a rep who leaves had, and nobody was promised, waits in its queue's pool for a release.

    As when it came: what is hot, and the enquiry of who raised a hand, is not kept waiting by a buffer.
    """
    raised_a_hand = kind is ItemKind.ENQUIRY and not from_list
    return queue is not None and queue.release is not None and priority is not Priority.HOT and not raised_a_hand
