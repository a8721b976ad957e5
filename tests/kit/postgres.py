"""Databases for tests."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import asyncpg

from schemas.topics import PARTITIONS, TOPICS
from services.runtime.embedded import Embedded
from services.runtime.log import table
from services.runtime.migrations import migrate

TEMPLATE = "leadgate_template"
FAST_AND_LOSING = MappingProxyType({"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
"""Options of a server: a crash of the machine loses data."""
_MEMORY = Path("/dev/shm")
_ENOUGH = 2 * 1024**3


def in_memory() -> Path | None:
    """Where files stay in memory, if there is such a place with room: a copy of the template takes half the time."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ENOUGH
    return _MEMORY if roomy else None


async def create_template(server: Embedded) -> str:
    """Make the database that all others are copied from: migrated, its topics created."""
    admin = await asyncpg.connect(server.url("postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {TEMPLATE}")
    finally:
        await admin.close()
    await migrate(server.url(TEMPLATE))
    conn = await asyncpg.connect(server.url(TEMPLATE))
    try:
        names, ordered = [topic.name for topic in TOPICS], [topic.ordered for topic in TOPICS]
        await conn.execute(table.CREATE_SQL, names, ordered, PARTITIONS)
    finally:
        await conn.close()
    return TEMPLATE


@contextmanager
def gone_with_us(pid: int) -> Iterator[None]:
    """Should the test run be killed, this process of its goes too."""
    with subprocess.Popen(["/bin/sh", "-c", 'read never; kill -INT "$0"', str(pid)], stdin=subprocess.PIPE) as guard:
        yield
        guard.kill()
