"""Freshness: `as_of`, the moment before which all that was committed is counted.

It is the database's time, taken before finding nothing older in the log table that Kafka has not, and then the log's
ends, once the positions that count have reached these: those of the router in the intake topics, so that no accepted
lead is missing, and then our own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from schemas.topics import INBOUND, LIFECYCLE, OUTBOUND, SIGNALS, Topic
from services.metrics.handler import WAKE
from services.runtime import looks, positions
from services.runtime.edge import Edge
from services.runtime.hot import driver
from services.runtime.http.problems import Unavailable
from services.runtime.log import outbox
from services.runtime.log.port import Place

GROUP = "metrics"
TOPICS = (LIFECYCLE, SIGNALS)
STAGES: Sequence[tuple[str, Sequence[Topic]]] = (("router", (INBOUND, OUTBOUND)), (GROUP, TOPICS))
"""Who must have read what, in the order in which one leads to the other."""

PATIENCE = timedelta(seconds=2)
"""How long an answer waits to be fresh."""
BEHIND = timedelta(seconds=10)
"""Who is further behind than this will not catch up while one waits: the next looks are short."""
_LOOK = timedelta(milliseconds=25)
_AGAIN = timedelta(milliseconds=250)
_KEEP = timedelta(seconds=5)

STANDS_SQL = "SELECT as_of FROM metrics.freshness"
KEEP_SQL = """
INSERT INTO metrics.freshness AS f (as_of) VALUES ($1)
ON CONFLICT (one) DO UPDATE SET as_of = greatest(f.as_of, excluded.as_of)
"""


class Freshness:
    """Finds out `as_of`. Who asks while another looks shares the next look."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._as_of: datetime | None = None
        self._measured: datetime | None = None
        self._looking = asyncio.Lock()
        self._begun = 0
        self._done = 0
        self._hopeless = False

    async def reach(self) -> datetime:
        """Wait, briefly, until all that was committed before this call is counted; then, or in vain, tell `as_of`.

        Raises: Unavailable where it was never known.
        """
        as_of = await self.look()
        if as_of is None:
            raise Unavailable("The numbers have not caught up with the log yet.", after=1)
        return as_of

    async def look(self) -> datetime | None:
        """The same; None where it was never known."""
        asked = self._begun
        async with self._looking:
            if self._done <= asked:
                self._begun = look = self._begun + 1
                await self._look()
                self._done = look
        return self._as_of

    async def reach_measured(self) -> datetime:
        """Wait, briefly, until all that was committed before this call is in the queues' measures; then, or in vain,
        tell as of when these are: once all is routed the worker looks, and what it tells is read.

        Raises: Unavailable where nothing was ever known.
        """
        routed = await self.reach()
        looked = await self._looked()
        if looked is None:
            return routed
        read = await self.reach()
        if self._measured is None or read >= looked:
            self._measured = max(filter(None, (self._measured, min(routed, looked, read))))
        return self._measured

    async def _looked(self) -> datetime | None:
        """When the worker last looked at the queues: it is asked to do so now, and waited for if it is at work."""
        channel = looks.done(looks.MEASURES)
        with self._edge.wake.waiting(channel) as waiter:
            async with self._edge.database.read() as tx:
                asked, looked = tx.now, await looks.of(tx, looks.MEASURES)
            if looked is None or asked - looked > BEHIND:
                return looked
            self._edge.wake.tell({looks.wanted(looks.MEASURES)})
            deadline = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
            while looked < asked and (left := deadline - asyncio.get_running_loop().time()) > 0:
                await waiter.wait(min(_AGAIN, timedelta(seconds=left)))
                async with self._edge.database.read() as tx:
                    looked = await looks.of(tx, looks.MEASURES) or looked
            return looked

    async def keep(self) -> None:
        """Look again and again, and write down what is known, for a restart. Until cancelled."""
        while True:
            async with self._edge.database.read() as tx:
                stands = await driver(tx).fetchval(STANDS_SQL)
            self._as_of = max(filter(None, (self._as_of, stands)), default=None)
            as_of = await self.look()
            if as_of is not None and as_of != stands:
                async with self._edge.database.tx() as tx:
                    await driver(tx).execute(KEEP_SQL, as_of)
            await asyncio.sleep(_KEEP.total_seconds())

    async def _look(self) -> None:
        async with self._edge.database.read() as tx:
            moment = tx.now
        deadline = asyncio.get_running_loop().time() + (_LOOK if self._hopeless else PATIENCE).total_seconds()
        for group, topics in STAGES:
            if not await self._relayed(deadline) or not await self._reached(
                group, await self._edge.log.ends(topics), deadline
            ):
                self._hopeless = self._as_of is not None and moment - self._as_of > BEHIND
                return
        self._as_of, self._hopeless = max(filter(None, (self._as_of, moment))), False

    async def _relayed(self, deadline: float) -> bool:
        """Whether Kafka has all that was appended to the log table until now, by the deadline."""
        if self._edge.kafka is None:
            return True
        now: datetime | None = None
        while True:
            async with self._edge.database.read() as tx:
                now = now or tx.now
                if not await outbox.waits(tx, now):
                    return True
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(_LOOK.total_seconds())

    async def _reached(self, group: str, ends: Mapping[Place, int], deadline: float) -> bool:
        """Whether a group has read up to there, by the deadline."""
        with self._edge.wake.waiting(WAKE) as waiter:
            while True:
                async with self._edge.database.read() as tx:
                    standing = await positions.standings(tx, group)
                if all(place in standing and standing[place].position >= end for place, end in ends.items() if end):
                    return True
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    return False
                await waiter.wait(min(_LOOK, timedelta(seconds=left)))
