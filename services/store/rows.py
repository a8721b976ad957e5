"""Many rows at once: one statement for each table, the same whatever their number."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, CollectionAggregate, Column, Table, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import TypeEngine

from services.runtime.tx import Tx


async def add(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows that name the same columns, in order, but for those that stand already; how many were new."""
    if not rows:
        return 0
    names = list(rows[0])
    values = [literal([row[name] for row in rows], ARRAY(_type(table.c[name]))) for name in names]
    given = func.unnest(*values).table_valued(*names).render_derived(name="given")
    return await tx.execute(
        upsert(table).from_select(names, select(*(given.c[name] for name in names))).on_conflict_do_nothing()
    )


def among(values: Iterable[str | None]) -> CollectionAggregate[Any]:
    """Any of these, in one parameter: `column == among(ids)`."""
    return any_(literal([value for value in values if value is not None], ARRAY(Text)))


def _type(column: "Column[Any]") -> TypeEngine[Any]:
    """Of an array's element: the collation is the column's affair."""
    return Text() if isinstance(column.type, Text) else column.type
