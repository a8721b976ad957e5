"""A client that is held: what failed is never used again, and ends by itself."""

import asyncio

import pytest

from services.runtime.log.kafka import held
from services.runtime.log.kafka.held import Held
from services.runtime.log.port import LogUnavailable


class Client:
    """Takes its time to close."""

    def __init__(self) -> None:
        self.closed = False
        self.answers = asyncio.Event()

    async def close(self) -> None:
        await self.answers.wait()
        self.closed = True


async def test_a_client_that_closes_slowly_is_not_left_half_closed_and_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held, "CLOSING", 0.05)
    clients: list[Client] = []

    async def opened() -> Client:
        clients.append(Client())
        return clients[-1]

    holds = Held(opened, Client.close)
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            async with holds.use(0.01) as client:
                await asyncio.sleep(10)
        assert client is clients[-1]
    async with asyncio.timeout(1):
        await holds.close()
    first, second = clients
    assert not first.closed
    for each in clients:
        each.answers.set()
    await asyncio.sleep(0.01)
    assert (first.closed, second.closed) == (True, True)
