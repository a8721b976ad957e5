"""The one route: the contract's checks, in the contract's order, before any transaction opens.

An endpoint is written like this; the types of its parameters say what it wants (`plan.py`), `@allow` who may call it:

    routes = APIRouter(route_class=Route, tags=["claims"])

    @routes.post("/v1/claims/{claim_id}/attempts", status_code=201)
    @allow(PrincipalKind.REP)
    async def attempt(call: Call, claim_id: str, body: AttemptIn, tx: Tx) -> AttemptOut: ...

Order: route 404, 405 · 401 · 403 · 429 · 413 · 415 · 400 · 422 · stored replay · the endpoint (object 404 · 428 · 409).
A `tx: Tx` is opened after the 422s; the answer is written, and under an Idempotency-Key stored, in it; it is committed;
then the answer is sent. So bad input has its 4xx while PostgreSQL is down, and an answer that was sent is true.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from services.runtime.failures import Failure, failure, sqlstate
from services.runtime.http import admission, idempotency
from services.runtime.http.body import JSON, ClientGone, media_type_of, odd, parse, read
from services.runtime.http.call import Call
from services.runtime.http.cursors import filters_of, unseal
from services.runtime.http.headers import claim_token_of, idempotency_key_of
from services.runtime.http.mistakes import body_mistakes
from services.runtime.http.plan import Plan, described
from services.runtime.http.problems import (
    Internal,
    Invalid,
    MalformedBody,
    Mistake,
    NotFound,
    Problem,
    ProblemResponse,
    Unavailable,
)
from services.runtime.http.query import parameters_of, validated
from services.runtime.http.rule import rule_of
from services.runtime.trace import acting, process
from services.runtime.tx import Tx

WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
MET: Final = frozenset({"40001", "40P01"})
"""SQLSTATEs of a transaction that met another (serialisation failure, deadlock) and may run again at once."""
TRIES: Final = 3
AT_MOST: Final = 8.0
"""Seconds for a transaction of a request: who calls is told in good time that the database hangs."""
Parsed = dict[str, Any]
NO_STORE: Final = "no-store"

_NO_STORE: Final = {"Cache-Control": NO_STORE}

log = structlog.get_logger("leadgate.http")


class Route(APIRoute):
    """FastAPI knows the path and describes the endpoint; this does the rest itself."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.rule = rule_of(endpoint)
        self.plan = Plan.of(endpoint)
        self.listed = self.plan.listed
        self.act = endpoint
        storing = self.plan.tx_name is not None and not self.plan.reads and not self.plan.raw
        if "POST" in (options.get("methods") or ()) and self.rule.kinds and self.rule.idempotent and not storing:
            raise TypeError(f"POST {path} keeps no answer for an Idempotency-Key: say allow(…, idempotent=False)")
        shown, options = described(endpoint, self.plan, self.rule, options)
        super().__init__(path, shown, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.answer

    async def answer(self, request: Request) -> Response:
        """Answer, whatever comes: with a problem where it fails."""
        scope = request.scope
        state = scope["app"].state
        call = Call(state.edge, request, scope["leadgate.request_id"], scope["leadgate.now"])
        try:
            with acting(state.acting.get(id(self)) or process()):
                response = await self._checked(call)
        except ClientGone:
            return Response(status_code=499)  # nobody hears it; operators count it
        except Exception as error:
            response = ProblemResponse(_problem_of(error, request), call.request_id)
        return response if self.rule.finish is None else self.rule.finish(call, response)

    async def _checked(self, call: Call) -> Response:
        request, rule, plan = call.request, self.rule, self.plan
        method, path_params = request.scope["method"], request.scope.get("path_params")
        if path_params and any(odd(value) for value in path_params.values()):
            raise NotFound
        await admission.admit(call, rule)
        raw = b""
        if method in WITH_BODY:
            raw = await read(request, rule.limit_bytes)
            media_type_of(request, rule.media, required=bool(raw))
        call.idempotency_key = idempotency_key_of(request) if method == "POST" else None
        call.claim_token = claim_token_of(request)
        parameters = parameters_of(request)
        if self.listed:
            filters = filters_of(request.scope["path"], parameters)
            cursor = parameters.get("cursor")
            call.at(unseal(call.edge.keyring, filters, cursor[0]) if cursor else None, filters)
        context = {"now": call.now}
        body, mistakes, parsed = self._body(request, raw, context)
        query, wrong = validated(plan.query, parameters, context)
        if wrong and plan.raw and rule.media == (JSON,):
            mistakes = parse(raw)[1]  # the endpoint would read it too late: 400 comes before 422
        if mistakes or wrong:
            raise Invalid([*wrong, *mistakes])
        named = ((plan.call_name, call), (plan.body_name, body), (plan.query_name, query))
        given: dict[str, Any] = {name: value for name, value in named if name is not None}
        if path_params:
            given.update(path_params)
        if plan.tx_name is None:
            return self._written(call, await self.act(**given))
        async with asyncio.timeout(AT_MOST):
            return await self._within(call, plan.tx_name, given, parsed)

    def _body(self, request: Request, raw: bytes, context: dict[str, Any]) -> tuple[Any, list[Mistake], Parsed]:
        """The body as the endpoint wants it, what is wrong with it, and what it says."""
        if request.method not in WITH_BODY or self.plan.raw:
            return raw, [], {}
        adapter = self.plan.body
        if not raw and self.plan.body_needed:
            raise MalformedBody("A body is needed: a JSON object.")
        raw = raw or b"{}"
        parsed, odd_places = parse(raw)
        if odd_places:
            return None, odd_places, parsed
        try:
            body = adapter.validator.validate_json(raw, strict=True, context=context)
        except ValidationError as error:
            return None, body_mistakes(error, self.plan.body_model, parsed), parsed
        return body, [], parsed

    async def _within(self, call: Call, tx_name: str, given: dict[str, Any], parsed: Parsed) -> Response:
        """Act in a transaction."""
        database = call.edge.database
        if self.plan.reads:
            async with database.read() as look:
                return self._written(call, await self.act(**given, **{tx_name: look}))
        for again in reversed(range(TRIES)):
            try:
                async with database.tx() as tx:
                    return await self._once(call, given, parsed, tx)
            except Exception as error:
                if not (again and sqlstate(error) in MET):
                    raise
                call.status, call.headers = None, {}
        raise AssertionError("the last try returns or raises")

    async def _once(self, call: Call, given: dict[str, Any], parsed: Parsed, tx: Tx) -> Response:
        """Act, or answer as before: once for each Idempotency-Key."""
        if call.idempotency_key is None or not self.rule.idempotent or call.signed_in is None:
            return self._written(call, await self.act(**given, **{str(self.plan.tx_name): tx}))
        path: str = call.request.scope["path"]
        same = idempotency.Request(
            call.principal.identity, call.request.method, path, call.idempotency_key, idempotency.digest_of(parsed)
        )
        stored = await idempotency.replay(tx, same)
        if stored is not None:
            return stored
        response = self._written(call, await self.act(**given, **{str(self.plan.tx_name): tx}))
        await idempotency.keep(tx, same, response)
        return response

    def _written(self, call: Call, result: object) -> Response:
        """What the endpoint returned, as a response."""
        status = call.status or self.status_code
        if isinstance(result, Response):
            result.headers.update(call.headers)
            result.headers.setdefault("Cache-Control", NO_STORE)
            return result
        headers = {"Cache-Control": NO_STORE, **call.headers} if call.headers else _NO_STORE
        if result is None:
            return Response(status_code=status or 204, headers=headers)
        if not isinstance(result, BaseModel):
            raise TypeError(f"{self.name} returned {type(result).__name__}: it must be a model, a response or None")
        return Response(result.__pydantic_serializer__.to_json(result), status or 200, headers, JSON)


def _problem_of(error: Exception, request: Request) -> Problem:
    """What the caller is told of an error. Of ours, nothing but that it is in the log."""
    if isinstance(error, Problem):
        return error
    if failure(error) is Failure.OUTAGE:
        log.warning("database_unavailable", method=request.method, error=type(error).__name__)
        return Unavailable()
    log.error("failed", method=request.method, error=type(error).__name__, exc_info=error)
    return Internal()
