"""Listening to server-sent events, as a browser does."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI


@dataclass(frozen=True)
class Heard:
    """One block of a stream: an event, a comment, or settings alone."""

    event: str | None = None
    id: str | None = None
    data: str | None = None
    retry: str | None = None
    comment: str | None = None


@dataclass
class Ear:
    """A client that listens."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    heard: "asyncio.Queue[Heard | None]" = field(default_factory=asyncio.Queue)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self, *events: str, within: float = 10) -> Heard:
        """The next event of these names; none named: the next block, whatever it is."""
        async with asyncio.timeout(within):
            while True:
                block = await self.heard.get()
                if block is None:
                    raise EOFError("the stream has ended")
                if not events or block.event in events:
                    return block

    async def ended(self, within: float = 10) -> None:
        """Wait until there is no more."""
        async with asyncio.timeout(within):
            while await self.heard.get() is not None:
                pass


@asynccontextmanager
async def listening(
    app: FastAPI, path: str, key: str, query: str = "", last: str | None = None, deaf: asyncio.Event | None = None
) -> AsyncIterator[Ear]:
    """Listen to a stream while this is open. `deaf`: take nothing more once that is set."""
    ear = Ear()
    headers = [(b"authorization", f"Bearer {key}".encode())]
    if last is not None:
        headers.append((b"last-event-id", last.encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "server": ("127.0.0.1", 8080),
        "client": ("127.0.0.1", 50_000),
    }
    left = asyncio.Event()
    text = ""

    async def receive() -> MutableMapping[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal text
        if deaf is not None and deaf.is_set():
            await asyncio.Event().wait()
        if message["type"] == "http.response.start":
            ear.status = message["status"]
            ear.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            ear.begun.set()
            return
        text += message.get("body", b"").decode()
        *blocks, text = text.split("\n\n")
        for block in blocks:
            ear.heard.put_nowait(_block(block))
        if not message.get("more_body", False):
            ear.heard.put_nowait(None)

    task = asyncio.create_task(app(scope, receive, send))
    task.add_done_callback(lambda _: ear.heard.put_nowait(None))
    try:
        async with asyncio.timeout(10):
            await ear.begun.wait()
        yield ear
    finally:
        left.set()
        async with asyncio.timeout(10):
            await task


def _block(text: str) -> Heard:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        found[name or "comment"] = value.removeprefix(" ")
    return Heard(**found)
