"""The local Kafka of `deploy/kafka`: it serves, keeps what it acknowledged, and goes when its parent goes."""

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from brokers import Brokers, Refused, start
from jars import INSTALL
from kit.kafka import Shared
from kit.postgres import in_memory
from kit.waiting import until
from node import answers, is_free

from services.runtime.paths import ROOT

SCRIPT = ROOT / "deploy" / "kafka" / "brokers.py"
SAY_ADDRESS = "import os; print('prepared for', os.environ['KAFKA_BOOTSTRAP_SERVERS'], flush=True)"


async def create(bootstrap: str, *, copies: int = 1) -> str:
    """A topic of this test's own, with one partition."""
    topic = f"test.{uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, copies)])
    finally:
        await admin.close()
    return topic


async def write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Have them acknowledged by all replicas in sync, one by one."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", request_timeout_ms=30_000) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)


async def read(bootstrap: str, topic: str) -> list[bytes]:
    """All that the topic holds."""
    place = TopicPartition(topic, 0)
    values: list[bytes] = []
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                values += [record.value for record in records]
    return values


async def leader(bootstrap: str, topic: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
        number: int = described["partitions"][0]["leader"]
        return number
    finally:
        await admin.close()


def numbered(word: str) -> list[bytes]:
    return [f"{word} {number}".encode() for number in range(20)]


async def test_the_shared_broker_takes_and_gives(kafka: Shared) -> None:
    topic = await create(kafka.bootstrap)
    await write(kafka.bootstrap, topic, numbered("a"))
    assert await read(kafka.bootstrap, topic) == numbered("a")


@contextmanager
def foreground(directory: Path, port: int) -> Iterator["tuple[subprocess.Popen[str], list[str]]"]:
    """`brokers.py` as `make kafka` runs it, once it is ready, and what it printed until then."""
    prepare = shlex.join([sys.executable, "-c", SAY_ADDRESS])
    options = ["--data", str(directory), "--port", str(port), "--prepare", prepare]
    with subprocess.Popen([sys.executable, SCRIPT, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = [line.strip() for line in iter(process.stdout.readline, "Ready.\n")]
            yield process, said
        finally:
            process.kill()


def brokers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if child.name() == "java"]


async def test_a_killed_parent_leaves_no_broker_and_loses_nothing_and_ctrl_c_stops() -> None:
    port = next(port for port in range(19_092, 20_000, 2) if is_free(port) and is_free(port + 1))
    bootstrap = f"127.0.0.1:{port}"
    with TemporaryDirectory(dir=in_memory()) as directory:
        with foreground(Path(directory), port) as (process, said):
            assert said[:2] == [f"prepared for {bootstrap}", f"KAFKA_BOOTSTRAP_SERVERS={bootstrap}"]
            topic = await create(bootstrap)
            await write(bootstrap, topic, numbered("a"))
            (broker,) = brokers_of(process)
            process.kill()
            await until(lambda: gone(broker))
        with foreground(Path(directory), port) as (process, _):
            await write(bootstrap, topic, numbered("b"))
            assert await read(bootstrap, topic) == numbered("a") + numbered("b")
            (broker,) = brokers_of(process)
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, 30) == 0
            assert await gone(broker)


async def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


async def test_three_brokers_go_on_without_the_one_that_leads(kafka_three: Brokers) -> None:
    bootstrap = kafka_three.bootstrap
    topic = await create(bootstrap, copies=3)
    await write(bootstrap, topic, numbered("a"))
    led = await leader(bootstrap, topic)
    await asyncio.to_thread(kafka_three.kill, led)
    assert kafka_three.pid(led) is None
    await write(bootstrap, topic, numbered("b"))
    await asyncio.to_thread(kafka_three.start, led)
    assert await read(bootstrap, topic) == numbered("a") + numbered("b")


def test_a_paused_broker_is_silent_until_it_is_resumed(kafka_three: Brokers) -> None:
    port = int(kafka_three.bootstrap.split(":")[-1])
    kafka_three.pause(3)
    assert not answers(port)
    kafka_three.resume(3)
    assert answers(port)


def test_a_command_runs_on_the_kafka_that_answers_already_and_ends_it(kafka: Shared) -> None:
    port = kafka.bootstrap.rpartition(":")[2]
    command = [sys.executable, "-c", f"{SAY_ADDRESS}; raise SystemExit(7)"]
    done = subprocess.run(
        [sys.executable, SCRIPT, "--port", port, "--", *command], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, f"prepared for {kafka.bootstrap}\n", "")


@pytest.mark.usefixtures("kafka")
def test_a_directory_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(Refused, match="something else"):
        start(1, tmp_path)


@pytest.mark.usefixtures("kafka")
def test_data_of_three_brokers_is_not_started_as_one(tmp_path: Path) -> None:
    places = [{"number": number, "port": 9090 + 2 * number, "directory": "d"} for number in (1, 2, 3)]
    (tmp_path / "cluster.json").write_text(json.dumps({"id": "c", "places": places}))
    with pytest.raises(Refused, match="3 brokers on port 9092, 9094, 9096"):
        start(1, tmp_path)


def test_where_java_is_missing_it_says_the_command_that_installs_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--data", tmp_path], env={"PATH": ""}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 3
    assert INSTALL in done.stderr
