"""All tables there are, one MetaData for each room that keeps some, and the schemas that are ours."""

from sqlalchemy import MetaData

from services import policies
from services.metrics import tables as metrics
from services.runtime import tables as runtime
from services.store import tables as store

SCHEMAS = frozenset({"log", "access", "policy", "routing", "metrics"})


def all_tables() -> list[MetaData]:
    """What the migrations must lead to."""
    return [runtime.metadata, policies.metadata, store.metadata, metrics.metadata]
