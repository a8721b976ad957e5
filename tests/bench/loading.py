"""A caller in a process of its own, as lean as Python can be: `python loading.py URL KEY CONNECTIONS SECONDS`.

It posts different leads over so many connections, each the next one as the last is answered, and prints what came of
it: answers a second, and the milliseconds that half and 99 of 100 of them took at most.
"""

import asyncio
import json
import random
import sys
import time
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from schemas.api.intake import EXAMPLE

DIFFERENT = 2000


def body(number: int, chance: random.Random) -> bytes:
    """A lead of a person and a company of their own."""
    firm = f"firm{chance.randrange(10**6)}"
    said: dict[str, Any] = {**EXAMPLE, "occurred_at": None, "consent": None, "submission_id": None}
    phone = f"020 7946 {chance.randrange(10_000):04}"
    said["contact"] = {**EXAMPLE["contact"], "email": f"ann.{number}@{firm}.com", "phone": phone, "name": f"Ann {firm}"}
    said["company"] = {**EXAMPLE["company"], "name": firm, "website": f"https://www.{firm}.com"}
    return json.dumps(said).encode()


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: list[bytes], took: list[float], ends: float, done: "asyncio.Future[None]") -> None:
        self._requests, self._took, self._ends, self._done = requests, took, ends, done
        self._next = random.randrange(len(requests))
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._post()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, whole, said = self._heard.partition(b"\r\n\r\n")
        if not whole or len(said) < int(head[head.lower().index(b"content-length:") + 15 :].split(b"\r\n", 1)[0]):
            return
        assert head.startswith(b"HTTP/1.1 202"), self._heard
        now, self._heard = time.perf_counter(), b""
        self._took.append(now - self._began)
        if now < self._ends:
            self._post()
        else:
            self._done.set_result(None)
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError(f"not answered: {self._heard!r}"))

    def _post(self) -> None:
        self._next = (self._next + 1) % len(self._requests)
        self._began = time.perf_counter()
        self._transport.write(self._requests[self._next])


async def load(url: str, key: str, connections: int, seconds: float) -> dict[str, float]:
    at, chance = urlsplit(url), random.Random(1)
    head = f"POST /v1/leads/inbound HTTP/1.1\r\nHost: {at.hostname}\r\nAuthorization: Bearer {key}\r\n"
    requests = []
    for number in range(DIFFERENT):
        said = body(number, chance)
        requests.append(f"{head}Content-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said)
    loop, took = asyncio.get_running_loop(), list[float]()
    began = time.perf_counter()
    every = [loop.create_future() for _ in range(connections)]
    for done in every:
        await loop.create_connection(
            lambda done=done: Caller(requests, took, began + seconds, done),  # type: ignore[misc]
            at.hostname,
            at.port,
        )
    await asyncio.gather(*every)
    lasted = time.perf_counter() - began
    took.sort()
    return {"rate": len(took) / lasted, "p50": took[len(took) // 2] * 1e3, "p99": took[len(took) * 99 // 100] * 1e3}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(load(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))))
