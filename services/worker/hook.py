"""The policy's hook, over HTTP: bounded in time and in size, and never led elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from pydantic_core import to_json

from router.enriching import Answer, NoAnswer, answer_of
from router.policy.compiled import Enrichment
from services.runtime.settings import Settings

PATIENCE = timedelta(seconds=5)
"""For a whole question and answer."""
LARGEST = 64 * 1024
"""An answer of more bytes is none."""
AT_ONCE = 50
_NOTHING_KNOWN = frozenset({httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND})


class Hook:
    """Asks. It follows no redirect: who may be asked is what the policy says, and nobody else."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, enrichment: Enrichment, question: dict[str, Any]) -> Answer:
        """The answer; empty where the hook knows nothing (204, 404). Raises: NoAnswer, with the reason."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                status, body = await self._post(enrichment.url, question)
        except TimeoutError:
            raise NoAnswer("too slow") from None
        except (httpx.HTTPError, httpx.InvalidURL) as wrong:
            raise NoAnswer(type(wrong).__name__) from wrong
        if status in _NOTHING_KNOWN:
            return {}
        if status != httpx.codes.OK:
            raise NoAnswer(f"HTTP {status}")
        return answer_of(body, enrichment.fields)

    async def _post(self, url: str, question: dict[str, Any]) -> tuple[int, bytes]:
        async with self._client.stream("POST", url, content=to_json(question)) as response:
            if response.status_code != httpx.codes.OK:
                return response.status_code, b""
            if response.headers.get("content-encoding", "identity") != "identity":
                raise NoAnswer("compressed, though that was not asked for")
            body = b""
            async for part in response.aiter_raw():
                body += part
                if len(body) > LARGEST:
                    raise NoAnswer(f"over {LARGEST} bytes")
            return response.status_code, body


@asynccontextmanager
async def hook(settings: Settings) -> AsyncIterator[Hook]:
    """The hook, with the operator's token for it, if there is one."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
    if settings.enrichment_token is not None:
        headers["Authorization"] = f"Bearer {settings.enrichment_token.get_secret_value()}"
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(headers=headers, limits=limits, timeout=PATIENCE.total_seconds()) as client:
        yield Hook(client)
