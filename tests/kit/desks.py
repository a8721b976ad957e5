"""The desk at work on a test's database: reps and managers who call it over HTTP, and leads to work on."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from kit.clock import ManualClock
from kit.routing import Routing
from kit.submissions import submission
from kit.tiny import calling, key_of
from schemas.words import Direction, PrincipalKind, QueueName
from services.desk.process import build
from services.runtime.edge import Edge
from services.runtime.http.app import build_app
from services.store import reps
from services.store import tables as t

POLICY = """
version: 1
currency: GBP
timezone: Europe/London
calendars:
  always: {zone: UTC, hours: always}
  london: {zone: Europe/London, hours: {mon-fri: "09:00-17:30"}, holidays: GB-ENG}
rank_credit: {list: 0h, normal: 1h, high: 1d, hot: 7d}
rules:
  - {name: ready, when: {intent: buy}, then: {qualify: auto, priority: hot, queue: closing/uk}}
  - {name: trial, when: {intent: trial}, then: {qualify: bypass, queue: closing/uk}}
  - {name: asleep, when: {intent: asleep}, then: {nurture: 90d}}
  - {name: field, when: {intent: visit}, then: {qualify: auto, queue: closing/field}}
  - {name: prospect, when: {direction: outbound}, then: {qualify: by-rep, queue: outbound/main}}
  - {name: urgent, when: {intent: urgent}, then: {qualify: by-rep, priority: high, queue: inbound/main, sla: 5m}}
  - {name: enquiry, when: {direction: inbound}, then: {qualify: by-rep, queue: inbound/main, sla: 5m}}
handover:
  - {name: abroad, when: {not: {company.country: [GB, IE]}}, then: {queue: closing/field}}
fallback: {inbound: inbound/main, outbound: outbound/main, handover: closing/uk}
tasks: {quote: service/main, support: service/main, solution_design: engineering/main}
desks:
  inbound:
    queues:
      main: {calendar: always, in_hand: 3, lease: 15m}
      second: {calendar: always, lease: 15m}
  outbound: {queues: {main: {calendar: always, lease: 1h}}}
  closing:
    queues:
      uk:
        {calendar: london, in_hand: 2, open: 3, lease: 3 working days, next_step: 2 working days, grace: 2 working days,
         release: {at: "08:30", buffer: {fixed: 2}}}
      field: {calendar: always, lease: 4h, grace: 2h}
  service: {queues: {main: {calendar: always, lease: 4h}}}
  engineering: {queues: {main: {calendar: always, lease: 8h}}}
  customer:
    queues:
      main: {calendar: london, lease: 5 working days, next_step: 20 working days, grace: 5 working days}
"""
"""`intent`: asleep is nurtured; buy (hot) and trial (nobody qualified it) make opportunities of `closing/uk`, visit
of `closing/field`."""
GBP = {"amount": 1250000, "currency": "GBP"}


@dataclass
class Caller:
    """Somebody with a key."""

    client: httpx.AsyncClient
    id: str | None = None
    """Of a rep."""

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query)

    async def post(
        self, path: str, body: Any = None, *, token: int | None = None, key: str | None = None
    ) -> httpx.Response:
        return await self.client.post(path, json={} if body is None else body, headers=_headers(token, key))

    async def patch(self, path: str, body: Any, *, token: int | None = None) -> httpx.Response:
        return await self.client.patch(path, json=body, headers=_headers(token, None))

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.client.put(path, json=body)

    async def pull(self, desk: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        return await self.post(f"/v1/desks/{desk}/pull", body, key=key)

    async def take(self, desk: str, **body: Any) -> "Hold":
        """Pull, and get something."""
        response = await self.pull(desk, **body)
        assert response.status_code == 200, response.text
        return Hold(self, response.json())


@dataclass
class Hold:
    """What a rep pulled: to act on with its token."""

    rep: Caller
    said: dict[str, Any]

    @property
    def claim(self) -> str:
        return str(self.said["claim"]["id"])

    @property
    def token(self) -> int:
        return int(self.said["claim"]["token"])

    @property
    def item(self) -> str:
        return str(self.said["item"]["id"])

    @property
    def lead(self) -> str:
        return str(self.said["item"]["lead"]["id"])

    @property
    def opportunity(self) -> str:
        return str(self.said["item"]["opportunity"]["id"])

    async def act(self, what: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        """`heartbeat attempts next-step complete return`."""
        return await self.rep.post(f"/v1/claims/{self.claim}/{what}", body, token=self.token, key=key)

    async def attempt(self, outcome: str = "no_answer", **body: Any) -> dict[str, Any]:
        return ok(await self.act("attempts", {"channel": "phone", "outcome": outcome, **body}), 201)

    async def qualify(self, **body: Any) -> dict[str, Any]:
        return ok(await self.act("complete", {"outcome": "qualified", **body}))

    async def deal(self, what: str, body: Any, *, key: str | None = None) -> httpx.Response:
        """`meetings proposal-requests proposals won lost`."""
        path = f"/v1/opportunities/{self.opportunity}/{what}"
        return await self.rep.post(path, body, token=self.token, key=key)

    async def meeting(self, meeting: str, body: Any) -> httpx.Response:
        path = f"/v1/opportunities/{self.opportunity}/meetings/{meeting}"
        return await self.rep.patch(path, body, token=self.token)


@dataclass
class Desks:
    """The process, who calls it, and what lies there."""

    edge: Edge
    clock: ManualClock
    app: FastAPI
    routing: Routing
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    people: int = 0

    async def caller(self, kind: PrincipalKind, **more: Any) -> Caller:
        key = await key_of(self.edge, kind, **more)
        client = await self.stack.enter_async_context(calling(self.app, key))
        return Caller(client, more.get("rep_id"))

    async def rep(self, *queues: str, name: str = "Ann", **more: Any) -> Caller:
        async with self.edge.database.tx() as tx:
            made = await reps.create(tx, name=name, queues=[QueueName(q) for q in queues], zone="Europe/London", **more)
        return await self.caller(PrincipalKind.REP, rep_id=made.id)

    async def manager(self, *desks: str) -> Caller:
        self.people += 1
        return await self.caller(PrincipalKind.MANAGER, desks=tuple(desks), name=f"Mo {self.people}")

    async def lead(self, intent: str = "demo", *, email: str | None = None, **said: Any) -> str:
        """A new lead of somebody new, routed; its id."""
        self.people += 1
        address = email or f"person{self.people}@example.com"
        submitted = submission(self.edge.keyring, self.clock.now(), email=address, intent=intent, **said)
        await self.routing.batch(submitted)
        self.later(milliseconds=1)  # so that what comes later is later
        return str(submitted.id)

    async def prospect(self, **said: Any) -> str:
        return await self.lead(direction=Direction.OUTBOUND, **said)

    def later(self, **by: float) -> None:
        self.clock.move(timedelta(**by))

    async def row(self, table: Any, id_: str) -> dict[str, Any]:
        (row,) = await self.routing.rows(select(table).where(table.c.id == id_))
        return row

    async def lead_row(self, lead: str) -> dict[str, Any]:
        return await self.row(t.leads, lead)

    async def item_of(self, lead: str) -> dict[str, Any]:
        """The last item of a lead."""
        rows = await self.routing.rows(select(t.items).where(t.items.c.lead_id == lead).order_by(t.items.c.id))
        return rows[-1]

    async def told(self, lead: str, name: str | None = None) -> list[Any]:
        """The events of a lead: their names; or the data of those of one name."""
        events = await self.routing.events(lead)
        return [each for each, _ in events] if name is None else [data for each, data in events if each == name]


@asynccontextmanager
async def desks_of(edge: Edge, clock: ManualClock, policy: str = POLICY) -> AsyncIterator[Desks]:
    """A desk process under a policy."""
    routing = Routing(edge)
    await routing.publish(policy)
    desks = Desks(edge, clock, build_app(edge, [build(edge)]), routing)
    async with desks.stack:
        yield desks


def ok(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """What was answered, if it went as it should."""
    assert response.status_code == status, response.text
    said: dict[str, Any] = response.json()
    return said


def refused(response: httpx.Response, status: int, code: str, **more: Any) -> dict[str, Any]:
    """The problem that was answered, which has these members."""
    assert response.status_code == status, response.text
    said: dict[str, Any] = response.json()
    assert said["code"] == code, said
    assert {name: said.get(name) for name in more} == more
    return said


def mistakes(response: httpx.Response) -> list[tuple[str, str]]:
    """The places and codes of what was wrong with a body."""
    return [(mistake["pointer"], mistake["code"]) for mistake in refused(response, 422, "invalid")["errors"]]


def _headers(token: int | None, key: str | None) -> dict[str, str]:
    sent = {"Leadgate-Claim-Token": None if token is None else str(token), "Idempotency-Key": key}
    return {name: value for name, value in sent.items() if value is not None}
