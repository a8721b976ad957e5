"""Memory: hints that a process keeps of its database, for a second at most, and not beyond what it is told.

A hint says where to begin to look, never what is there: who finds nothing looks without it.
"""

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

_LASTS: Final = 1.0
"""Seconds: as long as a wake-up that was lost costs anyway."""


class _Hint(NamedTuple):
    value: datetime
    ends: float


class Memory:
    """Hints by the channel that tells of their end (see `services.runtime.wake`)."""

    def __init__(self) -> None:
        self._hints: dict[str, _Hint] = {}
        self._told: dict[str, int] = {}

    def recall(self, channel: str) -> datetime | None:
        hint = self._hints.get(channel)
        return None if hint is None or hint.ends <= _now() else hint.value

    def mark(self, channel: str) -> int:
        """Before a look: what is told from now on may contradict what that finds."""
        return self._told.setdefault(channel, 0)

    def keep(self, channel: str, value: datetime, mark: int) -> None:
        """Keep what was found, unless the channel was told of since `mark`. A later hint does not last for longer."""
        if self._told[channel] == mark:
            ends = self._hints[channel].ends if self.recall(channel) is not None else _now() + _LASTS
            self._hints[channel] = _Hint(value, ends)

    def forget(self, channels: Collection[str]) -> None:
        """These were told of."""
        for channel in self._told.keys() & channels:
            self._told[channel] += 1
            self._hints.pop(channel, None)

    def forget_all(self) -> None:
        self.forget(list(self._told))


def _now() -> float:
    return asyncio.get_running_loop().time()
