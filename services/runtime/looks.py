"""Looks: up to when somebody has looked at state and told the log of it, for what time or many changes bring about.

What positions are to records: who reads the log knows by them of what it holds the news.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.runtime.tables import looks
from services.runtime.tx import ReadTx, Tx

MEASURES = "measures"
"""Of the worker, at what stands in the queues."""


def wanted(name: str) -> str:
    """The channel on which somebody asks for a look."""
    return f"look:{name}"


def done(name: str) -> str:
    """The channel that tells of one."""
    return f"looked:{name}"


async def keep(tx: Tx, name: str, at: datetime) -> None:
    """Note that all news up to then is in the log, with this transaction at the latest. It never goes back."""
    kept = upsert(looks).values(name=name, at=at)
    later = func.greatest(looks.c.at, kept.excluded.at)
    await tx.execute(kept.on_conflict_do_update(index_elements=[looks.c.name], set_={"at": later}))


async def of(tx: ReadTx, name: str) -> datetime | None:
    """When that was; None: never."""
    found: datetime | None = await tx.value(select(looks.c.at).where(looks.c.name == name))
    return found
