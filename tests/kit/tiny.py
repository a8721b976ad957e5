"""A tiny application with an endpoint of each kind, to try the conventions of HTTP on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import httpx
from fastapi import APIRouter, FastAPI
from pydantic import ConfigDict, Field
from sqlalchemy import func, insert, select, text
from starlette.responses import Response, StreamingResponse

from schemas.api.page import ListQuery, Page
from schemas.api.shape import Ask, Said
from schemas.api.values import Happened, Instant, LongText, MoneyIn
from schemas.events.stamp import Moment
from schemas.words import Channel, PrincipalKind
from services.runtime import keys
from services.runtime.edge import Edge
from services.runtime.http import keys as key_endpoints
from services.runtime.http.app import build_app
from services.runtime.http.call import Call
from services.runtime.http.problems import Conflict, Internal, LimitReached, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.ids import mint
from services.runtime.keys import NewKey
from services.runtime.process import Process
from services.runtime.tables import dead_letters
from services.runtime.tx import ReadTx, Tx

TARGET = "/v1/things/thg_1/notes"
ORIGIN = "https://form.example"
routes = APIRouter(route_class=Route, tags=["things"])


class Address(Ask):
    country: str = Field(max_length=2)
    city: str | None = None


class NoteIn(Ask):
    """A note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "called", "employees": 12}]})

    text: LongText
    employees: int | None = Field(None, ge=0, le=10_000_000)
    channel: Channel | None = None
    at: Happened | None = None
    next_at: Instant | None = None
    value: MoneyIn | None = None
    addresses: Annotated[list[Address], Field(max_length=3)] = []
    custom: dict[str, str | float | bool | None] = {}


class NoteOut(Said):
    id: str
    text: str
    at: Moment
    count: int


class Won(Ask):
    outcome: Literal["won"]
    value: MoneyIn


class Lost(Ask):
    outcome: Literal["lost"]
    reason: str


class Listed(ListQuery):
    channel: Channel | None = None
    source: list[str] = []


async def _write(tx: Tx, words: str) -> None:
    """Something durable: a row in a table that this application does not use otherwise."""
    row = {"id": mint("dlq", tx.now), "topic": words, "partition": 0, "offset": 0, "consumer": "tiny"}
    await tx.execute(insert(dead_letters).values(**row, reason="", key="", headers={}, failed_at=tx.now))


async def written(edge: Edge, words: str) -> int:
    """How many rows were written with this text."""
    async with edge.database.read() as tx:
        counted = await tx.value(select(func.count()).select_from(dead_letters).where(dead_letters.c.topic == words))
    return int(counted)


@routes.post("/v1/things/{thing_id}/notes", status_code=201)
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def add_note(call: Call, thing_id: str, body: NoteIn, tx: Tx) -> NoteOut:
    """Add a note.

    It is kept.
    """
    if thing_id != "thg_1":
        raise NotFound
    if call.holder_token() not in (None, 7):
        raise Conflict("claim_lost", "The token is not the current one.", state="expired")
    await _write(tx, body.text)
    if body.text == "full":
        raise LimitReached("in_hand", maximum=3, current=3)
    call.headers["Location"] = f"/v1/things/{thing_id}/notes/1"
    return NoteOut(id="note_1", text=body.text, at=tx.now, count=1)


@routes.post("/v1/things/{thing_id}/end")
@allow(PrincipalKind.REP)
async def end(
    call: Call, thing_id: str, body: Annotated[Won | Lost, Field(discriminator="outcome")], tx: Tx
) -> NoteOut | None:
    """End it."""
    if isinstance(body, Lost) and body.reason == "nothing":
        call.status = 204
        return None
    return NoteOut(id=thing_id, text=body.outcome, at=tx.now, count=1)


@routes.post("/v1/things/{thing_id}/heartbeat")
@allow(PrincipalKind.REP)
async def heartbeat(call: Call, thing_id: str, tx: Tx) -> NoteOut:
    """Go on."""
    return NoteOut(id=thing_id, text="", at=tx.now, count=0)


@routes.post("/v1/things/{thing_id}/clash")
@allow(PrincipalKind.MANAGER)
async def clash(call: Call, thing_id: str, tx: Tx) -> NoteOut:
    """Meets other transactions as often as `thing_id` says, and what it wrote until then is undone."""
    call.request.state.met = met = getattr(call.request.state, "met", 0) + 1
    await _write(tx, "clash")
    if met <= int(thing_id):
        state = "40001" if met % 2 else "40P01"
        await tx.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"))
    return NoteOut(id=thing_id, text="", at=tx.now, count=met)


@routes.get("/v1/things")
@allow(PrincipalKind.MANAGER)
async def things(call: Call, query: Listed, tx: ReadTx) -> Page[NoteOut]:
    """List."""
    begin = int(call.after[0]) if call.after else 0
    rows = list(range(begin, 7))[: query.limit + 1]
    return call.page(
        rows,
        query.limit,
        out=lambda row: NoteOut(id=f"note_{row}", text="", at=tx.now, count=row),
        place=lambda row: (str(row + 1),),
    )


@routes.get("/v1/others")
@allow(PrincipalKind.MANAGER)
async def others(call: Call, query: Listed, tx: ReadTx) -> Page[NoteOut]:
    """Another list."""
    return Page(data=[], next_cursor=None)


@routes.post("/v1/raw")
@allow(PrincipalKind.SERVICE, idempotent=False, limit_bytes=1000, media=("application/x-ndjson",))
async def raw(call: Call, body: bytes) -> Response:
    """Takes bytes as they are."""
    return Response(body, media_type="application/x-ndjson")


def _finish(call: Call, response: Response) -> Response:
    if call.signed_in is not None:
        response.headers["Access-Control-Allow-Origin"] = ORIGIN
    return response


@routes.post("/v1/forms/{key}")
@allow(
    PrincipalKind.FORM,
    idempotent=False,
    media=("application/x-www-form-urlencoded", "application/json"),
    finish=_finish,
)
async def form(call: Call, key: str, body: bytes) -> NoteOut:
    """Of a web form."""
    return NoteOut(id=call.principal.key_id, text=str(call.principal.source), at=call.now, count=len(body))


@routes.get("/v1/broken")
@allow(public=True)
async def broken(call: Call) -> NoteOut:
    """Fails."""
    raise RuntimeError("secret detail of ours")


@routes.get("/v1/stream")
@allow(public=True)
async def stream(call: Call) -> Response:
    """Goes on until the caller leaves."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    return StreamingResponse(endless())


async def _any_rep(tx: ReadTx, rep_id: str) -> bool:
    return rep_id != "rep_" + "z" * 26


def tiny(edge: Edge) -> FastAPI:
    """The application."""
    return build_app(edge, [Process("tiny", routes=[routes, key_endpoints.routes(_any_rep)])])


async def key_of(edge: Edge, kind: PrincipalKind, **more: object) -> str:
    """A new live key of this kind."""
    given: dict[str, object] = {
        PrincipalKind.FORM: {"source": "web"},
        PrincipalKind.SERVICE: {"source": "crm"},
        PrincipalKind.REP: {"rep_id": "rep_" + "0" * 26},
        PrincipalKind.MANAGER: {"name": "Mo"},
        PrincipalKind.ADMIN: {"name": "ops"},
    }[kind]
    async with edge.database.tx() as tx:
        _, secret = await keys.create(tx, edge.keyring, NewKey(kind, **{**given, **more}))  # type: ignore[arg-type]
    return secret


@asynccontextmanager
async def calling(app: FastAPI, key: str | None = None, **more: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, with this key."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers, **more) as client:  # type: ignore[arg-type]
        yield client


__all__ = ["Internal", "calling", "key_of", "tiny", "written"]
