"""The migrations lead to the tables that the code describes, and to nothing else."""

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateSchema

from migrations.tables import SCHEMAS, all_tables
from services.runtime.dsn import for_sqlalchemy
from services.runtime.embedded import Embedded
from services.runtime.migrations import Schema, migrate, standing, stands


def differences(connection: Connection) -> list[object]:
    """What Alembic would write into a next migration, indexes, types and defaults included."""
    options = {
        "include_schemas": True,
        "include_name": lambda name, type_, _: type_ != "schema" or name in SCHEMAS,
        "compare_type": True,
        "compare_server_default": True,
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), all_tables()))


async def test_alembic_finds_no_difference_between_the_tables_and_the_migrated_schema(database_url: str) -> None:
    engine = create_async_engine(for_sqlalchemy(database_url), poolclass=NullPool)
    async with engine.connect() as conn:
        assert await conn.run_sync(differences) == []


async def test_a_schema_stands_where_its_migrations_brought_it(database_url: str, postgres: Embedded) -> None:
    assert await standing(postgres.url("postgres")) is Schema.EMPTY
    assert await standing(database_url) is Schema.OK
    assert stands("0001") is Schema.BEHIND
    assert stands("9999") is Schema.AHEAD


async def test_a_newer_schema_is_left_as_it_is(database_url: str) -> None:
    """An older process in a rolling deploy runs on; it migrates nothing."""
    conn = await asyncpg.connect(database_url)
    await conn.execute("UPDATE alembic_version SET version_num = '9999'")
    await conn.close()
    assert await migrate(database_url) == "9999"
    assert await standing(database_url) is Schema.AHEAD


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert await migrate(database_url) == await migrate(database_url)


CATALOGUE = """
SELECT 'column' AS what, format('%s.%s.%s %s', table_schema, table_name, column_name, data_type) AS name,
       concat_ws(' ', is_nullable, column_default, collation_name) AS is
FROM information_schema.columns WHERE table_schema = ANY($1)
UNION ALL SELECT 'constraint', format('%s.%s', conrelid::regclass, conname), pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = ANY($1::regnamespace[])
UNION ALL SELECT 'index', format('%s.%s', schemaname, indexname), indexdef FROM pg_indexes WHERE schemaname = ANY($1)
ORDER BY 1, 2
"""


async def test_the_catalogue_is_the_same_as_if_the_tables_were_made_from_the_code(
    database_url: str, postgres: Embedded
) -> None:
    """What Alembic does not look at counts too: check constraints, and the predicates of partial indexes."""
    admin = await asyncpg.connect(postgres.url("postgres"))
    await admin.execute("CREATE DATABASE from_code")
    engine = create_async_engine(for_sqlalchemy(postgres.url("from_code")), poolclass=NullPool)
    try:
        async with engine.begin() as conn:
            for schema in SCHEMAS:
                await conn.execute(CreateSchema(schema))
            for metadata in all_tables():
                await conn.run_sync(metadata.create_all)
        found = [await catalogue(url) for url in (database_url, postgres.url("from_code"))]
        assert found[0] == found[1]
    finally:
        await admin.execute("DROP DATABASE from_code WITH (FORCE)")
        await admin.close()


async def catalogue(url: str) -> dict[tuple[str, str], str]:
    """Columns, constraints and indexes of our schemas."""
    conn = await asyncpg.connect(url)
    try:
        return {(row["what"], row["name"]): row["is"] for row in await conn.fetch(CATALOGUE, list(SCHEMAS))}
    finally:
        await conn.close()
