"""Readiness as it is served, on a real broker: why less than ready, without a load on the brokers."""

from datetime import timedelta
from typing import Any

from kit.clock import ManualClock
from kit.tiny import calling
from kit.waiting import becomes

from schemas.topics import LIFECYCLE
from services.ingest.process import build as ingest
from services.router.process import build as router
from services.runtime.edge import Edge
from services.runtime.http.app import build_app
from services.runtime.http.health import Health
from services.runtime.log import outbox
from services.runtime.log.port import Message
from services.runtime.log.table import LogTable
from services.worker import relay
from services.worker.process import build as worker


async def ready(edge: Edge, *builders: Any) -> tuple[int, dict[str, Any]]:
    async with calling(build_app(edge, [build(edge) for build in builders])) as client:
        answer = await client.get("/readyz")
    return answer.status_code, answer.json()


async def test_one_broker_is_less_than_asked_for_and_says_so(kafka_edge: Edge) -> None:
    status, said = await ready(kafka_edge, ingest)
    assert (status, said["status"]) == (200, "degraded")
    assert list(said["checks"]) == ["postgres", "kafka", "schema", "lag"]
    assert "leads.inbound.v1 has 1 of 3 replicas" in said["checks"]["kafka"]
    assert said["checks"]["postgres"] == said["checks"]["schema"] == "ok"


async def test_kafka_is_asked_once_in_five_seconds(kafka_edge: Edge) -> None:
    assert kafka_edge.kafka is not None
    health = Health(kafka_edge, [])
    before = (await health.look())[1]["kafka"]
    await kafka_edge.kafka.close()
    object.__setattr__(kafka_edge.kafka._cluster, "servers", "127.0.0.1:1")  # whoever asks now has no answer
    assert (await health.look())[1]["kafka"] == before
    health._kafka_until = 0
    assert (await health.look())[1]["kafka"].said.startswith("does not answer")


async def test_a_router_without_the_topics_is_unready_and_says_what_to_do(kafka_edge: Edge) -> None:
    assert kafka_edge.kafka is not None
    kafka_edge.kafka._cluster.prefix = "nothing."
    status, said = await ready(kafka_edge, router)
    assert (status, said["status"]) == (503, "unready")
    assert "leadgate topics create" in said["checks"]["kafka"]


async def test_the_worker_tells_of_what_waits_for_kafka_and_of_what_kafka_refused(
    kafka_edge: Edge, clock: ManualClock
) -> None:
    async def lag() -> Any:
        return (await ready(kafka_edge, worker))[1]["checks"]["lag"]

    async with kafka_edge.database.tx() as tx:
        await LogTable().put(tx, [Message(LIFECYCLE.name, f"ld_{n}", b"{}", ()) for n in range(3)])
    clock.move(timedelta(seconds=60))
    await becomes(lag, "ok")
    clock.move(timedelta(seconds=1))
    await becomes(lag, "records wait for Kafka for more than 60 s")
    async with kafka_edge.database.tx() as tx:
        for record in await outbox.oldest(tx, 10):
            await outbox.park(tx, record, "too large")
    await becomes(lag, "3 records that Kafka refused wait: see `leadgate dlq list`")
    assert (await ready(kafka_edge, worker))[0] == 200

    await relay.duty(kafka_edge).turn()
    told = kafka_edge.telemetry.exposition().decode()
    for line in ("waiting_records 3.0", "parked_records 3.0", "oldest_seconds 61.0"):
        assert f"leadgate_relay_{line}" in told
