"""Plans: what PostgreSQL would do for each statement that is fetched."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Executable, RowMapping
from sqlalchemy.dialects.postgresql import asyncpg

from services.runtime.tx import ReadTx

COUNT_SQL = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'asked'"


class Explaining(ReadTx):
    """Explains each statement, whatever its parameters, instead of running it. Sequential scans are shunned."""

    def __init__(self, tx: ReadTx) -> None:
        super().__init__(tx._conn, tx._driver, tx.now, tx.memory)
        self.plans: list[str] = []

    async def fetch(self, statement: Executable) -> Sequence[RowMapping]:
        compiled: Any = statement
        sql = compiled.compile(dialect=asyncpg.dialect(), compile_kwargs={"render_postcompile": True})
        await self._driver.execute(f"PREPARE asked AS {sql}")
        count = await self._driver.fetchval(COUNT_SQL)
        given = f"({', '.join(['NULL'] * count)})" if count else ""
        rows = await self._driver.fetch(f"EXPLAIN (COSTS OFF) EXECUTE asked{given}")
        await self._driver.execute("DEALLOCATE asked")
        self.plans.append("\n".join(row[0] for row in rows))
        return []
