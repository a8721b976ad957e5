"""The ledger's side of the store: which lead stands where, and what was accepted as last counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from router.books import Hour, hour_of
from schemas.words import LeadId, LeadState
from services.runtime.tx import ReadTx, Tx
from services.store import tables as t
from services.store.rows import among

_TOGETHER = 5000
"""Rows of one statement: it takes 32,767 parameters."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lead that we hold."""

    id: LeadId
    hour: Hour
    received_at: datetime
    state: LeadState


_HELD = select(t.leads.c.id, t.leads.c.source, t.leads.c.received_at, t.leads.c.state).where(~t.leads.c.test)


async def held(tx: ReadTx, after: tuple[datetime, str], limit: int) -> list[Held]:
    """At most `limit` leads that are no tests, in the order of capture, after this one."""
    place = (t.leads.c.received_at, t.leads.c.id)
    return [_held(row) for row in await tx.fetch(_HELD.where(tuple_(*place) > after).order_by(*place).limit(limit))]


async def held_of(tx: ReadTx, leads: Sequence[LeadId]) -> list[Held]:
    """Those of these leads that we hold."""
    return [_held(row) for row in await tx.fetch(_HELD.where(t.leads.c.id == among(leads)))]


def _held(row: RowMapping) -> Held:
    at = row["received_at"]
    return Held(row["id"], hour_of(row["source"], at), at, LeadState(row["state"]))


async def as_counted(tx: ReadTx, since: datetime | None, until: datetime) -> Mapping[Hour, tuple[int, int]]:
    """What was accepted and dead-lettered in the hours from `since` to `until`, as last counted."""
    ledger = t.ledger.c
    wanted = [ledger.hour < until] + ([ledger.hour >= since] if since is not None else [])
    rows = await tx.fetch(select(t.ledger).where(*wanted))
    return {Hour(row["source"], row["hour"]): (row["accepted"], row["dead_lettered"]) for row in rows}


async def keep(tx: Tx, counted: Mapping[Hour, tuple[int, int]]) -> None:
    """Remember what was counted, for when the intake log has it no longer.

    In one order, so that two who count at once do not wait for each other in a circle.
    """
    rows = [
        {"source": hour.source, "hour": hour.at, "accepted": accepted, "dead_lettered": dead}
        for hour, (accepted, dead) in sorted(counted.items(), key=lambda one: (one[0].source, one[0].at))
    ]
    for first in range(0, len(rows), _TOGETHER):
        new = insert(t.ledger).values(rows[first : first + _TOGETHER])
        same = {"accepted": new.excluded.accepted, "dead_lettered": new.excluded.dead_lettered}
        await tx.execute(new.on_conflict_do_update(index_elements=["source", "hour"], set_=same))
