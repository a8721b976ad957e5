"""A PostgreSQL that hangs is an outage: its own time-outs cannot act, and nobody waits for it for long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, ExitStack

import httpx
import pytest
from kit.clock import ManualClock
from kit.desks import POLICY, Desks
from kit.frozen import frozen
from kit.intake import FOR_PROGRAMS, submitted
from kit.routing import Routing
from kit.tiny import calling, key_of
from kit.waiting import until
from sqlalchemy import select, text

from schemas.words import PrincipalKind, SourceName
from services.desk.process import build as desk
from services.ingest.process import build as ingest
from services.runtime import database as edges
from services.runtime.embedded import Embedded
from services.runtime.failures import Failure, failure
from services.runtime.http import route
from services.runtime.http.app import build_app
from services.runtime.run import Edge, open_edge
from services.store import tables as t

pytestmark = pytest.mark.faults
ANN = {"contact": {"email": "ann@example.com"}}
NO_ANSWER = {"channel": "phone", "outcome": "no_answer"}
IN_GOOD_TIME = 12
"""Seconds: what is promised, and something for a machine with much else to do."""


@pytest.fixture
async def own_desks(own_edge: Edge, clock: ManualClock) -> AsyncIterator[Desks]:
    routing = Routing(own_edge)
    await routing.publish(POLICY)
    desks = Desks(own_edge, clock, build_app(own_edge, [ingest(own_edge), desk(own_edge)]), routing)
    async with desks.stack:
        yield desks


async def test_who_calls_is_told_503_in_good_time_and_all_goes_on_when_it_goes_on(
    own_server: Embedded, own_edge: Edge, own_desks: Desks
) -> None:
    ann, idle = await own_desks.rep("inbound/main"), await own_desks.rep("inbound/second")
    form = f"/v1/forms/{await key_of(own_edge, PrincipalKind.FORM)}"
    crm = await own_desks.caller(PrincipalKind.SERVICE, source=SourceName("crm"))
    await own_desks.lead()
    hold = await ann.take("inbound")
    await own_edge.access.refresh()
    before = await crm.post("/v1/leads/inbound", ANN, key="before")
    waiting = asyncio.create_task(idle.pull("inbound", wait=60))

    async def waits() -> bool:
        return bool(own_edge.wake._waiters.get("queue:inbound/second"))

    await until(waits)

    async def late() -> httpx.Response:
        await asyncio.sleep(3)
        return await in_good_time(crm.post("/v1/leads/inbound", ANN, key="late"))

    with frozen(own_server):
        async with calling(own_desks.app) as browser:
            asks = {
                "a pull that waits": in_good_time(waiting),
                "intake": in_good_time(crm.post("/v1/leads/inbound", ANN, key="during")),
                "a form": in_good_time(browser.post(form, data=ANN["contact"], headers=FOR_PROGRAMS)),
                "a pull": in_good_time(ann.pull("inbound")),
                "an attempt": in_good_time(hold.act("attempts", NO_ANSWER)),
                "a receipt": in_good_time(crm.get(f"/v1/leads/{before.json()['id']}")),
                "intake, while another append waits": late(),
            }
            answers = await asyncio.gather(*asks.values())
        for name, answer in zip(asks, answers, strict=True):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), name
            assert int(answer.headers["Retry-After"]) >= 1, name
    assert (await crm.post("/v1/leads/inbound", ANN, key="during")).status_code == 202
    assert (await hold.act("attempts", NO_ANSWER)).status_code == 201
    assert {lead.id for lead in await submitted(own_edge)} >= {before.json()["id"]}


async def in_good_time(ask: Awaitable[httpx.Response]) -> httpx.Response:
    async with asyncio.timeout(IN_GOOD_TIME):
        return await ask


async def test_a_request_in_mid_transaction_is_told_so_too(
    own_server: Embedded, own_edge: Edge, own_desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "AT_MOST", 2.0)
    ann = await own_desks.rep("inbound/main")
    await own_desks.lead()
    hold = await ann.take("inbound")
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    async with own_edge.database.tx() as tx:
        await tx.fetch(select(t.leads).where(t.leads.c.id == hold.lead).with_for_update())
        asking = asyncio.create_task(hold.act("attempts", NO_ANSWER))

        async def waits() -> bool:
            async with own_edge.database.read() as look:
                return bool(await look.value(waiting))

        await until(waits, within=1.5)
        with frozen(own_server):
            async with asyncio.timeout(IN_GOOD_TIME):
                assert (await asking).status_code == 503
    assert await own_desks.told(hold.lead, "item.attempted") == []


async def test_a_block_that_is_cancelled_ends_though_its_rollback_is_not_answered(
    own_server: Embedded, own_edge: Edge
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with own_edge.database.tx():
            begun.set()
            await go_on.wait()

    task = asyncio.create_task(work())
    await begun.wait()
    with frozen(own_server):
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()
    async with own_edge.database.tx() as tx:
        assert tx.now


async def test_a_statement_that_is_never_answered_is_given_up_after_postgresql_would_have_ended_it(
    own_server: Embedded, own_edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert edges._UNANSWERED > edges._STATEMENT
    monkeypatch.setattr(edges, "_UNANSWERED", 1)
    async with opened_again(own_edge) as edge, asyncio.timeout(IN_GOOD_TIME):
        with pytest.raises(Exception) as raised, ExitStack() as stack:  # noqa: PT011 - its kind is what counts
            async with edge.database.tx() as tx:
                stack.enter_context(frozen(own_server))
                await tx.value(text("SELECT 1"))
        assert failure(raised.value) is Failure.OUTAGE


async def test_closing_does_not_wait_for_it(own_server: Embedded, own_edge: Edge) -> None:
    with ExitStack() as stack:
        async with asyncio.timeout(IN_GOOD_TIME) as limit, opened_again(own_edge) as edge:
            async with edge.database.read(), edge.database.read(), edge.database.read():
                """All three connections are there."""
            stack.enter_context(frozen(own_server))
            limit.reschedule(asyncio.get_running_loop().time() + 2)


def opened_again(edge: Edge) -> AbstractAsyncContextManager[Edge]:
    """Another edge to the same database."""
    url = edge.settings.database_url
    assert url is not None
    return open_edge(edge.settings, url, edge.keyring, size=3)
