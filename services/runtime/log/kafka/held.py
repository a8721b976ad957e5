"""A client that is opened when it is first needed, and again after it failed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from aiokafka.errors import KafkaError

from services.runtime.log.port import LogUnavailable, NotTaken

C = TypeVar("C")

_CLOSING = 5.0
"""Seconds that a client has to close in."""


class Held(Generic[C]):
    """One client for all who use it. What failed is never used again: it may be wedged for good."""

    def __init__(self, open_: Callable[[], Awaitable[C]], close: Callable[[C], Awaitable[None]]) -> None:
        self._open = open_
        self._close = close
        self._client: C | None = None
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

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
        if self._client is not None:
            closing = asyncio.create_task(self._end(self._client), name="kafka.close")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._client = None

    async def close(self) -> None:
        """Close it, and wait until all have closed."""
        self.drop()
        await asyncio.gather(*self._closing)

    async def _end(self, client: C) -> None:
        with contextlib.suppress(Exception):  # it failed already; that it cannot say good-bye changes nothing
            async with asyncio.timeout(_CLOSING):
                await self._close(client)
