"""The duty of rehoming: what has lost its place to a new policy, or its last rep, gets another within seconds."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from services import policies
from services.runtime.edge import Edge
from services.runtime.tx import ReadTx, Tx
from services.store import hours, parking, rehoming
from services.store.due import Due
from services.worker.loops import Duty, Sweep, sweeping

NAME = "rehome"
INTERVAL = timedelta(seconds=5)


def duty(edge: Edge) -> Duty:
    """Move what lies in no queue or no pool of the policy in force; park what each rep of its queue has returned.

    Look by the hours of persons that it has for a queue. Let anyone have what is reserved for a rep who works its
    queue no more.
    """
    sweeps = [
        Sweep(edge, NAME, _look, _act),
        Sweep(edge, f"{NAME}.park", _refused, _park),
        Sweep(edge, f"{NAME}.hours", _unlooked, _turn),
        Sweep(edge, f"{NAME}.unreserve", rehoming.idle_reservations, rehoming.unreserve),
    ]
    return sweeping(edge, NAME, sweeps, INTERVAL)


async def _look(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    return await rehoming.misplaced_items(tx, await policies.active(tx), limit, but)


async def _refused(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    return await parking.refused_items(tx, await policies.active(tx), limit, but)


async def _park(tx: Tx, found: Sequence[Due]) -> int:
    return await parking.park(tx, await policies.active(tx), found)


async def _unlooked(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    return await hours.unlooked_items(tx, await policies.active(tx), limit, but)


async def _turn(tx: Tx, found: Sequence[Due]) -> int:
    return await hours.turn_items(tx, await policies.active(tx), found)


async def _act(tx: Tx, found: Sequence[Due]) -> int:
    return await rehoming.rehome(tx, await policies.active(tx), found)
