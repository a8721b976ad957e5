"""Apache Kafka on this machine: one broker or three, on loopback, for trying out and for tests.

    with start(3, Path("/tmp/kafka")) as brokers:
        brokers.kill(2)                    # by number, as Kafka's metadata names them: from 1
        brokers.start(2)

All calls block until it is done: from asyncio, `await asyncio.to_thread(brokers.start, 2)`.
"""

import argparse
import fcntl
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import IO, Self

from jars import INSTALL, Unavailable, jars, locked
from node import ARCHIVE, HOST, Node, Place, answers, is_free, new_id

PORT = 9092
_SIZES = (1, 3)
_FREE = range(20_000, 32_000, 2)
"""Below those that the system hands out: nobody gets a broker's port while it is down."""


class Refused(Exception):
    """What is there already speaks against it. `str()` says what to do."""

    exit_code = 5


def _quiet(_: str) -> None:
    return


class Brokers:
    """A cluster on one directory, made by `start`. It ends with the process that holds it, however that ends."""

    def __init__(self, nodes: Sequence[Node], lock: IO[str]) -> None:
        self._nodes = {node.place.number: node for node in nodes}
        self._lock = lock

    @property
    def numbers(self) -> list[int]:
        return list(self._nodes)

    @property
    def bootstrap(self) -> str:
        """For KAFKA_BOOTSTRAP_SERVERS: all of them, up or not."""
        return ",".join(f"{HOST}:{node.place.port}" for node in self._nodes.values())

    def pid(self, number: int) -> int | None:
        """Its process; None where it is down."""
        return self._nodes[number].pid

    def log(self, number: int) -> Path:
        """What it said."""
        return self._nodes[number].log

    def kill(self, number: int) -> None:
        """SIGKILL it; paused ones too."""
        self._nodes[number].kill()

    def stop(self, number: int) -> None:
        """Stop it cleanly (SIGTERM): it hands over what it leads."""
        self._nodes[number].terminate()
        self._nodes[number].ended()

    def pause(self, number: int) -> None:
        """SIGSTOP it: connections stay open, and silent."""
        self._nodes[number].pause()

    def resume(self, number: int) -> None:
        """SIGCONT it, if it was paused."""
        self._nodes[number].resume()

    def start(self, number: int) -> None:
        """Start it again on its data, unless it runs; return when it serves.

        Of three, one alone has no majority and never serves: `start_all` starts them together.
        Raises: Unavailable, with the last that it said.
        """
        self._nodes[number].launch()
        self._nodes[number].wait()

    def start_all(self) -> None:
        """Have all of them serve: what is down is started, what is paused goes on.

        Raises: Unavailable, with the last that one said.
        """
        for node in self._nodes.values():
            node.resume()
            node.launch()
        for node in self._nodes.values():
            node.wait()

    def kill_all(self) -> None:
        for node in self._nodes.values():
            node.kill()

    def stop_all(self) -> None:
        """Stop all cleanly, and let go of the directory."""
        for node in self._nodes.values():
            node.terminate()
        for node in self._nodes.values():
            node.ended()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop_all()


def start(
    size: int,
    directory: Path,
    ports: Sequence[int] | None = None,
    say: Callable[[str], None] = _quiet,
    advertised: Sequence[int] | None = None,
) -> Brokers:
    """Start one broker or three on `directory`, which is made if need be; return when all serve.

    Each uses two ports, the one given (by default one that is free) and the next. Data that is there is kept, and
    with it the ports. `advertised`: the ports by which clients and the other brokers are to reach them, those of a
    proxy that listens there already.
    Raises: Unavailable where Java or Maven is missing or a broker does not start; Refused where the directory is in
    use, or holds something else.
    """
    folder = jars(say)
    _archive(folder, say)
    lock = _alone(directory)
    brokers = None
    try:
        cluster, places = _cluster(directory, size, ports)
        shown: Sequence[int | None] = [None] * size if advertised is None else advertised
        nodes = [
            Node(at, directory / str(at.number), cluster, places, folder, lock.fileno(), port)
            for at, port in zip(places, shown, strict=True)
        ]
        with ThreadPoolExecutor(size) as together:
            list(together.map(Node.format, nodes))
        brokers = Brokers(nodes, lock)
        brokers.start_all()
    except BaseException:
        if brokers is not None:
            brokers.kill_all()
        lock.close()
        raise
    return brokers


def _archive(folder: Path, say: Callable[[str], None]) -> None:
    """Have the archive of Kafka's classes, which a broker's clean end leaves, beside the jars."""
    archive = folder / ARCHIVE
    if archive.exists():
        return
    with locked(folder.parent / "lock") as lock, TemporaryDirectory(dir=folder.parent) as directory:
        if archive.exists():
            return
        say("Preparing Kafka's classes (once) ...")
        place = Place(1, _free(1)[0], new_id())
        node = Node(place, Path(directory), new_id(), (place,), folder, lock.fileno())
        new = Path(directory) / ARCHIVE
        node.format()
        try:
            node.launch(f"-XX:ArchiveClassesAtExit={new}")
            node.wait()
            node.terminate()
            node.ended(within=90)
        finally:
            node.kill()
        if new.exists():
            new.rename(archive)


def _alone(directory: Path) -> IO[str]:
    """Take the directory for ourselves, for as long as this file is open."""
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / "lock").open("w")
    for _ in range(20):  # those of a parent that was just killed are going
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return lock
    lock.close()
    raise Refused(f"brokers run on {directory} already: stop them, or choose another directory.")


def _cluster(directory: Path, size: int, ports: Sequence[int] | None) -> tuple[str, tuple[Place, ...]]:
    """Its id and its brokers' places: as noted when it was made, else noted now."""
    note = directory / "cluster.json"
    if note.exists():
        noted = json.loads(note.read_text())
        places = tuple(Place(**place) for place in noted["places"])
        has = [place.port for place in places]
        if len(places) != size or (ports is not None and list(ports) != has):
            raise Refused(
                f"{directory} holds the data of {len(places)} broker{'s' * (len(places) > 1)} on port "
                f"{', '.join(map(str, has))}: start it so, choose another directory, or remove it."
            )
        return noted["id"], places
    if size not in _SIZES:
        raise ValueError("one broker, or three")
    if ports is not None and len(ports) != size:
        raise ValueError("one port for each broker")
    if any(path.name != "lock" for path in directory.iterdir()):
        raise Refused(f"{directory} holds no brokers' data, but something else: choose another directory.")
    cluster = new_id()
    places = tuple(Place(number, port, new_id()) for number, port in enumerate(ports or _free(size), start=1))
    new = note.with_suffix(".new")
    new.write_text(json.dumps({"id": cluster, "places": [asdict(place) for place in places]}, indent=2))
    new.rename(note)
    return cluster, places


def _free(size: int) -> list[int]:
    """So many ports that are free, as are the ones after them."""
    ports = (port for port in random.sample(_FREE, len(_FREE)) if is_free(port) and is_free(port + 1))
    return [next(ports) for _ in range(size)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run brokers in the foreground; the exit code (those of `leadgate`: 3 something is missing, 5 refused)."""
    parser = argparse.ArgumentParser(
        prog="brokers.py",
        description="Apache Kafka on this machine, on loopback, until Ctrl-C or the end of COMMAND. Data is kept.",
        epilog="COMMAND runs with KAFKA_BOOTSTRAP_SERVERS set. If Kafka answers on the port already, it uses that. "
        f"Needs Java 17 and Maven; on Debian: {INSTALL}",
    )
    parser.add_argument("--brokers", type=int, choices=_SIZES, default=1, help="how many [1]")
    parser.add_argument("--data", type=Path, default=Path(".leadgate/kafka"), help="their directory [.leadgate/kafka]")
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"of the first; the others' are 2 and 4 above it [{PORT}]"
    )
    parser.add_argument("--prepare", metavar="COMMAND", action="append", default=[], help="run this first; repeatable")
    parser.add_argument("command", metavar="COMMAND", nargs="*", help="run this, after --, and end with it")
    given = parser.parse_args(arguments)
    for ends in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C too: who is begun with `&` may have been told to ignore it
        signal.signal(ends, signal.default_int_handler)
    try:
        if given.command and answers(given.port):
            return _ended_by(None, given.command, f"{HOST}:{given.port}")
        ports = [given.port + 2 * number for number in range(given.brokers)]
        with start(given.brokers, given.data, ports, _say) as brokers:
            return _foreground(brokers, given.prepare, given.command)
    except (Unavailable, Refused) as error:
        _say(f"brokers.py: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 0


def _foreground(brokers: Brokers, first: Sequence[str], command: Sequence[str]) -> int:
    for each in first:
        done = subprocess.run(shlex.split(each), env=_environment(brokers.bootstrap), check=False)
        if done.returncode:
            _say(f"brokers.py: `{each}` failed ({done.returncode}), so the brokers stop again.")
            return done.returncode
    if command:
        return _ended_by(brokers, command, brokers.bootstrap)
    pids = ", ".join(f"{number}: pid {brokers.pid(number)}" for number in brokers.numbers)
    print(f"KAFKA_BOOTSTRAP_SERVERS={brokers.bootstrap}\nBrokers {pids}. Ctrl-C stops.\nReady.", flush=True)
    while True:
        time.sleep(0.5)
        _look_after(brokers)


def _ended_by(brokers: Brokers | None, command: Sequence[str], bootstrap: str) -> int:
    """Run the command, and the brokers for as long as it runs; its exit code. It stops by itself when asked to."""
    with subprocess.Popen(command, env=_environment(bootstrap)) as child:

        def pass_on(number: int, _: FrameType | None) -> None:
            if number == signal.SIGTERM:  # Ctrl-C, the terminal sends to both of us
                child.terminate()

        signal.signal(signal.SIGTERM, pass_on)
        signal.signal(signal.SIGINT, pass_on)
        while child.poll() is None:
            time.sleep(0.2)
            if brokers is not None:
                _look_after(brokers)
    return child.returncode


def _look_after(brokers: Brokers) -> None:
    gone = [number for number in brokers.numbers if brokers.pid(number) is None]
    if gone:
        _say(f"Broker {' and '.join(map(str, gone))} is gone. Starting again ...")
        brokers.start_all()


def _environment(bootstrap: str) -> dict[str, str]:
    return {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": bootstrap}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
