"""Readiness tells the truth: what each process can still do, with what is there."""

import pytest

from services.ingest.process import NEEDS as INGEST
from services.metrics.process import NEEDS as METRICS
from services.router.process import NEEDS as ROUTER
from services.runtime.process import Process
from services.runtime.readiness import Finding, Readiness, readiness

DESK = Process("desk or worker").needs
ALL_WELL = {name: Finding.of("ok") for name in ("postgres", "kafka", "schema", "lag")}
AWAY = Finding.of("does not answer: TimeoutError")
WITHOUT = {"kafka": Finding.of("off"), "lag": Finding.of("off")}
NO_KAFKA = {"kafka": AWAY}
FEW_COPIES = {"kafka": Finding("leads.inbound.v1 has 1 of 3 replicas", works=True)}
NO_POSTGRES = {"postgres": AWAY, "schema": Finding.of("unknown"), "lag": Finding.of("cannot be told: TimeoutError")}
BEHIND = {"schema": Finding.of("behind: run `leadgate migrate`")}
STANDS_STILL = {"lag": Finding.of("router stands still in leads.inbound.v1/3 (gap)")}

READY, DEGRADED, UNREADY = Readiness.READY, Readiness.DEGRADED, Readiness.UNREADY
PROCESSES = {
    "ingest": [INGEST],
    "router": [ROUTER],
    "desk": [DESK],
    "worker": [DESK],
    "metrics": [METRICS],
    "up": [INGEST, ROUTER, DESK, DESK, METRICS],
}
COLUMNS = tuple(PROCESSES)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        #                                            ingest    router    desk      worker    metrics   up
        pytest.param({}, (READY, READY, READY, READY, READY, READY), id="all is well"),
        pytest.param(WITHOUT, (READY, READY, READY, READY, READY, READY), id="the log is in PostgreSQL"),
        pytest.param(NO_KAFKA, (DEGRADED, UNREADY, DEGRADED, DEGRADED, UNREADY, DEGRADED), id="Kafka is down"),
        pytest.param(
            FEW_COPIES, (DEGRADED, DEGRADED, DEGRADED, DEGRADED, DEGRADED, DEGRADED), id="topics are less durable"
        ),
        pytest.param(NO_POSTGRES, (DEGRADED, UNREADY, UNREADY, UNREADY, UNREADY, DEGRADED), id="PostgreSQL is down"),
        pytest.param(
            {**NO_POSTGRES, **WITHOUT},
            (UNREADY, UNREADY, UNREADY, UNREADY, UNREADY, UNREADY),
            id="PostgreSQL is down, and the log in it",
        ),
        pytest.param(
            {**NO_POSTGRES, **NO_KAFKA}, (UNREADY, UNREADY, UNREADY, UNREADY, UNREADY, UNREADY), id="both are down"
        ),
        pytest.param(
            {**NO_POSTGRES, **FEW_COPIES},
            (DEGRADED, UNREADY, UNREADY, UNREADY, UNREADY, DEGRADED),
            id="PostgreSQL is down, and topics are less durable",
        ),
        pytest.param(BEHIND, (DEGRADED, UNREADY, UNREADY, UNREADY, UNREADY, DEGRADED), id="the schema is behind"),
        pytest.param(STANDS_STILL, (DEGRADED, UNREADY, DEGRADED, DEGRADED, UNREADY, DEGRADED), id="a consumer stopped"),
    ],
)
def test_each_process_is_as_ready_as_what_it_needs(found: dict[str, Finding], expected: tuple[Readiness, ...]) -> None:
    said = {name: readiness({**ALL_WELL, **found}, needs) for name, needs in PROCESSES.items()}
    assert said == dict(zip(COLUMNS, expected, strict=True))


def test_a_router_without_a_policy_is_unready_and_a_process_that_needs_nothing_more_does_not_mind() -> None:
    found = {**ALL_WELL, "policy": Finding.of("no policy is published yet")}
    assert readiness(found, [ROUTER]) is UNREADY
    assert readiness(found, [DESK]) is DEGRADED
