"""`leadgate up`: everything in one process."""

from pathlib import Path
from typing import Any

import click
import uvloop

from services.cli.first import CREDENTIALS, first_start
from services.cli.options import Shared, serving
from services.cli.policy import sound_policy
from services.cli.processes import builder
from services.cli.serving import ending, serve
from services.cli.store import create_topics
from services.policies import Sound
from services.runtime import settings as config
from services.runtime.edge import Edge, open_edge
from services.runtime.embedded import Embedded
from services.runtime.logs import configure
from services.runtime.migrations import migrate
from services.runtime.process import Process
from services.runtime.settings import Settings

PORT = 8080
_PROCESSES = ("ingest", "router", "desk", "worker", "metrics")


@click.command(
    epilog="""\b
Examples:
  leadgate up --demo                       example policy, reps and keys, to look around
  leadgate up --policy policy.yaml         your policy; an admin key is in .leadgate/credentials.json
  leadgate up --port 0 --json | head -1    for scripts: one line when all is ready
\b
The first start makes the store, publishes the policy and makes an admin key; credentials.json in the data
directory has the keys, readable by you alone. Data survives restarts. Ctrl-C stops cleanly.
"""
)
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0: any that is free. [default: 8080]")
@click.option(
    "--policy", "policy_file", type=click.Path(path_type=Path), help="Publish this policy file, if it differs."
)
@click.option("--demo", is_flag=True, help="On an empty store: an example policy, reps and keys.")
@serving
def up(shared: Shared, host: str | None, port: int | None, policy_file: Path | None, demo: bool) -> None:
    """Run everything in one process, on one port, with an embedded PostgreSQL unless DATABASE_URL is set."""
    if demo and policy_file is not None:
        raise click.UsageError("--demo brings its own policy: give either --demo or --policy.")
    policy = None if policy_file is None else sound_policy(policy_file)
    with ending(shared):
        uvloop.run(_up(shared, policy, demo=demo, host=host, port=port))


async def _up(shared: Shared, policy: Sound | None, *, demo: bool, **flags: Any) -> None:
    settings = shared.settings(**flags)
    configure(settings)
    config.make_data_dir(settings.data_dir)  # credentials.json stands there, wherever the database is
    keyring = config.keyring(settings)
    server = None if settings.database_url else Embedded(settings.data_dir)
    if server is not None:
        await server.attach(sole=True)
    try:
        url = settings.database_url if server is None else server.url()
        assert url is not None, "one of the two is there"
        await migrate(url)
        async with open_edge(settings, url, keyring) as edge:
            processes = [builder(name)(edge) for name in _PROCESSES]
            if server is not None:
                processes.append(Process("postgres", tasks={"keep": server.keep}))
            await _serve(shared, settings, edge, processes, policy, demo=demo)
    finally:
        if server is not None:
            await server.leave()


async def _serve(
    shared: Shared, settings: Settings, edge: Edge, processes: list[Process], policy: Sound | None, *, demo: bool
) -> None:
    file = settings.data_dir.resolve() / CREDENTIALS
    await create_topics(edge)
    started = await first_start(edge, file, policy, demo=demo)
    if demo and not started.demo:
        click.echo(f"--demo is for an empty store; {settings.data_dir} has data already and keeps it.", err=True)
    ready = {
        "data_dir": str(settings.data_dir.resolve()),
        "event_log": "postgres" if edge.kafka is None else "kafka",
        "policy_version": started.policy_version,
        "credentials_file": str(file),
    }
    port = PORT if settings.port is None else settings.port
    await serve(shared, edge, processes, port, ready, words=lambda url: started.words(url, file))
