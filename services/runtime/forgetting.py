"""Forgetting: what the log table, the dead letters and stored answers hold of a person is taken out of them.

What was read of the log already stays in its place, and counts; it says no more who it was of.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, literal, or_, select, update

from schemas.topics import INTAKE
from services.runtime.tables import dead_letters, idempotency, records
from services.runtime.tx import ReadTx, Tx

REASON = "erased"
"""Why a dead letter of theirs failed, that is kept for its place alone."""
_KEPT = ("id", "submission_id", "source", "direction", "received_at", "occurred_at", "test", "list")
_TOPICS = [topic.name for topic in INTAKE]


async def forget(tx: Tx, leads: Collection[str], others: Collection[str], traces: Collection[str]) -> None:
    """Take out what is of these leads.

    `others`: ids under which stored answers may tell of them. `traces`: texts (addresses, numbers) by which dead
    letters are known that cannot be read.
    """
    for row in await _intake(tx, leads):
        own = (records.c.topic == row["topic"], records.c.partition == row["partition"])
        at = and_(*own, records.c.offset == row["offset"])
        await tx.execute(update(records).where(at).values(value=_stripped(row["value"])))
    for row in await _letters(tx, leads, traces):
        stripped = {"value": _stripped(row["value"]), "reason": REASON}
        await tx.execute(update(dead_letters).where(dead_letters.c.id == row["id"]).values(stripped))
    told = [*leads, *others]
    of_them = or_(_holds(idempotency.c.body, told), *(idempotency.c.path.contains(one) for one in told))
    await tx.execute(delete(idempotency).where(of_them))


async def remembered(tx: ReadTx, leads: Collection[str], traces: Collection[str]) -> dict[str, list[Any]]:
    """What there is of these leads: in the log table, and in the dead letters."""
    found = {"log": await _intake(tx, leads), "dead_letters": await _letters(tx, leads, traces)}
    return {where: [_read(row["value"]) for row in rows] for where, rows in found.items()}


async def _intake(tx: ReadTx, leads: Collection[str]) -> Sequence[RowMapping]:
    c = records.c
    here = and_(c.topic.in_(_TOPICS), _holds(c.value, leads))
    return await tx.fetch(select(c.topic, c.partition, c.offset, c.value).where(here))


async def _letters(tx: ReadTx, leads: Collection[str], traces: Collection[str]) -> Sequence[RowMapping]:
    c = dead_letters.c
    written = [form for trace in traces for form in {trace, json.dumps(trace)[1:-1]}]
    here = and_(c.topic.in_(_TOPICS), or_(_holds(c.value, [*leads, *written]), *(_tells(trace) for trace in written)))
    return await tx.fetch(select(c.id, c.value).where(here))


def _tells(trace: str) -> ColumnElement[bool]:
    """The reason of a dead letter quotes what was wrong."""
    return dead_letters.c.reason.contains(trace, autoescape=True)


def _holds(value: ColumnElement[Any], texts: Collection[str]) -> ColumnElement[bool]:
    """Whether these bytes hold one of some texts."""
    return or_(False, *(func.pg_catalog.position(value, literal(text.encode())) > 0 for text in texts))


def _read(value: bytes | None) -> Any:
    try:
        return json.loads(value or b"null")
    except ValueError:
        return (value or b"").decode("utf-8", "replace")


def _stripped(value: bytes | None) -> bytes:
    """A submission of nobody, in the same place; of what is none, nothing is left."""
    said = _read(value)
    kept: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    return json.dumps({**{name: kept[name] for name in _KEPT if name in kept}, "contact": {}}).encode()
