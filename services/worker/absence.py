"""The duty of absence: what falls due while a rep is away, what one who left still held, what nobody has recorded."""

from collections.abc import Sequence
from datetime import timedelta

from services import policies
from services.runtime.edge import Edge
from services.runtime.tx import Tx
from services.store import asking, covering, leaving
from services.store.due import Due
from services.worker.loops import Duty, Sweep, sweeping

NAME = "absence"
INTERVAL = timedelta(seconds=5)


def duty(edge: Edge) -> Duty:
    """Reserve for covers what has fallen to them, empty the hands of who left, ask for outcomes, and count promises."""
    sweeps = [
        Sweep(edge, f"{NAME}.cover", covering.covered_claims, covering.cover),
        Sweep(edge, f"{NAME}.left", leaving.left_claims, _empty),
        Sweep(edge, f"{NAME}.ask", asking.unrecorded_meetings, asking.ask),
        Sweep(edge, f"{NAME}.broken", covering.dropped_promises, covering.break_promises),
    ]
    return sweeping(edge, NAME, sweeps, INTERVAL)


async def _empty(tx: Tx, found: Sequence[Due]) -> int:
    return await leaving.empty_hands(tx, await policies.active(tx), found)
