"""Who calls, and writes down what came of it."""

import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
from faults.history import Call

_ANSWER = 8.0
"""Seconds to wait for an answer."""
_AGAIN = (0.1, 0.2, 0.4, 0.8)
"""Seconds before asking again, the last for good."""
_FOR_SURE = frozenset(range(200, 500)) - {408, 409, 425, 429}


def now() -> float:
    """By the machine's clock, which is PostgreSQL's too."""
    return time.time()  # noqa: TID251


class History:
    """Writes down each call as it is answered."""

    def __init__(self, file: IO[str]) -> None:
        self.calls: list[Call] = []
        self._file = file

    def add(self, call: Call) -> None:
        self.calls.append(call)
        self._file.write(json.dumps(asdict(call)) + "\n")


def opened(path: Path) -> IO[str]:
    return path.open("w")


@dataclass
class Caller:
    """Somebody who calls, at whichever process answers."""

    name: str
    urls: Sequence[str]
    token: str
    history: History
    dice: random.Random
    client: httpx.AsyncClient = field(init=False)
    at: int = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.AsyncClient(
            timeout=_ANSWER, headers={"Authorization": f"Bearer {self.token}"}, trust_env=False, verify=False
        )
        self.at = self.dice.randrange(len(self.urls))

    async def call(
        self,
        what: str,
        path: str,
        body: Mapping[str, Any],
        *,
        key: str = "",
        ask: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
        method: str = "POST",
    ) -> Call:
        """Ask until told for sure, the same under the same key; the last answer. `once`: whatever comes of it."""
        tries = 0
        while True:
            call = await self._ask(what, path, body, key, ask or {}, headers or {}, method)
            sure = call.status in _FOR_SURE or (call.status == 409 and call.said.get("code") != "request_in_progress")
            if sure or once:
                return call
            self.at = (self.at + 1) % len(self.urls)
            pause = _AGAIN[min(tries, len(_AGAIN) - 1)]
            await asyncio.sleep(pause * self.dice.uniform(0.7, 1.3))
            tries += 1

    async def _ask(
        self,
        what: str,
        path: str,
        body: Mapping[str, Any],
        key: str,
        ask: Mapping[str, Any],
        headers: Mapping[str, str],
        method: str,
    ) -> Call:
        asked = now()
        status, said = None, {}
        named = {"Idempotency-Key": key} if key else {}
        try:
            answer = await self.client.request(
                method,
                self.urls[self.at] + path,
                json=body if method == "POST" else None,
                headers={**named, **headers},
                timeout=_ANSWER + float(body.get("wait", 0)),
            )
            status, said = answer.status_code, _told(what, answer)
        except (httpx.HTTPError, ValueError) as error:
            said = {"error": repr(error)}
        call = Call(self.name, what, key, asked, now(), status, ask, said)
        self.history.add(call)
        return call

    async def close(self) -> None:
        await self.client.aclose()


def _told(what: str, answer: httpx.Response) -> dict[str, Any]:
    """What the judge, or the caller, needs of an answer."""
    body = answer.json() if answer.content else {}
    if answer.status_code >= 300:
        return {"code": body.get("code"), "title": body.get("title")}
    if what == "pull" and answer.status_code == 200:
        return _held(body)
    if what in ("claims", "parked"):
        return {
            "data": [
                _held(one) if "claim" in one else {"item": one["id"], "queue": one["queue"]} for one in body["data"]
            ]
        }
    replayed = {"replayed": True} if "Idempotent-Replayed" in answer.headers else {}
    return {"id": body.get("id"), **replayed}


def _held(body: Mapping[str, Any]) -> dict[str, Any]:
    item, claim = body["item"], body["claim"]
    opportunity = item["opportunity"]["id"] if item.get("opportunity") else None
    return {
        "item": item["id"],
        "kind": item["kind"],
        "lead": item["lead"]["id"],
        "opportunity": opportunity,
        "claims": item["claims"],
        "claim": claim["id"],
        "token": claim["token"],
    }
