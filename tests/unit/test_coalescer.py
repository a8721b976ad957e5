"""What arrives while a batch runs is the next one; each bears only its own failure."""

import asyncio
from collections.abc import Sequence

import pytest

from services.runtime.coalescer import Coalescer


class Spoilt(Exception):
    """One ask spoils its batch."""


class Doubler:
    """Doubles numbers together, when it is let; notes its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, asks: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(asks))
        await self.go.wait()
        if any(ask < 0 for ask in asks):
            raise Spoilt(f"{[ask for ask in asks if ask < 0]}")
        if any(ask > 1000 for ask in asks):
            raise ConnectionError("away")
        return [2 * ask for ask in asks]


async def test_one_that_comes_alone_is_answered_at_once_and_alone() -> None:
    doubler = Doubler()
    assert await Coalescer(doubler, limit=10, spoils=Spoilt).coalesce(4) == 8
    assert doubler.batches == [[4]]


async def test_what_arrives_while_a_batch_runs_is_the_next_in_its_order_and_up_to_the_limit() -> None:
    doubler = Doubler()
    doubler.go.clear()
    coalescer = Coalescer(doubler, limit=3, spoils=Spoilt)
    first = asyncio.create_task(coalescer.coalesce(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(coalescer.coalesce(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    doubler.go.set()
    assert await asyncio.gather(first, *rest) == [0, 2, 4, 6, 8, 10]
    assert doubler.batches == [[0], [1, 2, 3], [4, 5]]


async def test_a_spoilt_batch_is_run_again_one_by_one_and_only_the_culprit_fails() -> None:
    doubler = Doubler()
    coalescer = Coalescer(doubler, limit=10, spoils=Spoilt)
    answers = await asyncio.gather(*(coalescer.coalesce(ask) for ask in (1, -2, 3)), return_exceptions=True)
    assert [answers[0], answers[2]] == [2, 6]
    assert isinstance(answers[1], Spoilt)
    assert doubler.batches == [[1, -2, 3], [1], [-2], [3]]


async def test_any_other_failure_is_everybodys_and_the_next_batch_runs() -> None:
    doubler = Doubler()
    coalescer = Coalescer(doubler, limit=2, spoils=Spoilt)
    answers = await asyncio.gather(*(coalescer.coalesce(ask) for ask in (1, 2000, 3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError, int]


async def test_those_who_wait_are_given_up_and_the_batch_that_runs_is_not() -> None:
    doubler = Doubler()
    doubler.go.clear()
    coalescer = Coalescer(doubler, limit=10, spoils=Spoilt)
    first = asyncio.create_task(coalescer.coalesce(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting = asyncio.create_task(coalescer.coalesce(2))
    await asyncio.sleep(0)
    coalescer.give_up(ConnectionError("away"))
    with pytest.raises(ConnectionError):
        await waiting
    doubler.go.set()
    assert await first == 2
    assert doubler.batches == [[1]]


async def test_who_no_longer_waits_is_left_out_of_the_next_batch() -> None:
    doubler = Doubler()
    doubler.go.clear()
    coalescer = Coalescer(doubler, limit=10, spoils=Spoilt)
    first = asyncio.create_task(coalescer.coalesce(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone, stays = (asyncio.create_task(coalescer.coalesce(number)) for number in (2, 3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    doubler.go.set()
    assert await asyncio.gather(first, stays) == [2, 6]
    assert doubler.batches == [[1], [3]]


async def test_a_wrong_number_of_answers_is_a_mistake_of_ours_that_all_hear_of() -> None:
    async def deaf(asks: Sequence[int]) -> Sequence[int]:
        return []

    with pytest.raises(RuntimeError, match="0 answers to 1 asks"):
        await Coalescer(deaf, limit=10, spoils=Spoilt).coalesce(1)
