"""How durable ingest compares with a bare FastAPI endpoint that keeps nothing, in the same run."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import pytest
from kit.kafka import Shared
from kit.ratios import Results

SECONDS = 3.0
ROUNDS = 3
HERE = Path(__file__).parent


@contextmanager
def serving(*words: str) -> Iterator[tuple[str, str, psutil.Process]]:
    """Address, key and process of a server."""
    command = [sys.executable, str(HERE / "serving.py"), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url, key = process.stdout.readline().split()
            yield url, key, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def load(server: tuple[str, str, psutil.Process], connections: int, seconds: float = SECONDS) -> dict[str, float]:
    """What the caller saw, and the server's processor time for each answer, in µs."""
    url, key, process = server
    words = [sys.executable, str(HERE / "loading.py"), url, key, str(connections), str(seconds)]
    began = process.cpu_times()
    said: dict[str, float] = json.loads(subprocess.run(words, capture_output=True, check=True, text=True).stdout)
    ended = process.cpu_times()
    spent = ended.user + ended.system - began.user - began.system
    return {**said, "cpu": spent / (said["rate"] * seconds) * 1e6}


@pytest.mark.parametrize("connections", [4, 48])
def test_durable_ingest_against_a_bare_endpoint(connections: int, tmp_path: Path, results: Results) -> None:
    compare(results, f"durable ingest, {connections} connections", connections, str(tmp_path))


def test_durable_ingest_to_kafka_against_a_bare_endpoint(kafka: Shared, tmp_path: Path, results: Results) -> None:
    compare(results, "the same to Kafka, 48 connections", 48, str(tmp_path), kafka.bootstrap, targets=False)


def compare(results: Results, name: str, connections: int, *ingest_in: str, targets: bool = True) -> None:
    """Measure the two by turns."""
    with serving("bare") as bare, serving("ingest", *ingest_in) as ingest:
        load(bare, connections, 1.0)
        load(ingest, connections, 1.0)
        pairs = [(load(bare, connections), load(ingest, connections)) for _ in range(ROUNDS)]

    def ratio(of: str) -> float:
        return median(ours[of] / theirs[of] for theirs, ours in pairs)

    def both(of: str) -> tuple[float, float]:
        return median(ours[of] for _, ours in pairs), median(theirs[of] for theirs, _ in pairs)

    note = "{:,.0f}/s and {:,.0f}/s".format(*both("rate"))
    results.add(f"{name}: answers to bare FastAPI's", ratio("rate"), note, least=1.0 if targets else None)
    note = "{:.1f} ms and {:.1f} ms".format(*both("p99"))
    results.add(f"{name}: p99 to its", ratio("p99"), note, most=2.5 if targets and connections == 4 else None)
    note = "{:.0f} µs and {:.0f} µs".format(*both("cpu"))
    results.add(f"{name}: processor time of an answer to its", ratio("cpu"), note)
