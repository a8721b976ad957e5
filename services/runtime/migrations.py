"""The schema's version: where it stands, and how it goes on.

Migrations expand, so that an older process keeps running: code runs on its own version of the schema and on newer ones.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from services.runtime.dsn import for_sqlalchemy
from services.runtime.paths import MIGRATIONS

_ONE_AT_A_TIME = 0x1EAD6A7E
"""Advisory lock of a migration; any number that nobody else uses."""


class Schema(Enum):
    """How the database's schema stands to this code."""

    EMPTY = "empty"
    BEHIND = "behind"
    OK = "ok"
    AHEAD = "ahead"
    """Of a later version of ours, which only added: this code runs on it."""


def stands(version: str | None) -> Schema:
    """Compare a schema's version with the one that this code was written for."""
    if version is None:
        return Schema.EMPTY
    known = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
    if version not in known:
        return Schema.AHEAD
    return Schema.OK if version == known[0] else Schema.BEHIND


async def migrate(url: str) -> str:
    """Bring the schema up to date and tell its version. One at a time; harmless to repeat; never back."""
    async with _connected(url) as conn:
        await conn.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ONE_AT_A_TIME})
        await conn.commit()
        if stands(await _version(conn)) is not Schema.AHEAD:
            await conn.run_sync(_upgrade)
            await conn.commit()
        return await _version(conn) or ""


async def standing(url: str) -> Schema:
    """Tell how the schema of this database stands."""
    async with _connected(url) as conn:
        return stands(await _version(conn))


async def _version(conn: AsyncConnection) -> str | None:
    if (await conn.execute(text("SELECT to_regclass('public.alembic_version')"))).scalar() is None:
        return None
    found: str | None = (await conn.execute(text("SELECT version_num FROM public.alembic_version"))).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        for_sqlalchemy(url),
        poolclass=NullPool,
        connect_args={"timeout": 5, "server_settings": {"application_name": "leadgate migrate", "timezone": "UTC"}},
    )
    async with engine.connect() as conn:
        yield conn
    await engine.dispose()
