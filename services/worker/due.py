"""The duty of what is due: sleepers wake, lateness is told, nurtured and lost leads come back, the misplaced move."""

from collections.abc import Collection, Sequence

from services import policies
from services.runtime.edge import Edge
from services.runtime.tx import ReadTx, Tx
from services.store import rehoming, returning, sweeps
from services.store.due import Due
from services.worker.loops import Duty, Sweep, sweeping

NAME = "due"


def duty(edge: Edge) -> Duty:
    """Sweep once for each thing that falls due."""
    duties = (
        ("wake", sweeps.snoozed_items, sweeps.wake_items),
        ("warn", sweeps.late_claims, sweeps.warn_holders),
        ("breach", sweeps.unanswered_items, sweeps.breach_items),
        ("decide", returning.rested_leads, _decide),
        ("reopen", returning.returning_opportunities, _reopen),
        ("rehome", _misplaced, _rehome),
    )
    return sweeping(edge, NAME, [Sweep(edge, f"{NAME}.{name}", look, act) for name, look, act in duties])


async def _decide(tx: Tx, found: Sequence[Due]) -> int:
    return await returning.decide_rested(tx, await policies.active(tx), found)


async def _reopen(tx: Tx, found: Sequence[Due]) -> int:
    return await returning.reopen(tx, await policies.active(tx), found)


async def _misplaced(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    return await rehoming.misplaced_items(tx, await policies.active(tx), limit, but)


async def _rehome(tx: Tx, found: Sequence[Due]) -> int:
    return await rehoming.rehome(tx, await policies.active(tx), found)
