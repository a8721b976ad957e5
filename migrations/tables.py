"""All tables there are, one MetaData for each `tables.py`, and the schemas that are ours."""

import importlib.util

from sqlalchemy import MetaData

SCHEMAS = frozenset({"log", "access", "policy", "routing", "metrics"})


def all_tables() -> list[MetaData]:
    """What the migrations must lead to."""
    names = ("services.runtime.tables", "services.policies", "services.store.tables", "services.metrics.tables")
    return [importlib.import_module(name).metadata for name in names if importlib.util.find_spec(name)]


def ours(name: str | None, type_: str, parents: object) -> bool:
    """Alembic's `include_name`: look into our schemas only."""
    return type_ != "schema" or name in SCHEMAS
