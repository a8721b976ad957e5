"""Reps: who works which queues, and who is there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    all_,
    and_,
    exists,
    insert,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import array

from schemas.words import Desk, Presence, QueueName, RepId, desk_of
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import tables as t


@dataclass(frozen=True, slots=True)
class Rep:
    """A row of `routing.reps`, as read."""

    id: RepId
    name: str
    email: str | None
    queues: tuple[QueueName, ...]
    desks: frozenset[Desk]
    """Those of its queues, now or once: whose managers see it."""
    skills: tuple[str, ...]
    territories: tuple[str, ...]
    zone: str
    status: Presence
    away_until: datetime | None
    """None: away until that is changed."""
    created_at: datetime

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "Rep":
        values = {f.name: row[f.name] for f in fields(cls)}
        values.update({name: tuple(row[name]) for name in ("queues", "skills", "territories")})
        values.update(status=Presence(row["status"]), desks=frozenset(map(Desk, row["desks"])))
        return cls(**values)

    def is_present(self, now: datetime) -> bool:
        """Whether they are there: not away, or back by now."""
        return self.status == Presence.PRESENT or (self.away_until is not None and self.away_until <= now)


def present(now: datetime) -> ColumnElement[bool]:
    """The condition that a rep is there, as `Rep.is_present`."""
    return or_(t.reps.c.status == Presence.PRESENT.value, t.reps.c.away_until <= now)


def all_returned(queue: ColumnElement[str], returned_by: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that each rep of a queue, there or away, has returned an item; false where it has no reps."""
    theirs = t.reps.c.queues.contains(array([queue], type_=Text))
    return and_(exists().where(theirs), not_(exists().where(theirs, t.reps.c.id != all_(returned_by))))


async def create(
    tx: Tx,
    *,
    name: str,
    queues: Sequence[QueueName],
    zone: str,
    email: str | None = None,
    skills: Sequence[str] = (),
    territories: Sequence[str] = (),
) -> Rep:
    """Add a rep, present at first. That the queues are the policy's is for the caller to check."""
    id_ = RepId(mint("rep", tx.now))
    row = {
        "id": id_,
        "name": name,
        "email": email,
        "queues": list(dict.fromkeys(queues)),
        "desks": _desks(queues),
        "skills": list(skills),
        "territories": list(territories),
        "zone": zone,
        "status": Presence.PRESENT.value,
        "created_at": tx.now,
    }
    await tx.execute(insert(t.reps).values(row))
    made = await find(tx, id_)
    assert made is not None
    return made


async def find(tx: ReadTx, rep: str) -> Rep | None:
    row = await tx.one(select(t.reps).where(t.reps.c.id == rep))
    return None if row is None else Rep.of(row)


async def lock(tx: Tx, rep: str) -> Rep | None:
    """Read a rep and lock it: pulls of one rep wait for each other."""
    row = await tx.one(select(t.reps).where(t.reps.c.id == rep).with_for_update())
    return None if row is None else Rep.of(row)


async def change(tx: Tx, rep: Rep, **columns: Any) -> Rep:
    """Set columns of a locked rep."""
    if "queues" in columns:
        columns["queues"] = list(dict.fromkeys(columns["queues"]))
        columns["desks"] = sorted({*rep.desks, *_desks(columns["queues"])})
    if columns:
        await tx.execute(update(t.reps).where(t.reps.c.id == rep.id).values(columns))
    found = await find(tx, rep.id)
    assert found is not None
    return found


async def page(
    tx: ReadTx, *, desks: Iterable[Desk] | None, after: tuple[datetime, str] | None, limit: int
) -> list[Rep]:
    """Reps of these desks (None: of all), the newest first, past the one that `after` names."""
    c = t.reps.c
    query: Select[Any] = select(t.reps).order_by(c.created_at.desc(), c.id.desc()).limit(limit)
    if desks is not None:
        query = query.where(c.desks.overlap([desk.value for desk in desks]))
    if after is not None:
        query = query.where(tuple_(c.created_at, c.id) < after)
    return [Rep.of(row) for row in await tx.fetch(query)]


def _desks(queues: Iterable[QueueName]) -> list[str]:
    return sorted({desk_of(queue).value for queue in queues})
