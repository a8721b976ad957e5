"""`leadgate ingest | router | desk | worker | metrics`: each process by itself."""

import importlib
from collections.abc import Callable
from typing import Any

import click
import uvloop

from services.cli.options import Shared, database_url, require_schema, serving
from services.cli.serving import ending, serve
from services.runtime import settings as config
from services.runtime.edge import open_edge

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
    keyring = config.keyring(settings)
    async with database_url(settings) as url:
        await require_schema(url)
        async with open_edge(settings, url, keyring) as edge:
            port = PORTS[name] if settings.port is None else settings.port
            await serve(shared, edge, [builder(name)(edge)], port)


def builder(name: str) -> Callable[..., Any]:
    """The function that wires a process."""
    build: Callable[..., Any] = importlib.import_module(f"services.{name}.process").build
    return build


ingest = _command("ingest", "Take leads in: forms, JSON, batches. A 202 is sent only after the lead is durable.")
router = _command("router", "Read submissions and decide, by the policy, where each goes.")
desk = _command("desk", "Serve reps and managers: pull, attempts, outcomes, the pipeline, reps, keys.")
worker = _command("worker", "Do what is due: releases, ended claims, promises, nurtured leads, the queues' measures.")
metrics = _command("metrics", "Fold lifecycle events into facts; serve funnel, clocks, queues and the live stream.")
