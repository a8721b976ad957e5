"""Coalescing: what arrives while a batch runs is the next batch. No timer, so that nobody waits when it is quiet."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Coalescer(Generic[Q, A]):
    """Answers asks together, at most `limit` at a time, in the order in which they came.

    A batch that raises `spoils` is run again one by one, so that each bears only its own failure.
    """

    def __init__(
        self, together: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], *, limit: int, spoils: type[Exception]
    ) -> None:
        self._together = together
        self._limit = limit
        self._spoils = spoils
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._running: asyncio.Task[None] | None = None

    async def coalesce(self, ask: Q) -> A:
        """Be answered. Cancelling the wait does not take back the ask, once its batch runs."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, answer))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="coalescer")
        return await answer

    def give_up(self, error: Exception) -> None:
        """Answer all who wait, but those of the batch that runs, with this."""
        _fail(self._waiting, error)
        self._waiting = []

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            await self._answer([each for each in batch if not each[1].cancelled()])

    async def _answer(self, batch: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        if not batch:
            return
        try:
            answers = await self._together([ask for ask, _ in batch])
            if len(answers) != len(batch):
                raise RuntimeError(f"{len(answers)} answers to {len(batch)} asks")
        except self._spoils as error:
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for each in batch:
                    await self._answer([each])
        except BaseException as error:
            _fail(batch, error)
            if not isinstance(error, Exception):
                _fail(self._waiting, error)
                self._waiting = []
                raise
        else:
            for (_, future), answer in zip(batch, answers, strict=False):
                if not future.done():
                    future.set_result(answer)


def _fail(batch: Sequence[tuple[Q, asyncio.Future[A]]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
