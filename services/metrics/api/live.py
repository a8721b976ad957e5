"""The live stream's endpoint."""

from fastapi import APIRouter
from starlette.responses import Response

from schemas.api.questions import Filters as Asked
from schemas.words import PrincipalKind
from services.metrics.api.asked import desks_of, wanted
from services.metrics.stream import EventStream, Filters, told
from services.metrics.tail import Tail
from services.runtime.http.call import Call
from services.runtime.http.route import Route
from services.runtime.http.rule import allow


def stream_routes(tail: Tail) -> APIRouter:
    routes = APIRouter(route_class=Route, tags=["metrics"])

    @routes.get(
        "/v1/metrics/stream",
        responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events, until you leave."}},
    )
    @allow(PrincipalKind.MANAGER)
    async def stream(call: Call, query: Asked) -> Response:
        """Follow the numbers live.

        Events: `series`, a record as in the `metrics.*` topics, whose id is its revision; `freshness`; and `reset`,
        after which you fetch anew, where the `Last-Event-ID` that you sent is too old. Series are not kept by segment:
        that filter narrows nothing here.
        """
        desks, key = desks_of(call.principal), call.principal.key_id
        filters = Filters(wanted(query), frozenset(desks) if desks else None)
        last = call.request.headers.get("last-event-id")

        async def live() -> bool:
            return await call.edge.access.of_key_id(key) is not None

        return EventStream(told(call.edge, tail, filters, last, live))

    return routes
