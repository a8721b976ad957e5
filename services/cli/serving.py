"""How a long-running command starts, says that it is ready, and ends."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import click

from services.cli.failing import told
from services.cli.options import Shared, meant
from services.runtime.edge import Edge
from services.runtime.run import Process, run


async def serve(
    shared: Shared,
    edge: Edge,
    processes: Sequence[Process],
    port: int,
    ready: dict[str, Any] | None = None,
    words: Callable[[str], str] | None = None,
) -> None:
    """Run processes until INT or TERM. Say when all is ready: with `--json` a line, else `words` of the URL."""

    async def on_ready(url: str) -> None:
        if shared.as_json:
            line = {"event": "ready", "url": url, "pid": os.getpid(), **(ready or {}), "version": version("leadgate")}
            click.echo(json.dumps(line))
        else:
            names = ", ".join(process.name for process in processes)
            click.echo(f"{names} on {url}" if words is None else words(url))
            click.echo("Ready.")
        sys.stdout.flush()

    await run(edge, processes, edge.settings.host, port, on_ready)


@contextmanager
def ending(shared: Shared) -> Iterator[None]:
    """Say how it ended: with `--json` as the last line."""
    try:
        yield
    except Exception as error:
        code = told(meant(error), as_json=shared.as_json)
        _stopped(shared, code)
        sys.exit(code)
    _stopped(shared, 0)


def _stopped(shared: Shared, code: int) -> None:
    if shared.as_json:
        click.echo(json.dumps({"event": "stopped", "exit_code": code}))
        sys.stdout.flush()
