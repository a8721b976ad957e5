"""A client that is opened when it is first needed, and again after it failed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from aiokafka.errors import KafkaError

from services.runtime.log.port import LogUnavailable, NotTaken

C = TypeVar("C")

CLOSING = 5.0
"""Seconds for which one waits until a client has closed."""


class Endings:
    """Clients on their way out. Cancelled half-way, one would leave its tasks and connections behind, for ever."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, close: Callable[[], Awaitable[None]]) -> "asyncio.Task[None]":
        """Let a client end, beside; that it cannot say good-bye changes nothing."""

        async def end() -> None:
            with contextlib.suppress(Exception):
                await close()

        task = asyncio.create_task(end(), name="kafka.close")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait(self) -> None:
        """Wait for all, for a while: what brokers that do not answer still owe them, they have within 20 s."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=CLOSING)


class Held(Generic[C]):
    """One client for all who use it. What failed is never used again: it may be wedged for good."""

    def __init__(self, open_: Callable[[], Awaitable[C]], close: Callable[[C], Awaitable[None]]) -> None:
        self._open = open_
        self._close = close
        self._client: C | None = None
        self._opening = asyncio.Lock()
        self._endings = Endings()

    @asynccontextmanager
    async def use(self, seconds: float) -> AsyncIterator[C]:
        """Work with it, for so long at most. Raises: LogUnavailable, NotTaken."""
        client = self._client
        try:
            async with asyncio.timeout(seconds):
                if client is None:
                    client = await self._opened()
                yield client
        except NotTaken:
            raise
        except (KafkaError, OSError, TimeoutError) as error:
            if client is self._client:  # or another is in use by now
                self.drop()
            raise LogUnavailable(f"Kafka did not do it: {type(error).__name__}: {error}".removesuffix(": ")) from error

    async def _opened(self) -> C:
        async with self._opening:
            self._client = self._client or await self._open()
            return self._client

    def drop(self) -> None:
        """Use another one from now on; this one closes beside."""
        if (client := self._client) is not None:
            self._endings.begin(lambda: self._close(client))
            self._client = None

    async def close(self) -> None:
        """Close it, and wait until all have closed."""
        self.drop()
        await self._endings.wait()
