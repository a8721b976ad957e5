"""The process `ingest`: takes leads in."""

from services import receipt
from services.ingest.accept import Intake
from services.ingest.api.batch import batch_routes
from services.ingest.api.forms import form_routes
from services.ingest.api.leads import lead_routes
from services.ingest.regions import Regions
from services.runtime.process import Process
from services.runtime.run import Edge
from services.web import site


def build(edge: Edge) -> Process:
    """Wire it. It keeps no state of its own."""
    regions = Regions(edge.database)
    intake = Intake(edge.intake, edge.keyring, edge.telemetry, regions.of)
    return Process(
        "ingest",
        routes=(lead_routes(intake), batch_routes(intake), form_routes(intake), receipt.routes, site.routes),
        tasks={"regions": lambda: regions.keep(edge.wake)},
    )
