"""The duty of ended claims: what a rep let lapse is somebody else's, or the manager's."""

from services.runtime.edge import Edge
from services.store import sweeps
from services.worker.loops import Duty, Sweep, sweeping

NAME = "ended"


def duty(edge: Edge) -> Duty:
    """End the claims that have run out."""
    return sweeping(edge, NAME, [Sweep(edge, NAME, sweeps.ended_claims, sweeps.end_claims)])
