"""What `make bench` measures, and what its measurements share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from schemas.topics import PARTITIONS, TOPICS
from services.runtime.edge import Edge
from services.runtime.embedded import Embedded
from services.runtime.log import table
from services.runtime.migrations import migrate
from services.runtime.run import open_edge
from services.runtime.secret import Keyring
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Line:
    """`target` is the least that it should be, or with `most` the most; None: it is shown only."""

    what: str
    value: float
    target: float | None
    most: bool
    note: str

    def text(self) -> str:
        if self.target is None:
            return f"  {self.what:<66} {self.value:>7.2f}  {'':<12} {self.note}"
        met = self.value <= self.target if self.most else self.value >= self.target
        wanted = f"{'≤' if self.most else '≥'} {self.target:.2f} {'met' if met else 'not'}"
        return f"  {self.what:<66} {self.value:>7.2f}  {wanted:<12} {self.note}"


class Results:
    """What was measured in this run."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def add(
        self, what: str, value: float, note: str = "", *, least: float | None = None, most: float | None = None
    ) -> None:
        target = least if most is None else most
        self.lines.append(Line(what, value, target, most is not None, note))


@asynccontextmanager
async def edge_on(server: Embedded, name: str, folder: Path) -> AsyncIterator[Edge]:
    """Everything a process needs, on a new database of this server."""
    admin = await asyncpg.connect(server.url())
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    url = server.url(name)
    await migrate(url)
    settings = Settings(database_url=url, data_dir=folder, secret="6b" * 32, log_level="warning")
    async with open_edge(settings, url, Keyring(b"k" * 32)) as edge:
        async with edge.database.tx() as tx:
            await table.create(tx, TOPICS, PARTITIONS)
        yield edge
