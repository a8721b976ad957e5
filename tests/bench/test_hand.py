"""From a POST to the hands of an AE who waits, on Kafka; and how stale the numbers are at half of the router's load."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import uuid4

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from kit.kafka import Shared
from kit.ratios import Results
from kit.whole import launch

from services.runtime.embedded import Embedded

POLICY = """
version: 1
currency: GBP
timezone: UTC
calendars: {always: {zone: UTC, hours: always}}
rules:
  - {name: buys, when: {intent: buy}, then: {qualify: auto, priority: hot, queue: closing/main}}
fallback: {inbound: inbound/main, outbound: outbound/main, handover: closing/main}
desks:
  inbound: {queues: {main: {calendar: always, lease: 1h}}}
  outbound: {queues: {main: {calendar: always, lease: 1h}}}
  closing: {queues: {main: {calendar: always, lease: 1h}}}
"""
ROUNDS, EACH = 3, 40
HALF_LOAD = 12
"""Batches of 20 leads a second: about half of what the router does beside all else on two cores."""


@asynccontextmanager
async def deployed(server: Embedded, kafka: Shared, folder: Path) -> AsyncIterator[tuple[str, str]]:
    """All processes in one, on Kafka and PostgreSQL; its address and an admin's key."""
    (folder / "policy.yaml").write_text(POLICY)
    process, ready = launch(
        "up", folder / "data", "--port", "0", "--policy", str(folder / "policy.yaml"),
        DATABASE_URL=server.url(), KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap, LEADGATE_SECRET="6b" * 32,
        LEADGATE_TOPIC_PREFIX=f"{uuid4().hex[:12]}.", LEADGATE_LOG_LEVEL="warning",
    )  # fmt: skip
    try:
        yield ready["url"], json.loads(Path(ready["credentials_file"]).read_text())["admin"]
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)
        assert process.stdout is not None
        process.stdout.close()


def caller(url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


async def handed(source: httpx.AsyncClient, rep: httpx.AsyncClient) -> list[float]:
    """Seconds from a POST to the answer of a pull that waits, again and again."""
    took = []
    for _ in range(EACH):
        pull = asyncio.create_task(rep.post("/v1/desks/closing/pull", json={"wait": 25}))
        await asyncio.sleep(0.05)
        lead = {"contact": {"email": f"ann@{uuid4().hex}.com"}, "intent": "buy"}
        began = time.perf_counter()
        posted = await source.post("/v1/leads/inbound", json=lead)
        assert (await pull).status_code == 200, (await pull).text
        took.append(time.perf_counter() - began)
        assert posted.status_code == 202
    return sorted(took)


async def round_trips(kafka: Shared, server: Embedded) -> list[float]:
    """Seconds of what it cannot do without: through a broker to a consumer, and two commits."""
    topic, took = f"bench-{uuid4().hex[:12]}", []
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    connection = await asyncpg.connect(server.url())
    await connection.execute("CREATE TABLE IF NOT EXISTS public.commits (n int)")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"first")
        await consumer.start()
        await consumer.getone()
        for _ in range(EACH):
            began = time.perf_counter()
            await producer.send_and_wait(topic, b"x" * 900)
            await consumer.getone()
            for _ in range(2):
                await connection.execute("INSERT INTO public.commits VALUES ($1)", 1)
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)
    finally:
        await consumer.stop()
        await producer.stop()
        await connection.close()
    return sorted(took)


async def test_from_post_to_hand(server: Embedded, kafka: Shared, tmp_path: Path, results: Results) -> None:
    async with deployed(server, kafka, tmp_path) as (url, admin), caller(url, admin) as boss:
        key = (await boss.post("/v1/keys", json={"kind": "service", "source": "crm", "name": "crm"})).json()["key"]
        said = await boss.post("/v1/reps", json={"name": "Ann", "queues": ["closing/main"], "zone": "UTC"})
        made = await boss.post("/v1/keys", json={"kind": "rep", "rep_id": said.json()["id"]})
        async with caller(url, key) as source, caller(url, made.json()["key"]) as rep:
            await handed(source, rep)
            pairs = [(await handed(source, rep), await round_trips(kafka, server)) for _ in range(ROUNDS)]
            for name, at in (("p50", EACH // 2), ("p99", EACH * 99 // 100)):
                ours, theirs = median(o[at] for o, _ in pairs), median(t[at] for _, t in pairs)
                note = f"{ours * 1e3:.0f} ms and {theirs * 1e3:.1f} ms"
                ratio = median(o[at] / t[at] for o, t in pairs)
                results.add(f"POST to the AE's hands, to broker and two commits, {name}", ratio, note, most=3.0)
            stale = sorted(await staleness(source, boss))
    note = f"p99 {stale[len(stale) * 99 // 100]:.2f} s"
    results.add("staleness of the numbers at half load, s, p50", stale[len(stale) // 2], note)


async def staleness(source: httpx.AsyncClient, boss: httpx.AsyncClient) -> list[float]:
    """Seconds by which `as_of` is behind, looked at all the time for 8 s."""
    found: list[float] = []

    async def post() -> None:
        while True:
            lines = [{"contact": {"email": f"ann@{uuid4().hex}.com"}, "intent": "demo"} for _ in range(20)]
            body = "\n".join(json.dumps(line) for line in lines)
            asked = source.post(
                "/v1/leads/inbound/batch", content=body, headers={"Content-Type": "application/x-ndjson"}
            )
            await asyncio.gather(asked, asyncio.sleep(1 / HALF_LOAD))

    posting = asyncio.create_task(post())
    await asyncio.sleep(2)
    for _ in range(40):
        said = (await boss.get("/v1/metrics/funnel")).json()
        found.append((datetime.now(UTC) - datetime.fromisoformat(said["as_of"])).total_seconds())  # noqa: TID251
        await asyncio.sleep(0.2)
    posting.cancel()
    await asyncio.wait([posting])
    return found
