"""Many rows at once: one statement for each table, the same whatever their number."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ARRAY, CollectionAggregate, Column, Table, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import TypeEngine

from services.runtime.hot import driver
from services.runtime.tx import Tx


async def put(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put in rows that name the same columns, and of which none can stand already. It is PostgreSQL's fastest way."""
    if not rows:
        return
    names = list(rows[0])
    written = [_writer(table.c[name]) for name in names]
    await driver(tx).copy_records_to_table(
        table.name,
        schema_name=table.schema,
        columns=names,
        records=[[write(row[name]) for name, write in zip(names, written, strict=True)] for row in rows],
    )


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


def _json(value: Any) -> str | None:
    return None if value is None else to_json(value).decode()


def _as_is(value: Any) -> Any:
    return value


def _writer(column: "Column[Any]") -> Callable[[Any], Any]:
    """How the driver wants a value of this column."""
    return _json if isinstance(column.type, JSONB) else _as_is


def _type(column: "Column[Any]") -> TypeEngine[Any]:
    """Of an array's element: the collation is the column's affair."""
    return Text() if isinstance(column.type, Text) else column.type
