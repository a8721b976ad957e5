"""The log's port: what every adapter promises, and what one suite (tests/contract/log) holds each to.

- A record's offset is its place in its partition; offsets grow, and may have gaps.
- A position is always that of the NEXT record to read, never that of the first record read.
- `append` returns when the messages are durable. `LogUnavailable` means unknown: append again, ids deduplicate.
- Messages of one key stand in one partition, in the order in which they were appended, as long as their topic has as
  many partitions as it had. What is appended again after `LogUnavailable` may stand there twice, but no message stands
  before the first occurrence of an earlier one.
- A reader sees only what is committed, and never sees a later record before an earlier one of its partition.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from schemas.envelope import Headers
from schemas.topics import Topic

LARGEST = 900 * 1024
"""Bytes of a message's key, value and headers together; larger is refused before it is sent."""


class LogUnavailable(Exception):
    """It is not known whether the messages are in the log: append them again."""


class UnknownTopic(LogUnavailable):
    """The log has no such topic: `leadgate topics create` makes it. Nothing was appended."""


class NotTaken(Exception):
    """The log will never take a message as it is; nothing that was appended with it under its key is in the log."""


class TooLarge(NotTaken):
    """A message is over `LARGEST`: it was not sent, and never can be."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is appended. `value` is None for a tombstone."""

    topic: str
    key: str
    value: bytes | None
    headers: Headers

    @property
    def size(self) -> int:
        """Bytes of key, value and headers; at most `LARGEST`."""
        headers = sum(len(name.encode()) + len(value) for name, value in self.headers)
        return len(self.key.encode()) + len(self.value or b"") + headers


@dataclass(frozen=True, slots=True)
class Place:
    """A partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """What is read: a message in its place."""

    place: Place
    offset: int
    appended_at: datetime
    key: str
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Span:
    """What a batch covers of one partition: positions [start, next), gaps included."""

    start: int
    next: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in order for each partition, and what they cover. A span without records is one of gaps."""

    records: tuple[Record, ...]
    spans: Mapping[Place, Span]


@dataclass(frozen=True, slots=True)
class Gap:
    """Records between the position and the log's start are gone unread, or the log is another one."""

    place: Place
    position: int
    first: int
    reason: str


class Subscription(Protocol):
    """Reads on from the positions that `start` gave. One task uses it.

    Several of a group may be given the same partition; who moves its position has it. One that is ours no more gives
    nothing, and to `seek` or `pause` it does nothing.
    """

    async def poll(self, limit: int, wait: timedelta) -> Batch:
        """At most `limit` records; waits up to `wait` for the first. May be empty.

        A span begins where the one before it in its partition ended, or where `start` or `seek` said.

        Raises: LogUnavailable, and whatever `start` raises: open another one then.
        """
        ...

    async def seek(self, place: Place, position: int) -> None:
        """Read on from `position` (after an overtaken or failed batch, a pause or a gap), whatever came before."""
        ...

    async def pause(self, place: Place) -> None:
        """Read nothing there until `seek`."""
        ...

    def done(self, spans: Mapping[Place, Span]) -> None:
        """Tell that these are behind us: what a broker shows to lag tools. It decides nothing (see `positions`)."""
        ...

    def reading(self) -> Collection[Place]:
        """Partitions that are ours to read on in now, and not paused."""
        ...

    def gaps(self) -> Sequence[Gap]:
        """Partitions that it can not read on in, since the last call; they are paused until `seek`."""
        ...


class Appends(Protocol):
    """Takes messages, for good."""

    async def append(self, messages: Sequence[Message]) -> None:
        """Make the messages durable, those of a key in order.

        Raises: LogUnavailable (some may be in the log); TooLarge, UnknownTopic (none is); NotTaken (those of other
        keys may be in the log).
        """
        ...


class EventLog(Appends, Protocol):
    """A log of topics."""

    def subscribe(
        self, group: str, topics: Sequence[Topic], start: Callable[[Place], Awaitable[int | None]]
    ) -> AbstractAsyncContextManager[Subscription]:
        """Read topics as one of a group.

        `start` tells the position that counts, each time that a partition comes to us; None: it is paused. It is
        called by `poll` alone.
        """
        ...

    async def starts(self, topics: Sequence[Topic]) -> Mapping[Place, int]:
        """The position of the oldest record kept of each partition; where there is none, its end."""
        ...

    async def ends(self, topics: Sequence[Topic]) -> Mapping[Place, int]:
        """The position after the last committed record of each partition."""
        ...

    def read(
        self, topics: Sequence[Topic], limit: int = 1000, *, since: datetime | None = None
    ) -> AsyncIterator[Sequence[Record]]:
        """All records to the ends as they are now, partition by partition, a batch at a time.

        They begin at the starts, or with the first that was appended at `since` or later.
        """
        ...

    async def identity(self, topic: Topic) -> str:
        """Which topic of which log this is: positions count in that only."""
        ...
