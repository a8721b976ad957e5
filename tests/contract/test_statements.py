"""Every statement that is written by hand stands against the schema, names its columns, and is told the time."""

import importlib
import pkgutil
import re

import asyncpg
import pytest

import services
from router.lifecycle import ITEM, Act
from schemas.words import ItemState
from services.store.granting import GRANT_SQL
from services.store.taking import TAKE_AMONG_SQL, TAKE_SQL


def statements() -> dict[str, str]:
    """All constants `…_SQL` of all modules, by module and name."""
    found = {}
    for module in pkgutil.walk_packages(services.__path__, "services."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.endswith("_SQL") and isinstance(value, str):
                found.setdefault(value, f"{module.name}.{name}")
    return {name: text for text, name in found.items()}


async def test_each_prepares_against_the_migrated_schema(database_url: str) -> None:
    conn = await asyncpg.connect(database_url)
    for name, text in statements().items():
        try:
            await conn.prepare(text)
        except asyncpg.PostgresError as error:
            raise AssertionError(f"{name}: {error}") from error
    await conn.close()


@pytest.mark.parametrize(("name", "text"), statements().items(), ids=list(statements()))
def test_it_takes_time_as_a_parameter_and_names_its_columns(name: str, text: str) -> None:
    assert not re.search(r"\b(now\s*\(|current_(date|time)|localtime|clock_timestamp|statement_timestamp)", text, re.I)
    assert not re.search(r"SELECT\s+\*\s+FROM\s+(?!jsonb_to_recordset|unnest)", text, re.I), (
        "whatever columns there are"
    )


@pytest.mark.parametrize("sql", [GRANT_SQL, TAKE_SQL, TAKE_AMONG_SQL])
def test_a_statement_that_claims_goes_the_arrow_of_claim(sql: str) -> None:
    """It spells the states out, for a partial index needs literals; the machine says which."""
    arrow = ITEM.move(ItemState.QUEUED, Act.CLAIM)
    assert arrow is not None
    assert set(re.findall(r"AND (?:item\.)?state = '(\w+)'", sql)) == ITEM.sources(Act.CLAIM)
    assert re.findall(r"SET state = '(\w+)'", sql) == [arrow.target]
