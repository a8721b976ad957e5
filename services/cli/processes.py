"""`leadgate ingest | router | desk | worker | metrics`: each process by itself."""

import asyncio
import hmac
import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click
import uvloop

from services.cli.options import Shared, database_url, require_schema, serving
from services.cli.serving import ending, serve
from services.runtime import settings as config
from services.runtime.edge import Edge, another_secret, check, open_edge
from services.runtime.failures import Failure, failure
from services.runtime.logs import configure
from services.runtime.process import Process
from services.runtime.secret import Keyring
from services.runtime.settings import Settings

PORTS = {"ingest": 8081, "router": 8082, "desk": 8083, "worker": 8084, "metrics": 8085}


def _command(name: str, help_: str) -> click.Command:
    @click.command(
        name,
        help=f"{help_} Serves /livez, /readyz and /metrics too.",
        epilog=f"\b\nExamples:\n  leadgate {name}\n  leadgate {name} --host 0.0.0.0 --port {PORTS[name]} --json\n",
    )
    @click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
    @click.option("--port", type=click.IntRange(0, 65535), help=f"Port; 0: any that is free. [default: {PORTS[name]}]")
    @serving
    def command(shared: Shared, host: str | None, port: int | None) -> None:
        with ending(shared):
            uvloop.run(_run(name, shared, host=host, port=port))

    return command


async def _run(name: str, shared: Shared, **flags: Any) -> None:
    settings = shared.settings(**flags)
    configure(settings)
    keyring = config.keyring(settings)
    async with database_url(settings) as url:
        unseen = False
        try:
            await require_schema(url)
        except Exception as error:
            unseen = name == "ingest" and failure(error) is Failure.OUTAGE and _remembers(settings, keyring)
            if not unseen:
                raise
        async with open_edge(settings, url, keyring, unseen=unseen) as edge:
            port = PORTS[name] if settings.port is None else settings.port
            process: Process = builder(name)(edge)
            if unseen:
                process = replace(process, tasks={**process.tasks, "database": lambda: _seen(edge, url)})
            await serve(shared, edge, [process], port)


def _remembers(settings: Settings, keyring: Keyring) -> bool:
    """Whether ingest knows enough to begin without the database. Raises: BadSetting, if under another secret."""
    from services.ingest.remembered import load  # only ingest waits for its libraries to load

    known = load(settings.data_dir) if settings.kafka_bootstrap_servers is not None else None
    if known is not None and not hmac.compare_digest(known.fingerprint, keyring.fingerprint):
        raise another_secret()
    return known is not None


async def _seen(edge: Edge, url: str) -> None:
    """Make sure of what was not looked at as we began, once it can be. Raises: what ends the process; an outage."""
    await require_schema(url)
    await check(edge.database, edge.settings, edge.keyring)
    await asyncio.Event().wait()


def builder(name: str) -> Callable[..., Any]:
    """The function that wires a process."""
    build: Callable[..., Any] = importlib.import_module(f"services.{name}.process").build
    return build


ingest = _command("ingest", "Take leads in: forms, JSON, batches. A 202 is sent only after the lead is durable.")
router = _command("router", "Read submissions and decide, by the policy, where each goes.")
desk = _command("desk", "Serve reps and managers: pull, attempts, outcomes, the pipeline, reps, keys.")
worker = _command("worker", "Do what is due: releases, ended claims, promises, nurtured leads, the queues' measures.")
metrics = _command("metrics", "Fold lifecycle events into facts; serve funnel, clocks, queues and the live stream.")
