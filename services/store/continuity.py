"""Continuity: what comes back goes to whoever had it last, for a day, if they are there."""

from datetime import timedelta
from typing import Any

from schemas.words import Exempt, QueueName, RepId
from services.runtime.tx import ReadTx
from services.store import reps

RESERVED = timedelta(days=1)
"""How long what is reserved for a rep is nobody else's."""


async def first_right(tx: ReadTx, rep: RepId | None, queue: QueueName) -> dict[str, Any]:
    """The columns of an item of this queue that a rep has the first right to: none, where they cannot have it now."""
    last = await reps.find(tx, rep) if rep else None
    if last is None or not last.is_present(tx.now) or queue not in last.queues:
        return {}
    return {
        "reserved_for": last.id,
        "reserved_until": tx.now + RESERVED,
        "reserved_why": Exempt.CONTINUITY.value,
    }
