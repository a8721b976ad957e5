"""Databases for tests."""

import asyncpg

from schemas.topics import PARTITIONS, TOPICS
from services.runtime.embedded import Embedded
from services.runtime.log import table
from services.runtime.migrations import migrate

TEMPLATE = "leadgate_template"


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
        await conn.execute(table.CREATE_SQL, [topic.name for topic in TOPICS], PARTITIONS)
    finally:
        await conn.close()
    return TEMPLATE
