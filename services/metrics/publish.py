"""Publishing: each new version of a series goes to its topic in Kafka, in the order of revisions. One process leads.

How far it went is saved after the append, so that a crash between the two repeats versions and loses none. Of a key
the highest revision counts; but compaction keeps the last record, whatever its revision. Therefore no older version
may stay behind a newer one: who finds that another has published meanwhile has both published again, and what may
have landed late is waited for.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from schemas.topics import SERIES, Topic
from services.metrics import kept, published
from services.metrics.kept import Kept
from services.metrics.published import Published
from services.metrics.records import record_of
from services.metrics.tail import Tail
from services.runtime.edge import Edge
from services.runtime.leader import LEASE, Leader
from services.runtime.log.messages import message
from services.runtime.log.port import LogUnavailable, Message, NotTaken

NAME = "publisher"
LOOK_AGAIN = timedelta(seconds=1)
PAGE = 500
"""How many versions go at once."""
SETTLED = 1.0
"""Seconds after which brokers that answer again have taken what was sent to them before."""
LATEST = 11.0
"""Seconds after an append failed in which its client may still be sending."""
IN_TIME = LEASE.total_seconds() / 2
"""Seconds after which one who was told to lead asks again before appending."""
_TOPICS: Mapping[str, Topic] = {topic.name: topic for topic in SERIES}

_log = structlog.get_logger("leadgate.metrics")


class Publisher:
    """Publishes while it leads. `tail` tells as of when the series are."""

    def __init__(self, edge: Edge, tail: Tail) -> None:
        self._edge = edge
        self._tail = tail
        self._leader = Leader(NAME)
        self._unsure = False
        """Something was sent, and is not known to be in the log or never to come."""

        self._sent_at = float("-inf")

    async def keep(self) -> None:
        """Lead, or stand by, until cancelled."""
        try:
            with self._edge.wake.waiting(kept.WAKE) as waiter:
                while True:
                    if await self._stands() is not None:
                        with self._tail.listening():
                            await self._tail.newest()
                            while (more := await self.turn()) is not None:
                                if not more:
                                    await waiter.wait(LOOK_AGAIN)
                    await waiter.wait(LOOK_AGAIN)
        finally:
            await self._resign()

    async def turn(self) -> bool | None:
        """Publish a page of what is new; tell whether there may be more. None: another leads."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        stands = await self._stands()
        if stands is None:
            return None
        as_of = self._tail.as_of
        if as_of is None:
            return False
        try:
            if self._unsure:
                await self._edge.log.ends(SERIES)
                await asyncio.sleep(max(SETTLED, self._sent_at + LATEST - loop.time()))
            logs = [await self._edge.log.identity(topic) for topic in SERIES]
            start = stands.within(logs)
            async with self._edge.database.read() as tx:
                page, now = await kept.after(tx, start, PAGE), tx.now
            if not page:
                return False
            if loop.time() - asked > IN_TIME:
                return True
            self._unsure = True
            try:
                await self._edge.log.append([message_of(one, as_of, now) for one in page])
            finally:
                self._sent_at = loop.time()
            self._unsure = False
        except (LogUnavailable, NotTaken) as error:
            self._edge.telemetry.failures.labels("metrics.publish").inc()
            _log.warning("publishing_waits", revision=stands.revision, error=str(error))
            return False
        await self._save(stands, start, Published(page[-1].revision, logs))
        return True

    async def _stands(self) -> Published | None:
        """How far publishing is, if it is ours to do."""
        async with self._edge.database.tx() as tx:
            leads = await self._leader.leads(tx)
            stands = await published.stands(tx)
            newest = await kept.last_revision(tx)
        self._edge.telemetry.unpublished.set(newest - stands.revision)
        return stands if leads else None

    async def _save(self, stands: Published, start: int, reached: Published) -> None:
        async with self._edge.database.tx() as tx:
            if not await published.move(tx, stands, reached):
                await published.back(tx, start)
                _log.warning("published_twice", start=start, reached=reached.revision)

    async def _resign(self) -> None:
        """Let another lead at once; but what is still on its way must not come behind what that one publishes."""
        if not self._unsure:
            with contextlib.suppress(Exception):  # best effort: the lease ends by itself
                async with asyncio.timeout(2), self._edge.database.tx() as tx:
                    await self._leader.resign(tx)


def message_of(one: Kept, as_of: datetime, now: datetime) -> Message:
    """A version as its topic holds it, in which all committed before `as_of` is; withdrawn: a tombstone."""
    record = record_of(one, as_of)
    data = None if record is None else record.model_dump(mode="json")
    return message(_TOPICS[one.topic], one.key, f"leadgate.{one.topic}", data, subject=one.key, at=now)
