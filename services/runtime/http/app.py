"""The application: what the processes serve, and what every process serves."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from services.runtime.edge import Edge
from services.runtime.http import everywhere
from services.runtime.http.health import Health
from services.runtime.http.limits import FormRates
from services.runtime.http.passage import Passage
from services.runtime.http.problems import (
    Internal,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    Problem,
    ProblemResponse,
    Unavailable,
)
from services.runtime.http.route import Route
from services.runtime.process import Process


class Application(FastAPI):
    """FastAPI, which is passed by where a path is told whole: our routes answer by themselves."""

    def __init__(self, edge: Edge, **options: Any) -> None:
        super().__init__(middleware=[Middleware(Passage, edge=edge)], **options)
        self._passage = Passage(_answered, edge)
        self._whole: Mapping[tuple[str, str], Route] = {}

    def composed(self) -> None:
        """All routes are there: learn which of them have a path without parameters, and are the first to match it."""
        self._whole = {
            (method, route.path): route
            for route in self.routes
            if isinstance(route, Route) and "{" not in route.path
            for method in route.methods or ()
            if self._first({"type": "http", "method": method, "path": route.path}) is route
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._whole.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await super().__call__(scope, receive, send)
        else:
            await self._passage({**scope, "app": self, "route": route}, receive, send)

    def _first(self, scope: Scope) -> BaseRoute | None:
        return next((route for route in self.routes if route.matches(scope)[0] is Match.FULL), None)


async def _answered(scope: Scope, receive: Receive, send: Send) -> None:
    """Let the route answer."""
    response = await scope["route"].answer(Request(scope, receive, send))
    await response(scope, receive, send)


def build_app(edge: Edge, processes: Sequence[Process]) -> Application:
    """Compose the routes of these processes, each router once, with health, metrics and documents."""
    app = Application(
        edge,
        title="Leadgate",
        version=version("leadgate"),
        openapi_url=None,  # we serve the documents ourselves, without a CDN
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _http_exception},
    )
    app.state.edge = edge
    app.state.form_rates = FormRates()
    app.state.health = Health(edge, processes)
    app.state.acting = {}
    for process, router in _once(processes):
        app.router.routes.extend(router.routes)  # flat: each route is matched once
        app.state.acting.update({id(route): process.name for route in router.routes})
    app.router.routes.extend(everywhere.routes.routes)  # last: routes are tried in order, and these are in no hurry
    app.composed()
    return app


def _once(processes: Sequence[Process]) -> list[tuple[Process, APIRouter]]:
    """Each router once, with the first process that serves it: processes share some."""
    every = [(process, router) for process in processes for router in process.routes]
    return list({id(router): (process, router) for process, router in reversed(every)}.values())[::-1]


async def _http_exception(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses, as a problem."""
    assert isinstance(error, HTTPException), "registered for this"
    problem: Problem
    match error.status_code:
        case 404:
            problem = NotFound()
        case 405:
            problem = MethodNotAllowed(request.method, _allowed(request))
        case 400:
            problem = MalformedBody("The request cannot be read.")
        case 503:
            problem = Unavailable()
        case _:
            problem = Internal()
    return ProblemResponse(problem, request.scope["leadgate.request_id"])


def _allowed(request: Request) -> set[str]:
    """The methods of all routes with this path."""
    allowed: set[str] = set()
    for route in request.app.routes:
        matches, _ = route.matches(request.scope)
        if matches is not Match.NONE:
            allowed |= getattr(route, "methods", None) or set()
    return allowed | ({"HEAD"} if "GET" in allowed else set())
