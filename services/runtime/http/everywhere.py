"""What every process serves: health, its numbers for Prometheus, and the documents. No key is needed."""

import asyncio
import json
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.responses import Response

from services.runtime.http.call import Call
from services.runtime.http.document import openapi_of
from services.runtime.http.problems import NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.migrations import Schema, stands
from services.runtime.paths import ROOT

EXPORTED: Final = ROOT / "schemas" / "exported"
PATIENCE: Final = 2.0
"""Seconds that a check may take."""
OK: Final = "ok"
OFF: Final = "off"

routes = APIRouter(route_class=Route, tags=["operation"])


@routes.get("/livez", include_in_schema=False)
@allow(public=True)
async def livez(call: Call) -> Response:
    """The loop turns."""
    return JSONResponse({"status": "alive"})


@routes.get("/readyz", include_in_schema=False)
@allow(public=True)
async def readyz(call: Call) -> Response:
    """Whether this process can do its work: each check `ok`, `off`, or a reason."""
    checks = await _database(call) | {"kafka": OFF, "lag": OFF}
    named = {"postgres": checks.pop("postgres"), "kafka": checks.pop("kafka"), **checks}
    for name, check in call.request.app.state.checks:
        try:
            said = await asyncio.wait_for(check(), PATIENCE)
        except Exception as error:
            said = f"cannot be told: {type(error).__name__}"
        if named.get(name, OFF) in (OK, OFF):
            named[name] = said if said != OFF else named.get(name, OFF)
    ready = all(said in (OK, OFF) for said in named.values())
    return JSONResponse({"status": "ready" if ready else "unready", "checks": named}, 200 if ready else 503)


async def _database(call: Call) -> dict[str, str]:
    try:
        async with asyncio.timeout(PATIENCE), call.edge.database.read() as tx:
            version = await tx.value(text("SELECT version_num FROM public.alembic_version"))
    except Exception as error:
        return {"postgres": f"does not answer: {type(error).__name__}", "schema": "unknown"}
    return {"postgres": OK, "schema": _schema(version)}


@lru_cache(maxsize=8)
def _schema(version: str | None) -> str:
    found = stands(version)
    return OK if found in (Schema.OK, Schema.AHEAD) else f"{found.value}: run `leadgate migrate`"


@routes.get("/metrics", include_in_schema=False)
@allow(public=True)
async def metrics(call: Call) -> Response:
    """For Prometheus."""
    return Response(call.edge.telemetry.exposition(), media_type=CONTENT_TYPE_LATEST)


@routes.get("/openapi.json", include_in_schema=False)
@allow(public=True)
async def openapi(call: Call) -> Response:
    """What this process serves, as OpenAPI."""
    return JSONResponse(openapi_of(call.request.app), headers={"Cache-Control": "no-cache"})


@routes.get("/asyncapi.json", include_in_schema=False)
@allow(public=True)
async def asyncapi(call: Call) -> Response:
    """The topics, as AsyncAPI; the schemas beside it in its folder are served under `/schemas/`."""
    return _json(_documents()["asyncapi.json"].replace(b'"$ref":"./', b'"$ref":"/schemas/'))


@routes.get("/schemas/{name}", include_in_schema=False)
@allow(public=True)
async def schema(call: Call, name: str) -> Response:
    """The JSON Schema of an event, as its `dataschema` says."""
    document = _documents().get(name)
    if document is None:
        raise NotFound
    return _json(document)


def _json(document: bytes) -> Response:
    return Response(document, media_type="application/json", headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=1)
def _documents() -> dict[str, bytes]:
    """All exported files, without their spaces."""
    return {path.name: _compact(path) for path in sorted(EXPORTED.glob("*.json"))}


def _compact(path: Path) -> bytes:
    return json.dumps(json.loads(path.read_text()), separators=(",", ":"), ensure_ascii=False).encode()
