"""The process `ingest`: takes leads in."""

from services import receipt
from services.ingest import remembered
from services.ingest.accept import Intake
from services.ingest.api.batch import batch_routes
from services.ingest.api.forms import form_routes
from services.ingest.api.leads import lead_routes
from services.ingest.regions import Regions
from services.runtime.process import Process
from services.runtime.run import Edge
from services.web import site

NEEDS = (frozenset({"postgres", "kafka"}),)
"""One of the two is enough to accept (law 1)."""


def build(edge: Edge) -> Process:
    """Wire it. All that it keeps is what it remembers of its sources."""
    before = remembered.load(edge.settings.data_dir) if edge.kafka is not None else None
    if before is not None and before.fingerprint == edge.keyring.fingerprint:
        edge.access.remember(before.keys)
    regions = Regions(edge.database, before.regions if before is not None else {})
    intake = Intake(edge.intake, edge.keyring, edge.telemetry, regions.of)
    return Process(
        "ingest",
        routes=(lead_routes(intake), batch_routes(intake), form_routes(intake), receipt.routes, site.routes),
        tasks={
            "regions": lambda: regions.keep(edge.wake),
            **({"remembered": lambda: remembered.keep(edge, regions)} if edge.kafka is not None else {}),
        },
        needs=NEEDS,
    )
