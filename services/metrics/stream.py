"""The live stream: series as they change, how fresh they are, and a sign of life. Server-sent events.

Source: HTML Living Standard, section 9.2.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from schemas.events.stamp import text_of
from services.metrics.kept import Kept
from services.metrics.question import Dimension
from services.metrics.records import record_of
from services.metrics.store import QUEUES
from services.metrics.tail import PAGE, Tail
from services.runtime.edge import Edge
from services.runtime.failures import Failure, failure

RETRY_MS = 2000
ALIVE = 10.0
"""Seconds between comments: a sign of life, whatever happens."""
OFTEN = 1.0
"""Seconds between news of freshness, at least."""
PATIENCE = 30.0
"""Seconds that a client may take to take something; then it is dropped."""

_log = structlog.get_logger("leadgate.metrics")
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a client wants to hear of; and of which desks it may. None: of all."""

    wanted: Mapping[Dimension, tuple[str, ...]] = field(default_factory=dict)
    desks: frozenset[str] | None = None

    def match(self, one: Kept) -> bool:
        """A series matches where each dimension asked for has a wanted value.

        No series is kept by segment: each may hold something of any, so that does not narrow. And a queue's measures
        are of its desk and queue, nothing else.
        """
        if one.record is None:
            return False
        has = dict(one.record["dimensions"] if one.topic != QUEUES else {Dimension.QUEUE: one.record["queue"]})
        has[Dimension.DESK] = has.get(Dimension.QUEUE, "").partition("/")[0]
        narrows = {Dimension.QUEUE, Dimension.DESK} if one.topic == QUEUES else {*Dimension} - {Dimension.SEGMENT}
        return (self.desks is None or has[Dimension.DESK] in self.desks) and all(
            has.get(name) in values for name, values in self.wanted.items() if name in narrows
        )


async def told(
    edge: Edge, tail: Tail, filters: Filters, last: str | None, live: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    """What a client hears, from after the event id `last` where it names one, as long as `live` says that it may."""
    now = asyncio.get_running_loop().time
    with tail.listening(), edge.telemetry.streams.track_inprogress():
        newest = await tail.newest()
        at = await _resumed(tail, last, newest)
        yield f"retry: {RETRY_MS}\n\n".encode()
        if at is None:
            at = newest
            yield (b"event: reset\ndata: {}\n" if last is not None else b"") + f"id: {at}\n\n".encode()
        alive, fresh = now() + ALIVE, now()
        while not edge.stopping.is_set():
            as_of = tail.as_of
            if as_of is not None:
                page = await _since(tail, at)
                newest_of = {one.key: one.revision for one in page}
                for one in page:
                    at = one.revision
                    if newest_of[one.key] == at and filters.match(one):
                        yield _series(one, as_of)
                if len(page) == PAGE:
                    continue
                if now() >= fresh:
                    fresh = now() + OFTEN
                    said = f'{{"as_of":"{text_of(as_of)}","lag_ms":{tail.lag // _MS}}}'
                    yield f"event: freshness\ndata: {said}\n\n".encode()
            if now() >= alive:
                alive = now() + ALIVE
                if not await live():
                    return
                yield f": alive\nid: {at}\n\n".encode()
            await tail.turned(min(OFTEN, alive - now()))


async def _resumed(tail: Tail, last: str | None, newest: int) -> int | None:
    """Where a client stands that heard the event `last`; None: nowhere, or too far back."""
    if last is None or not (last.isascii() and last.isdigit() and len(last) < 19):
        return None
    at = int(last)
    return None if at > newest or await tail.too_old(at) else at


async def _since(tail: Tail, revision: int) -> list[Kept]:
    """What is new. While the database is away, nothing is."""
    try:
        return await tail.since(revision)
    except Exception as error:
        if failure(error) is not Failure.OUTAGE:
            raise
        return []


def _series(one: Kept, as_of: datetime) -> bytes:
    record = record_of(one, as_of)
    assert record is not None, "it matched"
    return f"id: {one.revision}\nevent: series\ndata: {record.model_dump_json()}\n\n".encode()


class EventStream(Response):
    """Sends events until there are no more, the client leaves, or takes nothing for too long."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers={"Cache-Control": "private, no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send), name="stream")
        leaving = asyncio.create_task(_left(receive), name="stream.left")
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (leaving, sending):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _send(self, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async with aclosing(self._events) as events:
                async for chunk in events:
                    async with asyncio.timeout(PATIENCE):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            _log.info("stream_dropped", why=f"it took nothing for {PATIENCE:.0f} s")
        except OSError:
            _log.debug("stream_left")


async def _left(receive: Receive) -> None:
    """Until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
