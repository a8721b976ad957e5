"""From the log in PostgreSQL to Kafka, as an operator does it: once all is read, nothing is lost or doubled."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from kit.kafka import Shared
from kit.whole import LEADGATE, Whole, launch, start


def soon(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def post(running: Whole, number: int) -> None:
    body = {"contact": {"email": f"{number}@example.com"}, "intent": "demo", "submission_id": str(number)}
    with running.client(running.key("service")) as client:
        assert client.post("/v1/leads/inbound", json=body).status_code == 202


def counted(running: Whole) -> int:
    with running.client(running.key("manager")) as client:
        return int(client.get("/v1/metrics/funnel").json()["rows"][0]["counts"]["leads"])


def test_a_drained_store_moves_to_kafka_whole_and_never_back(tmp_path: Path, kafka: Shared) -> None:
    data_dir = tmp_path / "data"
    first = start(data_dir, "--demo")
    for number in range(5):
        post(first, number)
    soon(lambda: counted(first) == 5)
    soon(lambda: not any(row["lag"] for row in json.loads(leadgate(data_dir, "consumer status", {}).stdout)))
    assert first.stop() == 0

    settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap, "LEADGATE_TOPIC_PREFIX": f"{uuid4().hex[:12]}."}
    process, ready = launch("up", data_dir, "--port", "0", **settings)
    second = Whole(data_dir, process, ready, first.keys)
    assert ready["event_log"] == "kafka"
    post(second, 4)
    post(second, 5)
    soon(lambda: counted(second) == 6)
    books = leadgate(data_dir, "ledger", settings)
    assert (books.returncode, '"balanced": true' in books.stdout) == (0, True), books
    assert second.stop() == 0

    back = leadgate(data_dir, "ledger", {})
    assert (back.returncode, "set KAFKA_BOOTSTRAP_SERVERS" in back.stderr) == (5, True), back


def leadgate(data_dir: Path, command: str, settings: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LEADGATE_", "KAFKA_"))}
    return subprocess.run(
        [LEADGATE, *command.split(), "--data-dir", str(data_dir), "--json"],
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
