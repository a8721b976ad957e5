"""The duty of what is due: sleepers wake, hours turn, lateness is told, nurtured and lost leads come back."""

from collections.abc import Sequence

from services import policies
from services.runtime.edge import Edge
from services.runtime.tx import Tx
from services.store import enriching, escalating, hours, returning, sweeps
from services.store.due import Due
from services.worker.loops import Duty, Sweep, sweeping

NAME = "due"


def duty(edge: Edge) -> Duty:
    """Sweep once for each thing that falls due."""
    each_due = (
        ("wake", sweeps.snoozed_items, sweeps.wake_items),
        ("warn", sweeps.late_claims, sweeps.warn_holders),
        ("turn", hours.turning_items, _turn),
        ("breach", escalating.unanswered_items, _breach),
        ("escalate", escalating.escalating_items, _escalate),
        ("decide", returning.rested_leads, _decide),
        ("late", enriching.overdue_leads, _decide_overdue),
        ("reopen", returning.returning_opportunities, _reopen),
    )
    return sweeping(edge, NAME, [Sweep(edge, f"{NAME}.{name}", look, act) for name, look, act in each_due])


async def _breach(tx: Tx, found: Sequence[Due]) -> int:
    return await escalating.breach(tx, await policies.active(tx), found)


async def _escalate(tx: Tx, found: Sequence[Due]) -> int:
    return await escalating.escalate(tx, await policies.active(tx), found)


async def _turn(tx: Tx, found: Sequence[Due]) -> int:
    return await hours.turn_items(tx, await policies.active(tx), found)


async def _decide(tx: Tx, found: Sequence[Due]) -> int:
    return await returning.decide_rested(tx, await policies.active(tx), found)


async def _decide_overdue(tx: Tx, found: Sequence[Due]) -> int:
    return await enriching.decide_overdue(tx, await policies.active(tx), found)


async def _reopen(tx: Tx, found: Sequence[Due]) -> int:
    return await returning.reopen(tx, await policies.active(tx), found)
