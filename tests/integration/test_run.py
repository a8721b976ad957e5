"""A process serves, works, is watched over, and stops in order."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import APIRouter
from kit.waiting import becomes

from services.runtime.edge import Edge
from services.runtime.exits import Stuck, Unavailable
from services.runtime.http.call import Call
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.process import Process, Task
from services.runtime.run import bind, every, run, url_of

Started = Callable[..., Awaitable[tuple["asyncio.Task[None]", str]]]


@pytest.fixture
async def start(edge: Edge) -> AsyncIterator[Started]:
    """Start a process with these tasks on any free port; the running task and the URL."""
    running: list[asyncio.Task[None]] = []

    async def started(*routes: APIRouter, **tasks: Task) -> tuple["asyncio.Task[None]", str]:
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def ready(at: str) -> None:
            url.set_result(at)

        process = Process("test", routes=routes, tasks=tasks)
        running.append(asyncio.create_task(run(edge, [process], "127.0.0.1", 0, ready)))
        await asyncio.wait([running[0], url], return_when=asyncio.FIRST_COMPLETED)
        return running[0], url.result() if url.done() else ""

    yield started
    for task in running:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def forever() -> None:
    await asyncio.Event().wait()


async def test_it_is_ready_once_it_answers(start: Started) -> None:
    _, url = await start()
    async with httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/livez")).status_code == 200


async def test_it_is_not_ready_before_it_knows_the_keys(
    edge: Edge, start: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From then on it tells who calls while the database is down."""
    may_load, load = asyncio.Event(), edge.access.refresh

    async def loaded() -> None:
        await may_load.wait()
        await load()

    monkeypatch.setattr(edge.access, "refresh", loaded)
    starting = asyncio.ensure_future(start())
    await asyncio.wait([starting], timeout=0.3)
    assert not starting.done()
    may_load.set()
    _, url = await starting
    assert url
    assert edge.access._loaded


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_it_in_order(edge: Edge, start: Started, how: signal.Signals) -> None:
    """Who waits is woken, requests end, then tasks, each with its own end."""
    ended: list[str] = []

    async def task() -> None:
        try:
            with edge.wake.waiting("log") as waiter:
                assert await waiter.wait(timedelta(seconds=30))
                ended.append("woken")
            assert edge.stopping.is_set()
            await forever()
        finally:
            ended.append("cancelled")

    running, url = await start(waits=task)
    assert not running.done()
    os.kill(os.getpid(), how)
    async with asyncio.timeout(5):
        await running
    assert ended == ["woken", "cancelled"]
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(base_url=url) as client:
            await client.get("/livez")


async def test_a_task_that_fails_by_an_outage_starts_again_and_is_counted(edge: Edge, start: Started) -> None:
    times = 0

    async def flaky() -> None:
        nonlocal times
        times += 1
        if times < 3:
            raise ConnectionRefusedError
        await forever()

    async def count() -> int:
        return times

    await start(flaky=flaky)
    await becomes(count, 3)
    assert b'leadgate_task_failures_total{task="test.flaky"} 2.0' in edge.telemetry.exposition()


@pytest.mark.parametrize("error", [KeyError("a bug"), Stuck("no progress")])
async def test_any_other_failure_of_a_task_ends_the_process_with_it(start: Started, error: Exception) -> None:
    async def breaks() -> None:
        await asyncio.sleep(0.05)
        raise error

    running, _ = await start(breaks=breaks, other=forever)
    with pytest.raises(type(error)) as raised:
        await running
    assert raised.value is error


async def test_who_waits_for_an_answer_does_not_keep_a_process_that_failed(start: Started) -> None:
    waits, routes = asyncio.Event(), APIRouter(route_class=Route)

    @routes.get("/waits")
    @allow(public=True)
    async def wait(call: Call) -> None:
        waits.set()
        await call.edge.stopping.wait()

    async def breaks() -> None:
        await waits.wait()
        raise Stuck("no progress")

    running, url = await start(routes, breaks=breaks)
    async with httpx.AsyncClient(base_url=url) as client, asyncio.timeout(4):
        asked = asyncio.create_task(client.get("/waits"))
        with pytest.raises(Stuck):
            await running
        assert (await asked).status_code == 204


async def test_a_port_that_is_taken_is_said_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}.*--port") as unavailable:
            bind("127.0.0.1", port)
    assert unavailable.value.exit_code == 3


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")]
)
def test_the_url_is_one_that_this_machine_can_open(host: str, shown: str) -> None:
    listening = bind(host, 0)
    assert url_of(listening).startswith(shown)
    listening.close()


async def test_timers_work_at_once_then_by_the_interval_or_when_woken(edge: Edge) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        turns = min(4, turns + 1)

    async def count() -> int:
        return turns

    timer = asyncio.create_task(every(timedelta(seconds=30), turn, edge.wake, "queue:closing/uk"))
    await becomes(count, 1)
    edge.wake.tell({"queue:closing/uk"})
    await becomes(count, 2)
    timer.cancel()
    timer = asyncio.create_task(every(timedelta(milliseconds=10), turn, edge.wake))
    await becomes(count, 4)
    timer.cancel()
