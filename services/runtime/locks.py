"""Locks on files, which end with the process that holds them, however it ends."""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import Self


class FileLock:
    """A lock by `flock`. Children do not inherit it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def take(self, *, shared: bool = False) -> bool:
        """Take it (or change what is held to this kind), if that goes without waiting."""
        if self._fd is None:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def note(self, text: str) -> None:
        """Leave a word for those who find it held."""
        if self._fd is None:
            raise RuntimeError("not held")
        os.truncate(self._fd, 0)
        os.pwrite(self._fd, text.encode(), 0)

    def noted(self) -> str:
        """The word that its holder left."""
        return self._path.read_text() if self._path.exists() else ""

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    async def __aenter__(self) -> Self:
        """Take it alone, waiting."""
        while not self.take():  # noqa: ASYNC110 - flock tells nobody when it is free
            await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.release()
