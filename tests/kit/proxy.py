"""The network between processes: each connection goes through us, and what becomes of it is as we please.

A link is who calls and what is called. On a link that is not `FINE`, TCP itself stays honest: bytes are late, stand
still, or are lost together with their connection.
"""

import asyncio
import random
import socket
import struct
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

HOST = "127.0.0.1"
NOBODY = "?"
"""A caller that nobody knows."""
_CHUNK = 1 << 16
_ABORT = struct.pack("ii", 1, 0)
_LATE = (0.02, 0.3)
"""Seconds by which what is slow is late."""

Reach = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Opens a connection to what is called. Raises: OSError."""


class Weather(Enum):
    """What goes on on a link."""

    FINE = "fine"
    DELAY = "delay"
    """All is late."""
    SILENCE = "silence"
    """Nothing passes; when it is over, all goes on, as after a cable was pulled and put back."""
    DROP = "drop"
    """Requests pass, answers vanish; when it is over, those connections are reset."""
    RESET = "reset"
    """Connections are reset, all at first, and each new one as soon as something is said."""


@dataclass(eq=False)
class Line:
    """A connection."""

    ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    lost: bool = False

    def reset(self) -> None:
        """Both ends find out at once."""
        for end in self.ends:
            it = end.get_extra_info("socket")
            if it is not None and it.family != socket.AF_UNIX and it.fileno() >= 0:
                it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            end.transport.abort()

    def close(self) -> None:
        """Both ends get what was said before."""
        for end in self.ends:
            end.close()


@dataclass(eq=False)
class Link:
    """All connections of one caller to one server."""

    weather: Weather = Weather.FINE
    moves: asyncio.Event = field(default_factory=asyncio.Event)
    lines: set[Line] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.moves.set()

    def become(self, weather: Weather) -> None:
        before, self.weather = self.weather, weather
        if weather is Weather.SILENCE:
            self.moves.clear()
        else:
            self.moves.set()
        for line in tuple(self.lines):
            if weather is Weather.RESET or (before is Weather.DROP and line.lost):
                line.reset()


class Network:
    """All links. `who` tells who has this local port; it may block."""

    def __init__(self, who: Callable[[int], str | None]) -> None:
        self._who = who
        self._links: defaultdict[tuple[str, str], Link] = defaultdict(Link)
        self._servers: list[asyncio.Server] = []

    async def serve(self, server: str, reach: Reach, *, caller: str | None = None) -> int:
        """Listen for those who call `server`, on the port returned. `caller`: it is always this one."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.CancelledError):
                await self._carry(server, caller, reach, reader, writer)

        listening = await asyncio.start_server(accept, HOST, 0, backlog=512)
        self._servers.append(listening)
        return int(listening.sockets[0].getsockname()[1])

    def become(self, caller: str, server: str, weather: Weather) -> None:
        """Change the weather on a link."""
        self._links[caller, server].become(weather)

    def clear(self) -> None:
        """All is fine."""
        for link in self._links.values():
            link.become(Weather.FINE)

    async def close(self) -> None:
        for listening in self._servers:
            listening.close()
        for line in self._lines():
            line.reset()
        await asyncio.sleep(0)

    def _lines(self) -> Iterator[Line]:
        for link in self._links.values():
            yield from tuple(link.lines)

    async def _carry(
        self,
        server: str,
        caller: str | None,
        reach: Reach,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            far_reader, far_writer = await reach()
        except OSError:
            Line((writer, writer)).reset()
            return
        if caller is None:
            caller = await asyncio.to_thread(self._who, writer.get_extra_info("peername")[1])
        link = self._links[caller or NOBODY, server]
        line = Line((writer, far_writer))
        link.lines.add(line)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, far_writer, link, line, answers=False))
                both.create_task(_pump(far_reader, writer, link, line, answers=True))
        except* OSError:
            line.reset()
        finally:
            link.lines.discard(line)
            line.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link, line: Line, *, answers: bool
) -> None:
    while True:
        data = await reader.read(_CHUNK)
        if link.weather is Weather.DELAY:
            await asyncio.sleep(random.uniform(*_LATE))
        await link.moves.wait()
        if not data:
            line.close()
            return
        if link.weather is Weather.RESET:
            line.reset()
            return
        if link.weather is Weather.DROP and answers:
            line.lost = True
            continue
        writer.write(data)
        await writer.drain()
