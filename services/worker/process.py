"""The worker: whatever is due. Any number of them may run at once."""

from functools import partial

from services.runtime.edge import Edge
from services.runtime.process import Process
from services.worker import (
    absence,
    due,
    ended,
    enrich,
    forecast,
    housekeeping,
    ledger,
    measures,
    rehome,
    relay,
    release,
)
from services.worker.loops import keep


def build(edge: Edge) -> Process:
    """Wire the worker: one task for each duty, so that a long one delays no other."""
    duties = [
        each.duty(edge) for each in (release, ended, due, absence, rehome, measures, forecast, ledger, housekeeping)
    ]
    if edge.kafka is not None:
        duties.append(relay.duty(edge))
    checks = {"lag": partial(relay.check, edge)} if edge.kafka is not None else {}
    tasks = {duty.name: partial(keep, edge, duty) for duty in duties} | {enrich.NAME: partial(enrich.work, edge)}
    return Process("worker", tasks=tasks, checks=checks)
