"""The watchdog: stuck is dead (law 12). No progress while there is work, and nothing to blame for it, ends the process.

Patience is counted in the watchdog's own ticks, so that a process that was stopped and continued is not blamed.
"""

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from schemas.topics import Topic
from services.runtime import positions
from services.runtime.edge import Edge
from services.runtime.exits import Stuck
from services.runtime.failures import Failure, failure
from services.runtime.log.port import Place

TICK = timedelta(seconds=1)
PATIENCE = 90
"""Ticks without progress: longer than a statement may take, tried again."""


async def watch(
    edge: Edge,
    group: str,
    topics: Sequence[Topic],
    reading: Callable[[], Collection[Place]] = tuple,
    *,
    tick: timedelta = TICK,
    patience: int = PATIENCE,
) -> None:
    """Watch a consumer until cancelled: its group as a whole, and what of it is ours to read, whoever else gets on.

    Raises: Stuck, which says where every task stands.
    """
    group_idle = our_idle = 0
    before: Mapping[Place, int] = {}
    while True:
        await asyncio.sleep(tick.total_seconds())
        try:
            now, lags = await _standing(edge, group, topics)
        except Exception as error:
            if failure(error) is not Failure.OUTAGE:
                raise
            group_idle = our_idle = 0  # the database or the log is away: that is not ours
            continue
        ours = set(reading())
        stands = all(now.get(place) == before.get(place) for place in ours)
        our_idle = our_idle + 1 if stands and lags.keys() & ours else 0
        group_idle, before = (group_idle + 1 if lags and now == before else 0), now
        if max(group_idle, our_idle) >= patience:
            behind = ", ".join(f"{place.topic}/{place.partition} by {lag}" for place, lag in lags.items())
            raise Stuck(f"{group} makes no progress: it is behind in {behind}.\n{stacks()}")


@contextmanager
def turning(
    *, tick: timedelta = TICK, patience: int = PATIENCE, end: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Watch, from a thread, that the event loop turns; where it does not, say what it does and end the process."""
    loop = asyncio.get_running_loop()
    turned, done = threading.Event(), threading.Event()

    def look() -> None:
        silent = 0
        loop.call_soon_threadsafe(turned.set)
        while not done.wait(tick.total_seconds()):
            if turned.is_set():
                turned.clear()
                silent = 0
                loop.call_soon_threadsafe(turned.set)
            else:
                silent += 1
            if silent >= patience:
                (end or _die)(f"the event loop does not turn.\n{stacks(tasks=False)}")
                return

    thread = threading.Thread(target=look, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def stacks(*, tasks: bool = True) -> str:
    """Where every thread stands, and every task of this loop, down to what it waits for."""
    parts = [
        f"Thread {ident}:\n{''.join(traceback.format_stack(frame))}" for ident, frame in sys._current_frames().items()
    ]
    if tasks:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        parts += [f"Task {task.get_name()}:\n{''.join(_awaiting(task.get_coro()))}" for task in others]
    return "".join(parts)


def _awaiting(waiting: object) -> Iterator[str]:
    """One line for each frame of a coroutine that waits, outermost first."""
    while waiting is not None:
        frame: FrameType | None = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is not None:
            yield from traceback.format_list(traceback.StackSummary.extract([(frame, frame.f_lineno)]))
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)


async def _standing(edge: Edge, group: str, topics: Sequence[Topic]) -> tuple[Mapping[Place, int], Mapping[Place, int]]:
    """Where the consumer stands, and by how much it is behind where it may go on; operators are told too."""
    ends = await edge.log.ends(topics)
    async with edge.database.read() as tx:
        standing = await positions.standings(tx, group)
    lags = {place: end - standing[place].position for place, end in ends.items() if place in standing}
    for topic in topics:
        lag = sum(lag for place, lag in lags.items() if place.topic == topic.name)
        edge.telemetry.lag.labels(group, topic.name).set(lag)
    now = {place: each.position for place, each in standing.items()}
    return now, {place: lag for place, lag in lags.items() if lag > 0 and not standing[place].stopped}


def _die(why: str) -> None:
    print(f"Stuck: {why}", file=sys.stderr, flush=True)
    os._exit(Stuck.exit_code)
