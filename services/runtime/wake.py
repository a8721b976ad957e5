"""Wake-ups: after a commit, whoever waits for what it changed looks again, in this process and in every other.

A hint, never a message: who waits looks again by itself at least each second, so a lost one costs a second.
Channels: `log`, `queue:<queue>`, `rep:<rep id>`, `lead:<lead id>`, `keys`, `policy`,
`look:<name>`, `looked:<name>` (see `services.runtime.looks`), `floor:<queue>` (see `services.store.heads`).
"""

import asyncio
import contextlib
import json
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import asyncpg
import structlog

from services.runtime.memory import Memory

_log = structlog.get_logger("leadgate.wake")
_CHANNEL = "leadgate"
_SOON = 2.0
"""Seconds to wait for the first connection; after that, waiters look by themselves until it comes."""
_BREATH = 0.02
"""Seconds between notifications: what is told meanwhile goes together, or each commit would cost a second one."""
_LONGEST = 7000
"""Bytes of a notification; PostgreSQL's limit is 7999."""
EVERYTHING = "*"
_SESSION = {"application_name": "leadgate wake", "synchronous_commit": "off"}
"""Each notification is a commit, and a hint need not be on disk."""
_NOTIFY_SQL = "SELECT pg_notify($1, $2)"


class Waiter:
    """Somebody who waits on channels, from before they looked. What is told while they look is not lost."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def wait(self, timeout: timedelta) -> bool:
        """Sleep until told (true), or so long. What was told since the last wait counts."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout.total_seconds())):
                await self.told.wait()
        told = self.told.is_set()
        self.told.clear()
        return told


class Wake:
    """Tells waiters here at once, and those of other processes by one coalesced NOTIFY on a connection of its own."""

    def __init__(self, url: str) -> None:
        self.memory = Memory()
        self._url = url
        self._me = secrets.token_hex(8)
        self._waiters: dict[str, set[Waiter]] = defaultdict(set)
        self._to_tell: set[str] = set()
        self._work = asyncio.Event()
        self._listens = asyncio.Event()

    def tell(self, channels: set[str]) -> None:
        """Wake whoever waits on any of these. Returns at once."""
        self._wake(channels)
        self._to_tell |= channels
        self._work.set()

    def tell_all(self) -> None:
        """Wake every waiter of this process, as it stops or may have missed something."""
        self.memory.forget_all()
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.told.set()

    @contextmanager
    def waiting(self, *channels: str) -> Iterator[Waiter]:
        """Wait on channels: open it, look, and `wait` if there was nothing; then look again."""
        waiter = Waiter()
        for channel in channels:
            self._waiters[channel].add(waiter)
        try:
            yield waiter
        finally:
            for channel in channels:
                self._waiters[channel].discard(waiter)
                if not self._waiters[channel]:
                    del self._waiters[channel]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen and notify while this is open; from the start, where the database answers soon."""
        task = asyncio.create_task(self._run(), name="wake")
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SOON):
                    await self._listens.wait()
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _wake(self, channels: set[str]) -> None:
        if EVERYTHING in channels:
            self.tell_all()
        self.memory.forget(channels)
        for channel in channels:
            for waiter in self._waiters.get(channel, ()):
                waiter.told.set()

    async def _run(self) -> None:
        pause = 0.1
        while True:
            try:
                async with self._listening() as conn:
                    pause = 0.1
                    self._listens.set()
                    self.tell_all()  # nobody heard what was told while we were not listening
                    while not conn.is_closed():
                        await self._work.wait()
                        await self._notify(conn)
                        await asyncio.sleep(_BREATH)
            except Exception as error:  # whatever it is, waiters look by themselves meanwhile
                _log.warning("wake_interrupted", error=repr(error))
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 2)

    async def _notify(self, conn: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._work.clear()
        channels, self._to_tell = self._to_tell, set()
        if conn.is_closed() or not channels:
            self._to_tell |= channels
            return
        payload = json.dumps([self._me, sorted(channels)], separators=(",", ":"))
        if len(payload.encode()) > _LONGEST:
            payload = json.dumps([self._me, [EVERYTHING]])
        await conn.execute(_NOTIFY_SQL, _CHANNEL, payload)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        conn = await asyncpg.connect(self._url, timeout=5, command_timeout=5, server_settings=_SESSION)
        try:
            conn.add_termination_listener(lambda _: self._work.set())
            await conn.add_listener(_CHANNEL, self._heard)
            yield conn
        finally:
            conn.terminate()

    def _heard(self, _conn: object, _pid: int, _channel: str, payload: object) -> None:
        with contextlib.suppress(ValueError, TypeError):
            sender, channels = json.loads(str(payload))
            if sender != self._me:
                self._wake(set(channels))
