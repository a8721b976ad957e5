"""What every process serves: health, its numbers for Prometheus, and the documents. No key is needed."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from services.runtime.http.call import Call
from services.runtime.http.document import openapi_of
from services.runtime.http.health import Health
from services.runtime.http.problems import NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.paths import ROOT
from services.runtime.readiness import Readiness

EXPORTED: Final = ROOT / "schemas" / "exported"

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
    health: Health = call.request.app.state.health
    ready, found = await health.look()
    said = {name: finding.said for name, finding in found.items()}
    return JSONResponse({"status": ready.value, "checks": said}, 503 if ready is Readiness.UNREADY else 200)


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
