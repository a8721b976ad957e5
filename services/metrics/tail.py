"""The tail of the series: the latest changes, read once for all who listen. Nothing is queued for anybody.

A slow listener finds of each series only the latest version; who is behind the tail reads the table.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import dropwhile, islice

from services.metrics import kept
from services.metrics.freshness import Freshness
from services.metrics.kept import Kept
from services.runtime.edge import Edge

FRESH = timedelta(seconds=1)
"""How often it looks, woken or not."""
PAGE = 1000
TAIL = 5000
"""Changes kept in memory."""
TOO_OLD = 5000
"""Who missed more series than this had better ask anew."""


class Tail:
    """The latest changes, read once for all clients: those after revision `floor`, up to `revision`."""

    def __init__(self, edge: Edge, freshness: Freshness) -> None:
        self._edge = edge
        self._freshness = freshness
        self._recent: deque[Kept] = deque()
        self._turned = asyncio.Event()
        self._clients = 0
        self.floor = 0
        self.revision = 0
        self.as_of: datetime | None = None
        """All committed before then is in the series; None: not known yet."""
        self.lag = timedelta()
        self._reached: tuple[datetime, int] | None = None

    async def keep(self) -> None:
        """Read on, each second and whenever there is news, until cancelled. While nobody listens, rest."""
        with self._edge.wake.waiting(kept.WAKE) as waiter:
            while True:
                if self._clients:
                    await self._read()
                self._turn()
                await waiter.wait(FRESH)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Be one of those for whom it is kept."""
        self._clients += 1
        try:
            yield
        finally:
            self._clients -= 1
            if not self._clients:
                self._recent.clear()
                self.floor = self.revision

    async def newest(self) -> int:
        """The newest revision there is. The first to listen begins the tail here."""
        async with self._edge.database.read() as tx:
            newest = await kept.last_revision(tx)
        if not self._recent:
            self.floor = self.revision = newest
        return newest

    async def turned(self, seconds: float) -> None:
        """Wait until it has read again, or so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._turned.wait()

    async def since(self, revision: int) -> list[Kept]:
        """Up to a page of what changed after a revision, in order."""
        if revision >= self.floor:
            return list(islice(dropwhile(lambda one: one.revision <= revision, self._recent), PAGE))
        async with self._edge.database.read() as tx:
            return await kept.after(tx, revision, PAGE)

    async def too_old(self, revision: int) -> bool:
        """Whether so much changed after a revision that asking anew is better."""
        async with self._edge.database.read() as tx:
            return await kept.missed(tx, revision, TOO_OLD + 1) > TOO_OLD

    def _turn(self) -> None:
        self._turned.set()
        self._turned = asyncio.Event()

    async def _read(self) -> None:
        counted = await self._freshness.look()
        async with self._edge.database.read() as tx:
            now = tx.now
            if self._reached is None and counted is not None:
                self._reached = counted, await kept.newest_mark(tx)
            settled = self._reached is not None and await kept.settled(tx, self._reached[1])
        more = True
        while more:
            async with self._edge.database.read() as tx:
                page = await kept.after(tx, self.revision, PAGE)
            self._recent.extend(page)
            self.revision = max([self.revision, *(one.revision for one in page)])
            while len(self._recent) > TAIL:
                self.floor = self._recent.popleft().revision
            more = len(page) == PAGE
        if self._reached is not None and settled:  # what was counted by then was recomputed, and now it is read
            self.as_of, self._reached = self._reached[0], None
        if self.as_of is not None:
            self.lag = max(timedelta(), now - self.as_of)
