"""Running: one server for the processes given, with their tasks, watched over and stopped in order."""

import asyncio
import contextlib
import gc
import random
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

import structlog
import uvicorn

from services.runtime.access import AT_LATEST, CHANNEL
from services.runtime.edge import Edge, open_edge
from services.runtime.exits import Unavailable
from services.runtime.failures import Failure, failure
from services.runtime.process import Check, Process, Task
from services.runtime.trace import acting
from services.runtime.wake import Wake
from services.runtime.watchdog import turning

__all__ = ["Check", "Edge", "Process", "Task", "every", "open_edge", "run"]

_log = structlog.get_logger("leadgate.run")
_DRAIN = 8
"""Seconds that requests have to finish in as we stop."""


async def run(
    edge: Edge,
    processes: Sequence[Process],
    host: str,
    port: int,
    on_ready: Callable[[str], Awaitable[None]],
) -> None:
    """Serve `processes` and run their tasks until INT or TERM; `on_ready` is told the URL.

    A task that fails by an outage starts again, by and by; any other failure ends the process.

    Raises: Unavailable where the port is taken; what the database raises, where the keys cannot be loaded; whatever
    else ended a task, Stuck among it.
    """
    from services.runtime.http.app import build_app  # it knows Edge and Process, which are ours
    from services.runtime.http.wire import Wire

    listening = bind(host, port)
    server = _Server(
        uvicorn.Config(
            build_app(edge, processes),
            http=Wire,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN,
        )
    )
    try:
        await _admitting(edge)
        with _stops_on_signals(edge, server), turning():
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_kept(edge, process.name, name, task), name=f"{process.name}.{name}")
                    for process in processes
                    for name, task in process.tasks.items()
                ]
                refresh = partial(every, AT_LATEST, edge.access.refresh, edge.wake, CHANNEL)
                tasks.append(group.create_task(_kept(edge, "http", "access", refresh), name="http.access"))
                group.create_task(_serve(edge, server, listening, on_ready, tasks), name="http")
    except* Exception as group_of_one:
        raise _first(group_of_one) from None
    finally:
        listening.close()


async def _admitting(edge: Edge) -> None:
    """Load the keys before it is said to be ready: from now on it admits without the database, if that is there."""
    try:
        await edge.access.refresh()
    except Exception as error:
        if failure(error) is not Failure.OUTAGE:
            raise


def bind(host: str, port: int) -> socket.socket:
    """Listen on a port; 0: any that is free. Raises: Unavailable where it is taken, or the address is not ours."""
    listening: socket.socket | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        if listening is not None:
            listening.close()
        raise Unavailable(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Choose another --port (0: any that is free)."
        ) from error
    listening.setblocking(False)
    return listening


def url_of(listening: socket.socket) -> str:
    """Where it can be reached from this machine."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def steady() -> None:
    """Let the collector be: what stands now stays, and a batch of leads is many objects that soon go by themselves.

    To look all of them through again and again holds up requests, and takes a fifth of the router's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def every(interval: timedelta, work: Callable[[], Awaitable[None]], wake: Wake, *channels: str) -> None:
    """Do `work` now, then each time that `interval` has passed or one of `channels` tells of something."""
    with wake.waiting(*channels) as waiter:
        while True:
            await work()
            await waiter.wait(interval)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours."""
        yield


def _stop(edge: Edge, server: uvicorn.Server) -> None:
    """Take no more requests; those that wait, as long polls and streams do, end."""
    server.should_exit = True
    edge.stopping.set()
    edge.wake.tell_all()


async def _serve(
    edge: Edge,
    server: uvicorn.Server,
    listening: socket.socket,
    on_ready: Callable[[str], Awaitable[None]],
    tasks: Sequence["asyncio.Task[None]"],
) -> None:
    """Serve until told to stop; then requests end first, and the tasks after them."""
    serving = asyncio.create_task(server.serve([listening]), name="uvicorn")
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        if server.started:
            steady()
            await on_ready(url_of(listening))
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        _stop(edge, server)
        await serving
        raise
    for task in tasks:
        task.cancel()


async def _kept(edge: Edge, process: str, name: str, task: Task) -> None:
    """Run a task of a process; after an outage again, with growing pauses, or as soon as the database is back."""
    loop = asyncio.get_running_loop()
    pause = 0.2
    with acting(process), edge.wake.waiting("again") as waiter:
        while True:
            began = loop.time()
            try:
                await task()
                raise RuntimeError(f"the task {process}.{name} ended by itself")
            except Exception as error:
                if failure(error) is not Failure.OUTAGE:
                    raise
                pause = 0.2 if loop.time() - began > 60 else min(10.0, pause * 2)
                edge.telemetry.failures.labels(f"{process}.{name}").inc()
                _log.warning("task_failed", task=f"{process}.{name}", error=repr(error), again_in_s=round(pause, 1))
            await waiter.wait(timedelta(seconds=pause * random.uniform(0.5, 1)))  # noqa: S311 - spread


@contextlib.contextmanager
def _stops_on_signals(edge: Edge, server: uvicorn.Server) -> Iterator[None]:
    """INT and TERM stop us in order; the second one at once."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if server.should_exit:
            server.force_exit = True
        _stop(edge, server)

    signals = (signal.SIGINT, signal.SIGTERM)
    for each in signals:
        loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """The error that ended it; the others came of the cancelling."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else RuntimeError(repr(error))
