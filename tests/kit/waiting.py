"""Waiting for what must come true, instead of sleeping."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], Awaitable[bool]], *, within: float = 10) -> None:
    """Wait until it is so; fail where it does not come within so many seconds."""
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """Let work run meanwhile; an error of its own is raised at the end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise


async def becomes(what: Callable[[], Awaitable[T]], expected: T, *, within: float = 10) -> None:
    """Wait until `what` is as expected; fail with what it was instead."""
    found = await what()
    try:
        async with asyncio.timeout(within):
            while found != expected:
                await asyncio.sleep(0.01)
                found = await what()
    except TimeoutError:
        raise AssertionError(f"it is still {found!r}, not {expected!r}") from None
