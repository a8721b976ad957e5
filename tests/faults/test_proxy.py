"""The proxy does to connections what it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from kit.proxy import HOST, Network, Weather

_SOON = 0.2


@asynccontextmanager
async def echoed(network: Network) -> AsyncIterator[int]:
    """The port of a proxy before a server that says again what it is told, upper case."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(echo, HOST, 0)
    try:
        yield await network.serve("echo", lambda: int(server.sockets[0].getsockname()[1]), caller="us")
    finally:
        await network.close()
        server.close()


async def said(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(2):
        return await reader.readline()


async def test_what_is_said_passes_and_so_does_its_end() -> None:
    async with echoed(network := Network(lambda _: None)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"hello\n")
        assert await said(reader) == b"HELLO\n"
        writer.close()
        async with asyncio.timeout(2):
            while network._links["us", "echo"].lines:
                await asyncio.sleep(0.01)


async def test_silence_holds_all_back_and_then_lets_it_go_on() -> None:
    async with echoed(network := Network(lambda _: None)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"one\n")
        assert await said(reader) == b"ONE\n"
        network.become("us", "echo", Weather.SILENCE)
        writer.write(b"two\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), _SOON)
        network.become("us", "echo", Weather.FINE)
        writer.write(b"three\n")
        assert [await said(reader), await said(reader)] == [b"TWO\n", b"THREE\n"]
        writer.close()


async def test_dropped_answers_never_come_and_the_connection_is_reset_afterwards() -> None:
    async with echoed(network := Network(lambda _: None)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        network.become("us", "echo", Weather.DROP)
        writer.write(b"one\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), _SOON)
        network.become("us", "echo", Weather.FINE)
        with pytest.raises(ConnectionResetError):
            await said(reader)


async def test_reset_ends_what_is_open_and_what_is_opened() -> None:
    async with echoed(network := Network(lambda _: None)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"one\n")
        assert await said(reader) == b"ONE\n"
        network.become("us", "echo", Weather.RESET)
        with pytest.raises(ConnectionResetError):
            await said(reader)
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"two\n")
        with pytest.raises(ConnectionResetError):
            await said(reader)


async def test_delay_keeps_the_order() -> None:
    async with echoed(network := Network(lambda _: None)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        network.become("us", "echo", Weather.DELAY)
        for n in range(3):
            writer.write(b"%d\n" % n)
            await asyncio.sleep(0.01)
        assert [await said(reader) for _ in range(3)] == [b"0\n", b"1\n", b"2\n"]
        writer.close()


async def test_who_calls_nobody_who_listens_is_reset() -> None:
    network = Network(lambda _: None)
    port = await network.serve("none", lambda: None, caller="us")
    reader, _ = await asyncio.open_connection(HOST, port)
    with pytest.raises(ConnectionResetError):
        await said(reader)
    await network.close()


async def test_a_link_is_known_by_who_has_the_port() -> None:
    ports: list[int] = []
    async with echoed(network := Network(lambda port: ports.append(port) or "them")) as front:
        behind = await network.serve("front", lambda: front)
        reader, writer = await asyncio.open_connection(HOST, behind)
        writer.write(b"one\n")
        assert await said(reader) == b"ONE\n"
        assert ports == [writer.get_extra_info("sockname")[1]]
        assert network._links["them", "front"].lines
        writer.close()
