"""The edge of the database: all or nothing, whatever happens."""

from services.runtime.run import Edge
from services.runtime.log.port import Message
from schemas.topics import SIGNALS
from datetime import timedelta


async def test_first(edge: Edge) -> None:
    await edge.log.append([Message(SIGNALS.name, f"k{i}", b"{}", (("ce_id", b"1"),)) for i in range(10)])
    async def start(place): return 0
    async with edge.log.subscribe("g", [SIGNALS], start) as sub:
        batch = await sub.poll(100, timedelta(seconds=1))
        assert len(batch.records) == 10
