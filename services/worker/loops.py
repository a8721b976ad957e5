"""Duties: what time brings about, looked for again and again by as many workers as there are.

A duty that fails by an outage starts again (`services.runtime.run`). One that fails by a mistake of ours says so and
goes on: what it failed on is laid aside for a while, and blocks nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from services.policies import NoPolicy
from services.runtime.edge import Edge
from services.runtime.failures import Failure, failure
from services.runtime.run import every
from services.runtime.tx import ReadTx, Tx
from services.store.due import Due

_log = structlog.get_logger("leadgate.worker")

SOON = timedelta(seconds=1)
"""How often a duty looks on whose work somebody may wait."""
BATCH = 100
"""How many rows one transaction sweeps at most."""
_ASIDE = timedelta(minutes=1)
"""For how long what failed is laid aside."""
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Duty:
    """`turn` does what there is to do, up to a bound, and tells whether to go on at once.

    It comes each `interval`, and when one of `channels` tells of something, a `breath` later: what comes together then
    goes together, and whoever waits for that news in this process is served first.
    """

    name: str
    turn: Callable[[], Awaitable[bool]]
    interval: timedelta = SOON
    channels: tuple[str, ...] = ()
    breath: timedelta = timedelta()


async def keep(edge: Edge, duty: Duty) -> None:
    """Do a duty until cancelled. Raises: what is an outage."""
    loop = asyncio.get_running_loop()
    pause = 1.0

    async def work() -> None:
        nonlocal pause
        more = True
        await asyncio.sleep(duty.breath.total_seconds())
        while more:
            began = loop.time()
            try:
                more = await duty.turn()
                pause = 1.0
            except Exception as error:
                if isinstance(error, NoPolicy):
                    _log.warning("no_policy", duty=duty.name)
                else:
                    told(edge, duty.name, error)
                more = False
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
            edge.telemetry.loop_seconds.labels(duty.name).observe(loop.time() - began)
            edge.telemetry.loop_at.labels(duty.name).set(edge.clock.now().timestamp())

    await every(duty.interval, work, edge.wake, *duty.channels)


def told(edge: Edge, duty: str, error: Exception, **what: str) -> None:
    """Say that a duty failed by a mistake of ours. Raises: the error, where it is an outage."""
    if failure(error) is Failure.OUTAGE:
        raise error
    edge.telemetry.failures.labels(f"worker.{duty}").inc()
    _log.error("duty_failed", duty=duty, exc_info=error, **what)


class Aside:
    """What a duty failed on lately, by id: it is tried again after a while."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def put(self, id_: str) -> None:
        self._until[id_] = asyncio.get_running_loop().time() + _ASIDE.total_seconds()

    def now(self) -> frozenset[str]:
        """What is laid aside now."""
        now = asyncio.get_running_loop().time()
        self._until = {id_: until for id_, until in self._until.items() if until > now}
        return frozenset(self._until)


class Sweep:
    """Rows whose time has come: found by a look, done in batches.

    A batch that fails by a mistake of ours is halved until the bad row is found.
    """

    def __init__(
        self,
        edge: Edge,
        name: str,
        look: Callable[[ReadTx, int, Collection[str]], Awaitable[list[Due]]],
        act: Callable[[Tx, Sequence[Due]], Awaitable[int]],
    ) -> None:
        self._edge = edge
        self._name = name
        self._look = look
        self._act = act
        self._aside = Aside()

    async def look(self, tx: ReadTx) -> list[Due]:
        """A batch of what is due."""
        return await self._look(tx, BATCH, self._aside.now())

    async def act(self, found: Sequence[Due]) -> bool:
        """Do what was found; tell whether there may be more."""
        return await self._do(found) > 0 and len(found) == BATCH

    async def _do(self, found: Sequence[Due]) -> int:
        if not found:
            return 0
        try:
            async with self._edge.database.tx() as tx:
                return await self._act(tx, found)
        except Exception as error:
            if len(found) == 1:
                told(self._edge, self._name, error, id=found[0].id, lead_id=found[0].lead)
                self._aside.put(found[0].id)
                return 0
            if failure(error) is Failure.OUTAGE:
                raise
        half = len(found) // 2
        return await self._do(found[:half]) + await self._do(found[half:])


def sweeping(edge: Edge, name: str, sweeps: Sequence[Sweep], interval: timedelta = SOON) -> Duty:
    """A duty of sweeps: one look for all of them, then each in transactions of its own."""

    async def turn() -> bool:
        async with edge.database.read() as tx:
            found = [await sweep.look(tx) for sweep in sweeps]
        return any([await sweep.act(due) for sweep, due in zip(sweeps, found, strict=True)])

    return Duty(name, turn, interval)
