"""What stands at last, gathered from a deployment: from its database, its topics, its commands and its API."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from faults.acts import POISON
from faults.caller import now
from faults.history import Claimed, Final, Seen
from kit.deployment import Deployment

from schemas.envelope import from_headers
from schemas.events.every import told
from schemas.topics import FUNNEL, INTAKE, LIFECYCLE, SIGNALS, TOPICS
from services.runtime.log.kafka import KafkaLog

_LEADS_SQL = "SELECT id, state FROM routing.leads"
_UNDECIDED_SQL = "SELECT count(*) FROM routing.leads WHERE state IN ('received', 'awaiting_data')"
_OPEN_SQL = """
SELECT state, count(*) AS items FROM routing.items WHERE state NOT IN ('done', 'cancelled') AND kind <> 'customer'
GROUP BY state
"""
_CLAIMS_SQL = """
SELECT id, item_id, rep_id, token, state, expires_at, ended_at FROM routing.claims
"""
_NOTES_SQL = "SELECT note FROM routing.attempts"
_WAITING_SQL = "SELECT count(*) FROM log.records"
_POSITIONS_SQL = "SELECT consumer, topic, partition, position, stopped FROM log.positions"
_DEAD_SQL = "SELECT consumer, count(*) AS letters FROM log.dead_letters WHERE replayed_at IS NULL GROUP BY consumer"
_STALE_SQL = """
SELECT (SELECT count(*) FROM metrics.stale) + (SELECT last FROM metrics.revisions)
  - (SELECT revision FROM metrics.published)
"""
_READERS = {"router": INTAKE, "metrics": (LIFECYCLE, SIGNALS)}


async def quiet(deployment: Deployment, keys: Callable[[], int], patience: float) -> float | None:
    """Wait until nothing is on its way any more; how long it took. None: for so long nothing became less."""
    log = KafkaLog(deployment.bootstrap)
    began = time.monotonic()
    least, since = float("inf"), began
    try:
        while time.monotonic() - since < patience:
            async with deployment.sql() as conn:
                left = keys() - await conn.fetchval("SELECT count(*) FROM routing.leads")
                left += await conn.fetchval(_UNDECIDED_SQL) + await conn.fetchval(_WAITING_SQL)
                left += sum(row["items"] for row in await conn.fetch(_OPEN_SQL))
            left += sum((await lags(deployment, log)).values())
            if left == 0:
                return time.monotonic() - began
            if left < least:
                least, since = left, time.monotonic()
            await asyncio.sleep(0.3)
        return None
    finally:
        await log.close()


async def lags(deployment: Deployment, log: KafkaLog) -> Counter[str]:
    """How many records each consumer has yet to read."""
    ends = await log.ends(TOPICS)
    async with deployment.sql() as conn:
        rows = await conn.fetch(_POSITIONS_SQL)
    at = {(row["consumer"], row["topic"], row["partition"]): row["position"] for row in rows}
    found: Counter[str] = Counter()
    for consumer, topics in _READERS.items():
        names = {topic.name for topic in topics}
        for place, end in ends.items():
            if place.topic in names:
                found[consumer] += end - at.get((consumer, place.topic, place.partition), 0)
    return found


async def gathered(deployment: Deployment, manager: str) -> tuple[Final, Counter[str]]:
    """All that stands, and how many poison records each consumer found."""
    await _published(deployment)
    log = KafkaLog(deployment.bootstrap)
    try:
        poison, lifecycle = Counter[str](), []
        for consumer, topics in _READERS.items():
            async for records in log.read(topics):
                for record in records:
                    if (record.value or b"").startswith(POISON):
                        poison[consumer] += 1
                    elif record.place.topic == LIFECYCLE.name:
                        envelope = from_headers(record.headers)
                        lifecycle.append(Seen(envelope.id, told(envelope.type, json.loads(record.value or b""))))
        published = await _added_up(log)
        behind = await lags(deployment, log)
    finally:
        await log.close()
    shown = await _shown(deployment, manager)
    books = await deployment.command("ledger", codes=(0, 1))
    async with deployment.sql() as conn:
        stopped = [row for row in await conn.fetch(_POSITIONS_SQL) if row["stopped"]]
        final = Final(
            leads={row["id"]: row["state"] for row in await conn.fetch(_LEADS_SQL)},
            lifecycle=lifecycle,
            claims=[_claimed(row) for row in await conn.fetch(_CLAIMS_SQL)],
            notes=[row["note"] for row in await conn.fetch(_NOTES_SQL)],
            waiting=await conn.fetchval(_WAITING_SQL),
            lags=behind,
            stopped=[f"{row['consumer']} {row['topic']}/{row['partition']}: {row['stopped']}" for row in stopped],
            dead={row["consumer"]: row["letters"] for row in await conn.fetch(_DEAD_SQL)},
            balanced=books["balanced"],
            shown=shown,
            published=published,
            open_items={row["state"]: row["items"] for row in await conn.fetch(_OPEN_SQL)},
            died=[f"{death.name} ended with {death.code}" for death in deployment.deaths if death.code != 3],
            now=now(),
        )
    return final, poison


def _claimed(row: Mapping[str, Any]) -> Claimed:
    ended = row["ended_at"]
    return Claimed(
        id=row["id"],
        item=row["item_id"],
        rep=row["rep_id"],
        token=row["token"],
        expires=row["expires_at"].timestamp(),
        ended=None if ended is None else ended.timestamp(),
        state=row["state"],
    )


async def _published(deployment: Deployment) -> None:
    """Wait until the series are published, half a minute at most."""
    ends = time.monotonic() + 30

    async def left() -> int:
        async with deployment.sql() as conn:
            return int(await conn.fetchval(_STALE_SQL))

    while await left() and time.monotonic() < ends:
        await asyncio.sleep(0.2)


async def _added_up(log: KafkaLog) -> Counter[str]:
    """The funnel, from its topic alone: of each cell the highest revision."""
    cells: dict[str, tuple[int, str, int]] = {}
    async for records in log.read([FUNNEL]):
        for record in records:
            if record.value is None:
                cells.pop(record.key, None)
                continue
            said = json.loads(record.value)
            if said["revision"] >= cells.get(record.key, (0,))[0]:
                cells[record.key] = (said["revision"], said["metric"], said["value"])
    found: Counter[str] = Counter()
    for _, metric, value in cells.values():
        found[metric] += value
    return found


async def _shown(deployment: Deployment, manager: str) -> Mapping[tuple[str, ...], Mapping[str, int]]:
    """The funnel as the API shows it, of all and by groups, once all that is committed now is in it."""
    asked_at = datetime.fromtimestamp(now(), UTC)
    period = {"from": (asked_at - timedelta(days=1)).isoformat(), "to": (asked_at + timedelta(days=1)).isoformat()}
    shown: dict[tuple[str, ...], Mapping[str, int]] = {}
    headers = {"Authorization": f"Bearer {manager}"}
    async with httpx.AsyncClient(base_url=deployment.urls["metrics-1"], headers=headers, timeout=30) as client:

        async def asked(**more: str) -> Any:
            answer = await client.get("/v1/metrics/funnel", params={**period, **more})
            assert answer.status_code == 200, answer.text
            return answer.json()

        await _until(lambda: _is_as_of(asked, asked_at), within=30)
        for group in ("", "source", "queue", "rep"):
            for row in (await asked(**({"group_by": group} if group else {})))["rows"]:
                if row["group"].get(group, "") is not None:
                    shown[(group, row["group"][group]) if group else ()] = row["counts"]
    return shown


async def _is_as_of(asked: Callable[..., Awaitable[Any]], moment: datetime) -> bool:
    return datetime.fromisoformat((await asked())["as_of"]) >= moment


async def _until(what: Callable[[], Awaitable[bool]], within: float) -> None:
    ends = time.monotonic() + within
    while not await what() and time.monotonic() < ends:
        await asyncio.sleep(0.2)
