"""Over a real socket: what is no HTTP is a problem too, and a body that is too large is refused while it is sent."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn
from kit.tiny import key_of, tiny

from schemas.words import PrincipalKind
from services.runtime.edge import Edge
from services.runtime.http.wire import Wire
from services.runtime.run import bind

HOST = b"Host: localhost\r\n"
POST = b"POST /v1/things/thg_1/notes HTTP/1.1\r\n" + HOST


@pytest.fixture
async def port(edge: Edge) -> AsyncIterator[int]:
    """Where the application is served, as `run` serves it."""
    listening = bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(tiny(edge), http=Wire, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve([listening]))
    yield listening.getsockname()[1]
    server.should_exit = True
    await serving
    listening.close()


async def asked(port: int, *parts: bytes) -> tuple[int, str, bytes]:
    """Send these parts; the status, the media type and the body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(lines["content-length"]))
    writer.close()
    assert {"x-request-id", "traceparent"} <= lines.keys()
    return int(head.split(" ", 2)[1]), lines["content-type"], body


NO_HTTP = {
    "a raw byte in the path": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the path": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path of 200 kB": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in a header": b"GET /livez HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
    "a negative length": POST + b"Content-Length: -4\r\n\r\n{}",
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}  ",
    "a length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a broken address": b"GET http://[::1/livez HTTP/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


async def test_what_is_no_http_is_told_so_as_a_problem(port: int) -> None:
    for name, raw in NO_HTTP.items():
        status, media, body = await asked(port, raw)
        assert (status, media) == (400, "application/problem+json"), name
        assert json.loads(body)["code"] == "malformed_header"


async def test_a_body_that_is_too_large_is_refused_while_it_is_sent(edge: Edge, port: int) -> None:
    key = (await key_of(edge, PrincipalKind.REP)).encode()
    known = POST + b"Authorization: Bearer " + key + b"\r\nContent-Type: application/json\r\n"
    part = b"a" * 100_000
    lengths = (known + b"Content-Length: 1000000\r\n\r\n", *[part] * 10)
    chunks = (known + b"Transfer-Encoding: chunked\r\n\r\n", *[b"186a0\r\n" + part + b"\r\n"] * 50, b"0\r\n\r\n")
    for parts in (lengths, chunks, lengths[:2]):
        status, media, body = await asked(port, *parts)
        assert (status, media) == (413, "application/problem+json")
        assert json.loads(body)["limit_bytes"] == 65536
    stranger = (POST + b"Content-Length: 1000000\r\n\r\n", *[part] * 10)
    assert (await asked(port, *stranger))[0] == 401


async def test_a_caller_who_leaves_in_the_middle_of_a_body_does_no_harm(edge: Edge, port: int) -> None:
    key = (await key_of(edge, PrincipalKind.REP)).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(POST + b"Authorization: Bearer " + key + b"\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    assert (await asked(port, b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"))[0] == 200


async def test_a_head_is_answered_without_its_body_and_the_line_stays_open(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for method in (b"HEAD", b"HEAD", b"GET"):
        writer.write(method + b" /livez HTTP/1.1\r\n" + HOST + b"\r\n")
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
    writer.close()
