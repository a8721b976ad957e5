"""The network between processes: each connection goes through us, and what becomes of it is as we please.

A link is who calls and what is called. On a link that is not `FINE`, TCP itself stays honest: bytes are late, stand
still, or are lost together with their connection.
"""

import asyncio
import random
import socket
import struct
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import cast

HOST = "127.0.0.1"
NOBODY = "?"
"""A caller that nobody knows."""
_ABORT = struct.pack("ii", 1, 0)
_LATE = (0.02, 0.3)
"""Seconds by which what is slow is late."""

Reach = Callable[[], int | Path | None]
"""Where what is called listens just now: its port here, or its socket; None: nowhere."""


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


class End(asyncio.Protocol):
    """One end of a connection through us; what it says goes to `other`."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.transport: asyncio.Transport
        self.line: Line | None = None
        self.other: End
        self._held: deque[bytes] = deque()
        self._holding: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.line is None:
            self._held.append(data)
        elif self._holding is None and self.line.link.weather is Weather.FINE:
            self._give(data)
        else:
            self._hold(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.line is None:
            return
        self.line.link.lines.discard(self.line)
        if self._holding is None and self.line.link.weather is Weather.FINE:
            self.other.transport.close()
        else:
            self._hold(b"")

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def join(self, line: "Line", other: "End") -> None:
        """What was said before goes first."""
        self.line, self.other = line, other
        if self._held:
            self._holding = asyncio.create_task(self._pass_on())

    def _hold(self, data: bytes) -> None:
        """Keep it, in its place, for as long as the weather says; nothing is its end."""
        self._held.append(data)
        if self._holding is None:
            self._holding = asyncio.create_task(self._pass_on())

    async def _pass_on(self) -> None:
        assert self.line is not None
        link = self.line.link
        while self._held:
            if link.weather is Weather.DELAY:
                await asyncio.sleep(random.uniform(*_LATE))
            await link.moves.wait()
            data = self._held.popleft()
            if not data:
                self.other.transport.close()
            elif link.weather is Weather.RESET:
                self.line.reset()
            elif link.weather is Weather.DROP and self.answers:
                self.line.lost = True
            else:
                self._give(data)
        self._holding = None

    def _give(self, data: bytes) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.write(data)


@dataclass(eq=False)
class Line:
    """A connection."""

    link: "Link"
    ends: tuple[End, End]
    lost: bool = False

    def reset(self) -> None:
        """Both ends find out at once."""
        for end in self.ends:
            _reset(end.transport)


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
        self._joining: set[asyncio.Task[None]] = set()

    async def serve(self, server: str, reach: Reach, *, caller: str | None = None) -> int:
        """Listen for those who call `server`, on the port returned. `caller`: it is always this one."""
        network = self

        class Near(End):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                joining = asyncio.create_task(network._join(self, server, caller, reach))
                network._joining.add(joining)
                joining.add_done_callback(network._joining.discard)

        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: Near(answers=False), HOST, 0, backlog=512)
        self._servers.append(listening)
        return int(listening.sockets[0].getsockname()[1])

    def become(self, caller: str, server: str, weather: Weather) -> None:
        """Change the weather on a link."""
        self._links[caller, server].become(weather)

    async def close(self) -> None:
        for listening in self._servers:
            listening.close()
        for link in self._links.values():
            link.become(Weather.RESET)
        await asyncio.gather(*self._joining)
        await asyncio.sleep(0)

    async def _join(self, near: End, server: str, caller: str | None, reach: Reach) -> None:
        loop = asyncio.get_running_loop()
        far = End(answers=True)
        try:
            at = reach()
            if isinstance(at, Path):
                await loop.create_unix_connection(lambda: far, str(at))
            elif at is not None:
                await loop.create_connection(lambda: far, HOST, at)
            else:
                raise ConnectionRefusedError
        except OSError:
            return _reset(near.transport)
        if caller is None:
            caller = await asyncio.to_thread(self._who, near.transport.get_extra_info("peername")[1])
        link = self._links[caller or NOBODY, server]
        line = Line(link, (near, far))
        if near.transport.is_closing() or far.transport.is_closing():
            return line.reset()
        link.lines.add(line)
        near.join(line, far)
        far.join(line, near)
        return None


def _reset(transport: asyncio.Transport) -> None:
    """End a connection so that the other side finds out at once."""
    it = transport.get_extra_info("socket")
    if it is not None and it.family != socket.AF_UNIX and it.fileno() >= 0:
        it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    transport.abort()
