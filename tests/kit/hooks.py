"""An enrichment hook of a test's own: a small HTTP server that answers what it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class HookServer:
    """`answers` come one after the other, the last again and again; `gate` holds each back until it is set."""

    url: str = ""
    answers: list[bytes] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The headers (lower case) and the body, under `body`, of each question."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append({**headers, "path": head[0].split()[1], "body": json.loads(body) if body else None})
            await self.gate.wait()
            writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever asks may go away at any time
        finally:
            writer.close()


def said(body: Any, status: str = "200 OK", **headers: str) -> bytes:
    """An answer on the wire: JSON, or these bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", "Connection: close", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + raw


@asynccontextmanager
async def hook_server(*answers: bytes) -> AsyncIterator[HookServer]:
    """Serve on a port of its own."""
    hook = HookServer(answers=list(answers))
    hook.gate.set()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/lead"
    try:
        yield hook
    finally:
        hook.gate.set()
        server.close()
