"""What every request passes, in and out: its id and trace, HEAD, and a last net for errors."""

import logging
from collections.abc import Awaitable
from time import perf_counter
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.edge import Edge
from services.runtime.http.headers import REQUEST_ID, TRACEPARENT, first, request_id_of, traceparent_of
from services.runtime.http.problems import Internal, ProblemResponse
from services.runtime.trace import Trace, following

QUIET: Final = frozenset({"/livez", "/readyz", "/metrics", "/static/{version}/{name}"})
"""What machines ask all the time: answered without a line in the log."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""What is counted by name: a caller may make up others without end."""

_REQUEST_ID: Final = REQUEST_ID.lower().encode()
_TRACEPARENT: Final = TRACEPARENT.lower().encode()

log = structlog.get_logger("leadgate.http")
_logger = logging.getLogger("leadgate.http")


class Passage:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        self._app = app
        self._edge = edge
        self._known: dict[tuple[str, str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        now = self._edge.clock.now()
        request_id = request_id_of(first(scope, _REQUEST_ID), now)
        traceparent = traceparent_of(first(scope, _TRACEPARENT))
        answer = _Answer(scope, send, request_id, traceparent)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        # A copy: the server looks at its own again, to know whether a body has to follow.
        scope = {**scope, "leadgate.request_id": request_id, "leadgate.now": now, "method": method}
        began = perf_counter()
        with following(Trace(request_id, traceparent)):
            try:
                await self._app(scope, receive, answer.send)
            except Exception as error:
                if not answer.cut:
                    log.error("failed", method=scope["method"], error=type(error).__name__, exc_info=error)
                if not answer.status:
                    await ProblemResponse(Internal(), request_id)(scope, receive, answer.send)
            finally:
                if answer.status:
                    self._note(scope, answer.status, perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log the answer, by the template of its path: the path itself holds ids."""
        matched = scope.get("route")
        route = getattr(matched, "path_format", "unmatched")
        process = scope["app"].state.acting.get(id(matched), "http") if "app" in scope else "http"
        method = scope["method"] if scope["method"] in METHODS else "other"
        requests, took = self._counters(process, method, route, status)
        requests.inc()
        took.observe(seconds)
        level = logging.DEBUG if route in QUIET else logging.INFO
        if _logger.isEnabledFor(level):
            log.log(level, "answered", method=method, route=route, status=status, ms=round(seconds * 1000, 1))

    def _counters(self, process: str, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Those of an answer, remembered: the library takes longer to find than to count."""
        name = (process, method, route, status)
        known = self._known.get(name)
        if known is None:
            telemetry = self._edge.telemetry
            known = self._known[name] = (
                telemetry.requests.labels(process, method, route, str(status)),
                telemetry.request_seconds.labels(process, route),
            )
        return known


class _Answer:
    """The answer on its way out: with the headers of every answer, and to a HEAD without its body."""

    def __init__(self, scope: Scope, send: Send, request_id: str, traceparent: str) -> None:
        self._send = send
        self._headers = (
            (_REQUEST_ID, request_id.encode()),
            (_TRACEPARENT, traceparent.encode()),
            (b"x-content-type-options", b"nosniff"),
        )
        self._bodiless = scope["method"] == "HEAD"
        self.status = 0
        self.cut = False
        """A stream was ended after its headers, which are all that a HEAD asks for."""

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._headers]
        elif self._bodiless and message["type"] == "http.response.body":
            self.cut = message.get("more_body", False)
            return self._end()
        return self._send(message)

    async def _end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})
        if self.cut:
            raise OSError("the caller wants no body")  # as a server says that the caller left
