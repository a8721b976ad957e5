"""The duty of rehoming: what has lost its place to a new policy gets one, within seconds of that being in force."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from services import policies
from services.runtime.edge import Edge
from services.runtime.tx import ReadTx, Tx
from services.store import rehoming
from services.store.due import Due
from services.worker.loops import Duty, Sweep, sweeping

NAME = "rehome"
INTERVAL = timedelta(seconds=5)


def duty(edge: Edge) -> Duty:
    """Find what lies in no queue or no pool of the policy in force, and move it."""
    return sweeping(edge, NAME, [Sweep(edge, NAME, _look, _act)], INTERVAL)


async def _look(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    return await rehoming.misplaced_items(tx, await policies.active(tx), limit, but)


async def _act(tx: Tx, found: Sequence[Due]) -> int:
    return await rehoming.rehome(tx, await policies.active(tx), found)
