"""The whole of Leadgate as its users start it: `leadgate up`, a real process with its embedded PostgreSQL."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

LEADGATE = str(Path(sys.executable).with_name("leadgate"))
_PATIENCE = 60.0


@dataclass
class Whole:
    """A running `leadgate up --demo`."""

    data_dir: Path
    process: subprocess.Popen[bytes]
    ready: dict[str, Any]
    keys: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    def key(self, name: str) -> str:
        """The demo's key of this kind: `admin form service manager`."""
        return str(self.keys["admin"] if name == "admin" else self.keys["demo"][name])

    def rep(self, queue: str) -> dict[str, Any]:
        """The demo's first rep of a queue."""
        return next(rep for rep in self.keys["demo"]["reps"] if queue in rep["queues"])

    def client(self, key: str | None = None, **more: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **more)

    def kill(self) -> None:
        """kill -9 of the process: what it was doing stops where it was."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_PATIENCE)
        self._close()

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(_PATIENCE)
        self._close()
        return code

    def _close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()


def start(data_dir: Path, *flags: str, port: int = 0) -> Whole:
    """Start `leadgate up` and wait until it says that it is ready."""
    process, ready = launch("up", data_dir, "--port", str(port), *flags)
    keys = json.loads(Path(ready["credentials_file"]).read_text())
    return Whole(data_dir, process, ready, keys)


def launch(name: str, data_dir: Path, *flags: str, **settings: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Start a long-running command, with these variables set, and wait for the line that says it is ready."""
    command = [LEADGATE, name, "--data-dir", str(data_dir), "--json", *flags]
    ours = ("LEADGATE_", "DATABASE_", "KAFKA_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | settings
    said = data_dir.parent / f"{data_dir.name}.stderr"
    with said.open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line or json.loads(line).get("event") != "ready":
        process.wait(_PATIENCE)
        process.stdout.close()
        words = said.read_text(errors="replace")[-3000:]
        raise AssertionError(f"leadgate {name} ended with {process.returncode}:\n{words}")
    return process, json.loads(line)


@contextmanager
def whole(data_dir: Path, *flags: str) -> Iterator[Whole]:
    """It runs while this is open."""
    running = start(data_dir, *flags)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


def until(what: Any, *, within: float = 20.0, every: float = 0.05) -> Any:
    """Look until `what()` is true and return it."""
    end = time.monotonic() + within
    while not (found := what()):
        assert time.monotonic() < end, f"not within {within} s"
        time.sleep(every)
    return found


def command(*words: str, data_dir: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a leadgate command on this data."""
    done = subprocess.run([LEADGATE, *words, "--data-dir", str(data_dir)], capture_output=True, text=True, timeout=120)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done
