"""Many rows at once: one statement for each table, the same whatever their number."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import ARRAY, CollectionAggregate, Column, ScalarSelect, Table, Text, any_, cast, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import dialect as postgresql
from sqlalchemy.types import TypeEngine

from services.runtime.hot import driver
from services.runtime.tx import Tx

_DIALECT: Final = postgresql()  # type: ignore[no-untyped-call]
FEW = 20
"""Up to so many rows go as parameters of one statement: COPY takes two exchanges, and its worth is in the many."""
Rows = Sequence[Mapping[str, Any]]


async def put(tx: Tx, table: Table, rows: Rows) -> None:
    """Put in rows that name the same columns, and of which none can stand already. It is PostgreSQL's fastest way."""
    if not rows:
        return
    if len(rows) <= FEW and not any(isinstance(table.c[name].type, ARRAY) for name in rows[0]):
        await driver(tx).execute(_adding(table, tuple(rows[0])), *_columns(table, rows))
        return
    names = list(rows[0])
    written = [_writer(table.c[name]) for name in names]
    await driver(tx).copy_records_to_table(
        table.name,
        schema_name=table.schema,
        columns=names,
        records=[[write(row[name]) for name, write in zip(names, written, strict=True)] for row in rows],
    )


async def add(tx: Tx, table: Table, rows: Rows) -> int:
    """Insert rows that name the same columns, in order, but for those that stand already; how many were new."""
    if not rows:
        return 0
    said = await driver(tx).execute(f"{_adding(table, tuple(rows[0]))} ON CONFLICT DO NOTHING", *_columns(table, rows))
    return int(said.removeprefix("INSERT 0 "))


async def change(tx: Tx, table: Table, rows: Rows, adds: Table, added: Rows) -> None:
    """Set the columns that these rows name, where their `id` stands, and put rows into another table, at once."""
    changes = _changing(table, tuple(rows[0]))
    if not added:
        await driver(tx).execute(changes, *_columns(table, rows))
        return
    adding = _adding(adds, tuple(added[0]), after=len(rows[0]))
    await driver(tx).execute(f"WITH changed AS ({changes}) {adding}", *_columns(table, rows), *_columns(adds, added))


@cache
def _adding(table: Table, names: tuple[str, ...], after: int = 0) -> str:
    named = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table.fullname} ({named}) SELECT {named} FROM {_given(table, names, after)}"  # noqa: S608 - ours


@cache
def _changing(table: Table, names: tuple[str, ...]) -> str:
    sets = ", ".join(f'"{name}" = given."{name}"' for name in names if name != "id")
    return f"UPDATE {table.fullname} AS stands SET {sets} FROM {_given(table, names)} WHERE stands.id = given.id"  # noqa: S608


def _given(table: Table, names: tuple[str, ...], after: int = 0) -> str:
    """Columns of rows, each an array parameter, as a relation `given`; how many they are is `hidden`."""
    arrays = ", ".join(f"(SELECT ${after + nth}::{_type(table.c[name])}[])" for nth, name in enumerate(names, 1))
    return f"unnest({arrays}) AS given ({', '.join(f'{chr(34)}{name}{chr(34)}' for name in names)})"


def _columns(table: Table, rows: Rows) -> list[list[Any]]:
    written = ((name, _writer(table.c[name])) for name in rows[0])
    return [[write(row[name]) for row in rows] for name, write in written]


def among(values: Iterable[str | None]) -> CollectionAggregate[Any]:
    """Any of these, in one parameter: `column == among(ids)`."""
    return any_(cast(hidden([value for value in values if value is not None], Text()), ARRAY(Text)))


def hidden(values: Sequence[Any], type_: TypeEngine[Any]) -> ScalarSelect[Any]:
    """Values in one parameter, as `(SELECT …)`, which hides how many they are from the planner.

    It knows no plan for a certain number then that would seem cheaper than one for any, so PostgreSQL keeps that: to
    plan anew each time takes longer than to run.
    """
    return select(literal(values, ARRAY(type_))).scalar_subquery()


def _json(value: Any) -> str | None:
    """Bytes are JSON already."""
    return None if value is None else (value if isinstance(value, bytes) else to_json(value)).decode()


def _as_is(value: Any) -> Any:
    return value


def _writer(column: "Column[Any]") -> Callable[[Any], Any]:
    """How the driver wants a value of this column."""
    return _json if isinstance(column.type, JSONB) else _as_is


def _type(column: "Column[Any]") -> str:
    """Of an array's element: the collation is the column's affair."""
    return "text" if isinstance(column.type, Text) else column.type.compile(_DIALECT)
