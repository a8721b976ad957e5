"""How many rows a second the router writes, against COPY of the same rows into the same tables and indexes."""

import io
import time
from pathlib import Path
from statistics import median

import asyncpg
from kit.ratios import Results, edge_on
from kit.routing import Routing
from kit.submissions import submission, submit

from schemas.events.intake import Company
from services.runtime.embedded import Embedded
from services.runtime.run import steady

LEADS = 3000
ROUNDS = 3
TABLES = (
    "persons", "identities", "identity_persons", "accounts", "leads", "lead_details", "submissions", "decisions",
    "timeline", "notes", "items",
)  # fmt: skip


async def test_the_router_against_copy(server: Embedded, tmp_path: Path, results: Results) -> None:
    async with edge_on(server, "router", tmp_path) as edge:
        routing = Routing(edge)
        await routing.publish()
        url = server.url("router")
        await _round(routing, url, -1)
        steady()
        rounds = [await _round(routing, url, number) for number in range(ROUNDS)]
    note = f"{median(ours for ours, _, _ in rounds):,.0f}/s and {median(copied for _, copied, _ in rounds):,.0f}/s"
    leads = median(leads for _, _, leads in rounds)
    results.add(
        "router, rows to COPY's", median(ours / copied for ours, copied, _ in rounds), f"{note}; {leads:,.0f} leads/s",
        least=0.5,
    )  # fmt: skip


async def _round(routing: Routing, url: str, number: int) -> tuple[float, float, float]:
    """Rows a second of the router and of COPY, and leads a second."""
    edge = routing.edge
    batch = [
        submission(
            edge.keyring, edge.clock.now(), email=f"ann{n}@firm{number}x{n}.com", intent="demo",
            company=Company(name=f"Firm {n}", domain=f"firm{number}x{n}.com", employees=n), message="We have 40 vans.",
        )
        for n in range(LEADS)
    ]  # fmt: skip
    await submit(edge, batch)
    connection = await asyncpg.connect(url)
    try:
        before = await _count(connection)
        lifecycle = await _lifecycle(connection)
        began = time.perf_counter()
        async with routing.running():
            await routing.settle()
        routed = time.perf_counter() - began
        rows = await _count(connection) - before + await _lifecycle(connection) - lifecycle
        copied = await _copied(connection)
    finally:
        await connection.close()
    return rows / routed, copied, LEADS / routed


async def _count(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    return sum([await connection.fetchval(f"SELECT count(*) FROM routing.{name}") for name in TABLES])


async def _lifecycle(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    return int(await connection.fetchval("SELECT count(*) FROM log.records WHERE topic = 'leads.lifecycle.v1'"))


async def _copied(connection: "asyncpg.Connection[asyncpg.Record]") -> float:
    """Rows a second that COPY writes: all there are, into tables with the same indexes, in one transaction."""
    rows, took = 0, 0.0
    tables = [f"routing.{name}" for name in TABLES]
    for name in [*tables, "log.records"]:
        await connection.execute(
            f"DROP TABLE IF EXISTS public.copy; CREATE TABLE public.copy (LIKE {name} INCLUDING ALL)"
        )
        raw = io.BytesIO()
        which = f"SELECT * FROM {name}" + (" WHERE topic = 'leads.lifecycle.v1'" if name == "log.records" else "")
        said = await connection.copy_from_query(which, output=raw, format="binary")
        raw.seek(0)
        began = time.perf_counter()
        await connection.copy_to_table("copy", source=raw, format="binary")
        took += time.perf_counter() - began
        rows += int(said.split()[1])
    return rows / took
