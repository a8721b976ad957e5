"""One broker of a local cluster: its configuration, its storage and its process."""

import base64
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jars import HERE, Unavailable, ending, java

HOST = "127.0.0.1"
JVM = (
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # a killed JVM would leave its file in the temporary directory
    f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
)
ARCHIVE = "classes.jsa"
"""Beside the jars: their classes as the JVM has them in memory. With it a start takes a third less."""
SETTINGS: Mapping[str, object] = MappingProxyType(
    {
        "process.roles": "broker,controller",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLERS:PLAINTEXT",
        "inter.broker.listener.name": "CLIENTS",
        "controller.listener.names": "CONTROLLERS",
        "auto.create.topics.enable": "false",  # `leadgate topics create` does, as they must be
        "unclean.leader.election.enable": "false",
        "num.partitions": 12,
        # A broker that is killed or stopped is out after three seconds instead of nine; that long its writers stall.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "log.retention.check.interval.ms": 60_000,
        # Acknowledged is in the memory of the system: it survives kill -9, and replicas are for what does not.
        "log.flush.interval.messages": 2**63 - 1,
        # Small machines: few threads, few internal partitions, and not 128 MB for the cleaner.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "offsets.topic.num.partitions": 6,
        "transaction.state.log.num.partitions": 6,
        "share.coordinator.state.topic.num.partitions": 6,
        "log.cleaner.dedupe.buffer.size": 8 * 1024**2,
    }
)
_STARTS_WITHIN = 90.0
_STOPS_WITHIN = 20.0
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""A request that any broker answers to anybody: its length, key, version, our number of it, no client id."""


def new_id() -> str:
    """An id as Kafka writes them. None begins with a dash, which its tools would read as an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def answers(port: int) -> bool:
    """Tell whether a Kafka broker serves on this port; one that is still starting, or paused, does not."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(_API_VERSIONS)
            answer = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)


def is_free(port: int) -> bool:
    """Tell whether nobody listens on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broker is: `port` is for clients, the one after it for controllers; `directory` is its storage's id."""

    number: int
    port: int
    directory: str

    @property
    def controller(self) -> str:
        return f"{HOST}:{self.port + 1}"


class Node:
    """A broker and its process, on `folder`."""

    def __init__(
        self,
        place: Place,
        folder: Path,
        cluster: str,
        all_places: tuple[Place, ...],
        jars: Path,
        lock: int,
        advertised: int | None = None,
    ) -> None:
        """`jars` is their folder; `lock`, an open file, is held for as long as the broker lives.

        `advertised` is the port by which others reach it, where that is not its own.
        """
        self.place = place
        self.log = folder / "broker.log"
        self._folder = folder
        self._data = folder / "data"
        self._cluster = cluster
        self._all = all_places
        self._lock = lock
        self._advertised = advertised or place.port
        archive = jars / ARCHIVE
        shared = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
        self._java = [java(), *JVM, *shared, "-cp", f"{jars}/*"]
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._paused = False

    @property
    def pid(self) -> int | None:
        """Its process; None where it has none."""
        if self._process is not None and self._process.poll() is not None:
            self._gone()
        return None if self._process is None else self._process.pid

    def format(self) -> None:
        """Make its storage, if it has none: beside its place, so that a crash leaves no half of it there.

        Raises: Unavailable, with what Kafka's tool said.
        """
        if self._data.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        making = self._folder / "data.new"
        shutil.rmtree(making, ignore_errors=True)
        voters = ",".join(f"{one.number}@{one.controller}:{one.directory}" for one in self._all)
        quorum = ["--standalone"] if len(self._all) == 1 else ["--initial-controllers", voters]
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", self._cluster, *quorum]
        done = subprocess.run(
            [*self._java, *tool, "--config", str(self._configured(making))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unavailable(f"Kafka cannot make its storage in {self._folder}:\n{ending(done.stdout + done.stderr)}")
        making.rename(self._data)

    def launch(self, *flags: str) -> None:
        """Begin to start, unless it runs, with these flags for the JVM.

        Raises: Unavailable where another has one of its ports.
        """
        if self.pid is not None:
            return
        for port in (self.place.port, self.place.port + 1):
            if not is_free(port):
                raise Unavailable(f"port {port} on {HOST}, which broker {self.place.number} needs, is in use.")
        config = self._configured(self._data)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._java[0], *flags, *self._java[1:], "kafka.Kafka", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for us, and we stop it in order
                pass_fds=(self._lock,),
            )
        self._guard = _gone_with_us(self._process.pid)

    def wait(self) -> None:
        """Wait until it serves.

        Raises: Unavailable where it ends instead, or takes too long, with the last that it said.
        """
        deadline = time.monotonic() + _STARTS_WITHIN
        while not answers(self.place.port):
            if self.pid is None:
                raise Unavailable(
                    f"broker {self.place.number} does not start:\n{ending(self.log.read_text(errors='replace'))}"
                )
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"broker {self.place.number} does not answer on {HOST}:{self.place.port} within "
                    f"{_STARTS_WITHIN:.0f} s; {self.log} ends:\n{ending(self.log.read_text(errors='replace'))}"
                )
            time.sleep(0.05)

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP), connections open and silent."""
        self._signal(signal.SIGSTOP)
        if self.pid is not None:
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # until all its threads stand
        self._paused = True

    def resume(self) -> None:
        """Let it go on (SIGCONT), if it was paused."""
        if self._paused:
            self._signal(signal.SIGCONT)
        self._paused = False

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        self.ended()

    def terminate(self) -> None:
        """Begin to stop it cleanly (SIGTERM): it hands over what it leads."""
        self.resume()
        self._signal(signal.SIGTERM)

    def ended(self, within: float = _STOPS_WITHIN) -> None:
        """Wait until it is gone; one that takes longer is killed, which loses nothing either."""
        if self._process is None:
            return
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._gone()

    def _configured(self, data: Path) -> Path:
        """Write its configuration anew, as this version has it."""
        port, copies = self.place.port, len(self._all)
        controllers = f"CONTROLLERS://{self.place.controller}"
        most = min(2, copies)
        settings = {
            **SETTINGS,
            "node.id": self.place.number,
            "listeners": f"CLIENTS://{HOST}:{port},{controllers}",
            "advertised.listeners": f"CLIENTS://{HOST}:{self._advertised},{controllers}",
            "controller.quorum.bootstrap.servers": ",".join(one.controller for one in self._all),
            "log.dirs": data,
            "default.replication.factor": copies,
            "min.insync.replicas": most,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": most,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": most,
        }
        file = self._folder / "server.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return file

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self._process is not None:
            self._process.send_signal(number)

    def _gone(self) -> None:
        self._process = None
        self._paused = False
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.kill()
            self._guard.wait()
            self._guard.stdin.close()
            self._guard = None


def _gone_with_us(pid: int) -> "subprocess.Popen[bytes]":
    """Should we be killed, this process of ours goes too.

    A pipe tells, and no parent-death signal: that would come as soon as the *thread* that started the process ends.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read never; kill -KILL "$0"', str(pid)], stdin=subprocess.PIPE, start_new_session=True
    )
