"""Waiting pulls: who of a desk waits just now, since when. In a table, so that each process sees those of all."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import and_, case, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from schemas.words import QueueName, RepId, desk_of
from services.runtime.tx import ReadTx, Tx
from services.store import reps
from services.store import tables as t

SAID_FOR = timedelta(seconds=10)
"""How long a pull that says that it waits is taken at its word: one whose process died is forgotten then."""


async def say(tx: Tx, rep: RepId, desk: str, *, test: bool) -> None:
    """A pull of this rep waits; said again before `SAID_FOR` is over, it has waited since the first time."""
    w = t.waiting_pulls.c
    row = {"rep_id": rep, "desk": desk, "test": test, "since": tx.now, "until": tx.now + SAID_FOR}
    said = upsert(t.waiting_pulls).values(row)
    since = case((w.until > tx.now, w.since), else_=said.excluded.since)
    again = {"since": since, "until": said.excluded.until}
    await tx.execute(said.on_conflict_do_update(index_elements=[w.rep_id, w.desk, w.test], set_=again))


async def over(tx: Tx, rep: RepId, desk: str, *, test: bool) -> bool:
    """It waits no more; tell whether it still did, or somebody was handed over to it meanwhile."""
    w = t.waiting_pulls.c
    return await tx.execute(delete(t.waiting_pulls).where(w.rep_id == rep, w.desk == desk, w.test.is_(test))) > 0


async def longest(tx: ReadTx, queue: QueueName, *, test: bool) -> Sequence[RepId]:
    """The reps of a queue who are there and wait, the longest first."""
    w, rep = t.waiting_pulls.c, t.reps.c
    rows = await tx.fetch(
        select(w.rep_id)
        .join(t.reps, and_(rep.id == w.rep_id, rep.queues.contains([queue]), reps.present(tx.now)))
        .where(w.desk == desk_of(queue).value, w.test.is_(test), w.until > tx.now)
        .order_by(w.since, w.rep_id)
    )
    return [RepId(row["rep_id"]) for row in rows]


async def prune(tx: Tx) -> None:
    """Forget those whose process died."""
    await tx.execute(delete(t.waiting_pulls).where(t.waiting_pulls.c.until <= tx.now))
