"""The process `desk`: pull, attempts, outcomes, opportunities, reps, leads as they stand, keys."""

from schemas.words import RepId
from services import receipt
from services.desk import leadpages, pages
from services.desk.api import (
    accounts,
    claims,
    consent,
    customers,
    items,
    leads,
    opportunities,
    pull,
    queues,
    reps,
    suppressions,
    tasks,
    verdicts,
)
from services.runtime.edge import Edge
from services.runtime.http import keys
from services.runtime.process import Process
from services.runtime.tx import ReadTx
from services.store import reps as kept
from services.web import site


def build(edge: Edge) -> Process:
    """Wire it. It keeps no state of its own."""
    features = (
        pull,
        claims,
        opportunities,
        verdicts,
        customers,
        tasks,
        items,
        queues,
        reps,
        accounts,
        suppressions,
        leads,
        consent,
        receipt,
        pages,
        leadpages,
        site,
    )
    return Process("desk", routes=(*(feature.routes for feature in features), keys.routes(_exists)))


async def _exists(tx: ReadTx, rep: RepId) -> bool:
    return await kept.stays(tx, rep)
