"""A server in a process of its own: `python serving.py bare`, or `ingest DATA_DIR [BROKERS]`.

It prints its address and a key.
"""

import sys
from pathlib import Path
from uuid import uuid4

import uvicorn
from fastapi import FastAPI

from schemas.api.intake import LeadAccepted, LeadIn
from schemas.words import PrincipalKind


async def bare() -> None:
    """What FastAPI takes for the same typed body and answer, with nothing kept."""
    from services.runtime.clock import DatabaseClock
    from services.runtime.run import bind, url_of

    app = FastAPI()
    clock = DatabaseClock()

    @app.post("/v1/leads/inbound", status_code=202)
    async def submit(lead: LeadIn) -> LeadAccepted:
        return LeadAccepted(id="ld_0", received_at=clock.now(), receipt_url="/v1/leads/ld_0", warnings=[])

    listening = bind("127.0.0.1", 0)
    print(url_of(listening), "none", flush=True)
    await uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).serve([listening])


async def ingest(data_dir: Path, brokers: str | None = None) -> None:
    """Ingest as it is run, on an embedded PostgreSQL that flushes to disk; with brokers it appends to Kafka."""
    from schemas.topics import PARTITIONS, TOPICS
    from services.ingest.process import build
    from services.runtime import keys
    from services.runtime.embedded import Embedded
    from services.runtime.keys import NewKey
    from services.runtime.log import table
    from services.runtime.logs import configure
    from services.runtime.migrations import migrate
    from services.runtime.run import open_edge, run
    from services.runtime.secret import Keyring
    from services.runtime.settings import Settings

    server = Embedded(data_dir)
    await server.attach()
    try:
        await migrate(server.url())
        settings = Settings(
            database_url=server.url(), data_dir=data_dir, secret="6b" * 32, log_level="warning",
            kafka_bootstrap_servers=brokers, topic_prefix=f"{uuid4().hex[:12]}.",
        )  # fmt: skip
        configure(settings)
        async with open_edge(settings, server.url(), Keyring(b"k" * 32)) as edge:
            async with edge.database.tx() as tx:
                await table.create(tx, TOPICS, PARTITIONS)
                _, key = await keys.create(tx, edge.keyring, NewKey(PrincipalKind.SERVICE, source="crm"))
            if edge.kafka is not None:
                await edge.kafka.create(TOPICS, PARTITIONS)
            await edge.access.refresh()

            async def ready(url: str) -> None:
                print(url, key, flush=True)

            await run(edge, [build(edge)], "127.0.0.1", 0, ready)
    finally:
        await server.leave()


if __name__ == "__main__":
    import uvloop

    uvloop.run(bare() if sys.argv[1] == "bare" else ingest(Path(sys.argv[2]), *sys.argv[3:]))
