"""Processes of a deployment: each is kept running while it is wanted, and goes when we go."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.whole import LEADGATE

_PATIENCE = 90.0
_OURS = ("LEADGATE_", "DATABASE_", "KAFKA_")


def environment() -> dict[str, str]:
    """Ours, without what would configure a leadgate."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


@dataclass
class Child:
    """A process that we started. Should we be killed, it goes too."""

    process: "subprocess.Popen[bytes]"
    guard: "subprocess.Popen[bytes]"
    meant: bool = False
    """It ends because we want it to."""

    @classmethod
    def of(cls, command: Sequence[str], environment: dict[str, str], said: Path) -> "Child":
        with said.open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        guard = ["/bin/sh", "-c", 'read never; kill -KILL "$0"', str(process.pid)]
        return cls(process, subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True))

    def send(self, signal_: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal_)

    def gone(self) -> None:
        """It has ended."""
        self.guard.kill()
        self.guard.wait()
        for pipe in (self.guard.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True, slots=True)
class Death:
    """A process ended by itself."""

    name: str
    code: int


class Runner:
    """Keeps one process running while it is wanted, as any deployment does."""

    def __init__(self, name: str, place: Path, settings: dict[str, str], logs: Path, deaths: list[Death]) -> None:
        self.name = name
        self.wanted = asyncio.Event()
        self.child: Child | None = None
        self.port: int | None = None
        self.code: int | None = None
        """How it ended last."""
        self._place = place
        self._settings = settings
        self._said = logs / f"{name}.log"
        self._deaths = deaths

    async def keep(self) -> None:
        """Run until cancelled; then it is killed."""
        try:
            while True:
                await self.wanted.wait()
                await self._one()
        finally:
            if self.child is not None:
                self.child.process.kill()
                self.child.process.wait()
                self.child.gone()

    async def _one(self) -> None:
        command = [LEADGATE, self.name.partition("-")[0], "--data-dir", str(self._place), "--json", "--port", "0"]
        child = self.child = Child.of(command, environment() | self._settings, self._said)
        assert child.process.stdout is not None
        line = await asyncio.to_thread(child.process.stdout.readline)
        if line and "url" in (ready := json.loads(line)):
            self.port = int(ready["url"].rpartition(":")[2])
        while (code := child.process.poll()) is None:
            await asyncio.sleep(0.02)
        self.port, self.child, self.code = None, None, code
        child.gone()
        if not child.meant:
            self._deaths.append(Death(self.name, code))
            await asyncio.sleep(1)

    async def end(self, how: signal.Signals) -> None:
        """End it, and do not start it again; wait until it has."""
        self.wanted.clear()
        if (child := self.child) is not None:
            child.meant = True
            child.send(how)
            if how is signal.SIGTERM:
                child.send(signal.SIGCONT)
            async with asyncio.timeout(30):
                while self.child is child:
                    await asyncio.sleep(0.01)

    async def serves(self) -> None:
        """Wait until it is ready."""
        async with asyncio.timeout(_PATIENCE):
            while self.port is None:
                await asyncio.sleep(0.02)
