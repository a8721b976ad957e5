"""Leadgate as it is deployed, on loopback: PostgreSQL, three Kafka brokers, and each process by itself, twice.

All that goes between them goes through our proxies (`kit.proxy`), and each of them can be killed, stopped and started
by its name: `ingest-1`, `router-2`, `broker-3`, `postgres`.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import asyncpg
import brokers as kafka
import psutil
from brokers import Brokers

from kit.postgres import in_memory
from kit.proxy import HOST, NOBODY, Network, Reach, Weather
from kit.runner import Death, Runner, environment
from kit.whole import LEADGATE
from services.runtime.embedded import Embedded
from services.runtime.postmaster import running

KINDS = ("ingest", "router", "desk", "worker", "metrics")
SERVED = ("ingest", "desk", "metrics")
"""Those whose API has callers."""
SECRET = "5e" * 32
_SMALL = "24m"
"""The disk that the log table lies on, where we may mount one."""

_MOVE_SQL = """
CREATE TABLESPACE small LOCATION '{place}';
ALTER TABLE log.records SET TABLESPACE small;
ALTER INDEX log.records_pkey SET TABLESPACE small;
"""
_TERMINATE_SQL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name LIKE 'leadgate%' AND pid <> pg_backend_pid()
"""


@dataclass
class Deployment:
    """All of it. Names are as in the module's docstring."""

    place: Path
    postgres: Embedded
    small: Path | None
    """The disk that the log table lies on; None where we may not mount one."""
    brokers: Brokers | None = None
    bootstrap: str = ""
    runners: dict[str, Runner] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    """Where callers reach `ingest-1`, `desk-1` …: through a proxy, whether it runs or not."""
    deaths: list[Death] = field(default_factory=list)
    broker_pids: dict[str, int] = field(default_factory=dict)
    network: Network = field(init=False)

    def __post_init__(self) -> None:
        self.network = Network(self.who)

    @property
    def _kafka(self) -> Brokers:
        assert self.brokers is not None
        return self.brokers

    @property
    def settings(self) -> dict[str, str]:
        """For a command of ours: not through proxies of PostgreSQL."""
        return {
            "DATABASE_URL": self.postgres.url(),
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "LEADGATE_SECRET": SECRET,
        }

    async def command(self, *words: str, codes: Sequence[int] = (0,)) -> Any:
        """Run a leadgate command; what it says, as JSON."""
        done = await asyncio.to_thread(
            subprocess.run,
            [LEADGATE, *words, "--json", "--data-dir", str(self.place / "command")],
            capture_output=True,
            text=True,
            timeout=120,
            env=environment() | self.settings,
            check=False,
        )
        assert done.returncode in codes, f"leadgate {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    @asynccontextmanager
    async def sql(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection of the test's own, past the proxies."""
        conn = await asyncpg.connect(self.postgres.url(), server_settings={"application_name": "faults"})
        try:
            yield conn
        finally:
            conn.terminate()

    async def start(self, name: str) -> None:
        """Start it, and wait until it serves."""
        if name == "postgres":
            await self.postgres.attach()
        elif name.startswith("broker-"):
            await asyncio.to_thread(self._kafka.start, _number(name))
            self.note_brokers()
        else:
            self.runners[name].wanted.set()
            await self.runners[name].serves()

    async def kill(self, name: str) -> None:
        """kill -9."""
        if name == "postgres":
            found = running(self.postgres.data_dir / "postgres")
            assert found is not None
            os.kill(found.pid, signal.SIGKILL)
        elif name.startswith("broker-"):
            await asyncio.to_thread(self._kafka.kill, _number(name))
        else:
            await self.runners[name].end(signal.SIGKILL)

    async def stop(self, name: str) -> None:
        """Stop it in order."""
        if name.startswith("broker-"):
            await asyncio.to_thread(self._kafka.stop, _number(name))
        else:
            await self.runners[name].end(signal.SIGTERM)

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        if (child := self.runners[name].child) is not None:
            child.send(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        if (child := self.runners[name].child) is not None:
            child.send(signal.SIGCONT)

    async def start_brokers(self) -> None:
        await asyncio.to_thread(self._kafka.start_all)
        self.note_brokers()

    def note_brokers(self) -> None:
        """Remember which processes they are."""
        pids = {f"broker-{number}": self._kafka.pid(number) for number in self._kafka.numbers}
        self.broker_pids = {name: pid for name, pid in pids.items() if pid is not None}

    async def terminate_connections(self) -> int:
        """End all sessions that the processes have with PostgreSQL; how many."""
        async with self.sql() as conn:
            return int(await conn.fetchval(_TERMINATE_SQL))

    async def fill_disk(self) -> None:
        """Leave no room on the disk of the log table."""
        assert self.small is not None
        await asyncio.to_thread(_fill, self.small / "ballast")

    def free_disk(self) -> None:
        """And give it back."""
        assert self.small is not None
        (self.small / "ballast").unlink(missing_ok=True)

    def who(self, port: int) -> str | None:
        """Which of ours calls from this port of this machine."""
        pids = {name: runner.child.process.pid for name, runner in self.runners.items() if runner.child}
        pids |= self.broker_pids
        for name, pid in pids.items():
            with suppress(psutil.Error):
                if any(one.laddr.port == port for one in psutil.Process(pid).net_connections("tcp4") if one.raddr):
                    return name
        return None


@asynccontextmanager
async def deployed(logs: Path, policy: str, each: int = 2) -> AsyncIterator[Deployment]:
    """`each` of every process under this policy, prepared by commands as an operator does. Logs are kept."""
    logs.mkdir(parents=True, exist_ok=True)
    place = Path(mkdtemp(prefix="leadgate-faults-", dir=in_memory()))
    place.chmod(0o755)
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        small = _small_disk(place / "small", stack)
        server = Embedded(place, options={"max_connections": "300"}, say=lambda _: None)
        await server.attach()
        stack.callback(shutil.copy, place / "postgres.log", logs / "postgres.log")
        stack.push_async_callback(server.leave)
        deployment = Deployment(place, server, small)
        stack.push_async_callback(deployment.network.close)
        await _brokers(deployment, stack, logs)
        await _prepared(deployment, policy)
        for kind in KINDS:
            for number in range(1, each + 1):
                await _runner(deployment, f"{kind}-{number}", logs)
        async with asyncio.TaskGroup() as keepers:
            kept = [keepers.create_task(runner.keep()) for runner in deployment.runners.values()]
            try:
                await asyncio.gather(*(deployment.start(name) for name in deployment.runners))
                yield deployment
            finally:
                for task in kept:
                    task.cancel()


async def _brokers(deployment: Deployment, stack: AsyncExitStack, logs: Path) -> None:
    def reach(number: int) -> Reach:
        def broker() -> int | None:
            if deployment.brokers is None:
                return None
            return int(deployment.brokers.bootstrap.split(",")[number - 1].rpartition(":")[2])

        return broker

    shown = [await deployment.network.serve(f"broker-{number}", reach(number)) for number in (1, 2, 3)]
    start = partial(kafka.start, 3, deployment.place / "kafka", advertised=shown)
    deployment.brokers = await asyncio.to_thread(start)
    deployment.note_brokers()
    for server in deployment.brokers.numbers:  # what they told one another so far, nobody could name
        for weather in (Weather.RESET, Weather.FINE):
            deployment.network.become(NOBODY, f"broker-{server}", weather)
    for number in deployment.brokers.numbers:
        stack.callback(shutil.copy, deployment.brokers.log(number), logs / f"broker-{number}.log")
    stack.callback(deployment.brokers.stop_all)
    stack.callback(deployment.brokers.kill_all)
    deployment.bootstrap = ",".join(f"{HOST}:{port}" for port in shown)


async def _prepared(deployment: Deployment, policy: str) -> None:
    """What an operator does before the first start."""
    file = deployment.place / "policy.yaml"
    file.write_text(policy)
    await deployment.command("migrate")
    if deployment.small is not None:
        files = deployment.small / "pg"
        files.mkdir()
        owner = (deployment.postgres.data_dir / "postgres").stat()
        os.chown(files, owner.st_uid, owner.st_gid)
        async with deployment.sql() as conn:
            for statement in filter(None, map(str.strip, _MOVE_SQL.format(place=files).split(";"))):
                await conn.execute(statement)
    await deployment.command("topics", "create")
    await deployment.command("policy", "publish", str(file))


async def _runner(deployment: Deployment, name: str, logs: Path) -> None:
    def database() -> Path | None:
        found = running(deployment.postgres.data_dir / "postgres")
        return found and found.sockets / f".s.PGSQL.{found.port}"

    port = await deployment.network.serve("postgres", database, caller=name)
    settings = {
        "DATABASE_URL": f"postgresql://leadgate@{HOST}:{port}/leadgate",
        "KAFKA_BOOTSTRAP_SERVERS": deployment.bootstrap,
        "LEADGATE_SECRET": SECRET,
    }
    runner = Runner(name, deployment.place / name, settings, logs, deployment.deaths)
    deployment.runners[name] = runner

    if name.partition("-")[0] in SERVED:
        front = await deployment.network.serve(name, lambda: runner.port, caller="callers")
        deployment.urls[name] = f"http://{HOST}:{front}"


def _small_disk(place: Path, stack: AsyncExitStack) -> Path | None:
    """A disk of its own, small enough to fill; None where we may not mount one."""
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        return None
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SMALL},mode=755", "tmpfs", str(place)], check=False)
    if done.returncode:
        return None
    guard = subprocess.Popen(
        ["/bin/sh", "-c", 'read never; sleep 1; umount -l "$0"', str(place)], stdin=subprocess.PIPE
    )
    stack.callback(_end_guard, guard)
    stack.callback(subprocess.run, ["umount", "-l", str(place)], check=False)
    return place


def _end_guard(guard: "subprocess.Popen[bytes]") -> None:
    guard.kill()
    guard.wait()
    assert guard.stdin is not None
    guard.stdin.close()


def _fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    with suppress(OSError), ballast.open("ab") as file:
        while True:  # the last few kilobytes
            file.write(bytes(512))
            file.flush()


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
