"""How durable ingest compares with a bare FastAPI endpoint that keeps nothing, in the same run."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import pytest

from schemas.api.intake import EXAMPLE

SECONDS = 2.0
ROUNDS = 3
BODY = json.dumps({**EXAMPLE, "occurred_at": None, "consent": None, "submission_id": None}).encode()


@contextmanager
def serving(*words: str) -> Iterator[tuple[str, str]]:
    """Address and key of a server in its own process."""
    script = str(Path(__file__).with_name("serving.py"))
    with subprocess.Popen([sys.executable, script, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url, key = process.stdout.readline().split()
            yield url, key
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def load(url: str, key: str, connections: int, seconds: float) -> float:
    """Answers a second, over so many connections, each posting the next lead when the last is answered."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    head = f"POST /v1/leads/inbound HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
    request = (head + f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n").encode() + BODY
    ends = asyncio.get_running_loop().time() + seconds

    async def post() -> int:
        reader, writer = await asyncio.open_connection(host, port)
        answered = 0
        while asyncio.get_running_loop().time() < ends:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 202"), answer
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            answered += 1
        writer.close()
        return answered

    return sum(await asyncio.gather(*(post() for _ in range(connections)))) / seconds


@pytest.mark.parametrize("connections", [4, 48])
async def test_durable_ingest_against_a_bare_endpoint(
    connections: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving("bare") as bare, serving("ingest", str(tmp_path)) as ingest:
        await load(*bare, connections, 0.5)
        await load(*ingest, connections, 0.5)
        pairs = [
            (await load(*bare, connections, SECONDS), await load(*ingest, connections, SECONDS)) for _ in range(ROUNDS)
        ]
    ratio = median(ours / theirs for theirs, ours in pairs)
    with capsys.disabled():
        print(
            f"\n{connections:3} connections: bare {median(theirs for theirs, _ in pairs):,.0f}/s,"
            f" durable ingest {median(ours for _, ours in pairs):,.0f}/s, ratio {ratio:.2f}"
        )
    assert ratio > 0
