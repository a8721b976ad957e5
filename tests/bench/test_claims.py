"""What a claim takes, against the same in pgbench; with a million waiting; among dead rows that an old look holds.

A claim is what grants an item to a rep: one statement in a transaction, by as many connections as pgbench's. A whole
pull does more: it locks its rep, looks at limits and heads, and tells the claim in the lead's story and in the log.
"""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

import asyncpg
from kit.ratios import Results, edge_on
from kit.routing import Routing
from kit.submissions import submission
from sqlalchemy import text

from router.policy.compiled import Policy
from schemas.api.values import EARLIEST
from schemas.words import Direction, QueueName, RepId
from services.runtime.edge import Edge
from services.runtime.embedded import MAJOR, Embedded, binaries
from services.runtime.ids import mint
from services.store import claims, heads, reps, taking
from services.store import tables as t
from services.store.pulled import Given
from services.store.story import telling

POLICY = """
version: 1
currency: GBP
timezone: UTC
calendars: {always: {zone: UTC, hours: always}}
rules: []
fallback: {inbound: inbound/main, outbound: outbound/main, handover: closing/main}
desks:
  inbound: {queues: {main: {calendar: always, lease: 1h}}}
  outbound: {queues: {main: {calendar: always, lease: 1h}}}
  closing: {queues: {main: {calendar: always, lease: 1h}}}
"""
QUEUE = QueueName("inbound/main")
LEASE = timedelta(hours=1)
AT_ONCE = 8
SECONDS = 3
FEW, MANY = 10_000, 1_000_000
DEAD = 100_000
PULLS = 100
ROUNDS = 3

NEW_LEAD, NEW_ITEM = "'ld_' || lpad(n::text, 32, '0')", "'itm_' || lpad(n::text, 26, '0')"
COPIES = {
    "leads": {"id": NEW_LEAD},
    "lead_details": {"lead_id": NEW_LEAD},
    "items": {"id": NEW_ITEM, "lead_id": NEW_LEAD, "rank_at": "rank_at + n * interval '1 ms'"},
}
"""Tables of which a lead has one row, and what differs in the next one's."""
CLAIM = """
BEGIN;
WITH first AS (
  SELECT item.id FROM routing.items AS item JOIN routing.leads AS lead ON lead.id = item.lead_id
  WHERE item.queue = 'inbound/main' AND NOT item.test AND item.state = 'queued' AND NOT item.out_of_hours
  ORDER BY item.rank_at, item.id LIMIT 1 FOR UPDATE OF item SKIP LOCKED
), taken AS (
  UPDATE routing.items AS item SET state = 'claimed', token = token + 1 FROM first WHERE item.id = first.id
  RETURNING item.id, item.lead_id, item.queue, item.token, item.test
)
INSERT INTO routing.claims (id, item_id, lead_id, rep_id, queue, token, state, why, test, granted_at, expires_at)
SELECT 'clm_' || left(replace(gen_random_uuid()::text, '-', ''), 26), taken.id, taken.lead_id, 'rep_bench', taken.queue,
  taken.token, 'active', 'next', taken.test, now(), now() + interval '1 h' FROM taken;
COMMIT;
"""


class Desk:
    """A database with one queue in which so many wait, and reps who pull."""

    def __init__(self, edge: Edge, policy: Policy, staff: list[RepId], lead: str, url: str) -> None:
        self.edge, self.policy, self.staff, self.lead, self.url = edge, policy, staff, lead, url

    async def pull(self, rep: RepId) -> None:
        async with self.edge.database.tx() as tx, telling(tx) as stories:
            assert isinstance(await claims.pull(tx, stories, self.policy, rep, "inbound"), Given)

    async def pulls(self, seconds: float) -> float:
        """Pulls a second of several reps at a time."""
        return await self._rate(seconds, self.pull)

    async def claims(self, seconds: float) -> float:
        """Claims a second by the pull's statement, of several reps at a time, each on a connection of its own."""
        connections = {rep: await asyncpg.connect(self.url) for rep in self.staff[-AT_ONCE:]}
        first, looked = EARLIEST, float("-inf")

        async def claim(rep: RepId) -> None:
            nonlocal first, looked
            if time.perf_counter() - looked > 1:  # as long as a process remembers a floor
                looked = time.perf_counter()
                async with self.edge.database.read() as tx:
                    seen = await heads.look(tx, rep, [self.policy.queues[QUEUE]], test=False)
                first = seen.heads[0].rank_at
            now = self.edge.clock.now()
            async with connections[rep].transaction():
                row = await connections[rep].fetchrow(
                    taking.TAKE_SQL, [QUEUE], False, rep, now, first, mint("clm", now), "next", [now + LEASE], []
                )
            assert row is not None
            assert row["granted"] is not None

        try:
            return await self._rate(seconds, claim)
        finally:
            for connection in connections.values():
                await connection.close()

    async def _rate(self, seconds: float, act: Callable[[RepId], Awaitable[None]]) -> float:
        ends, done = time.perf_counter() + seconds, 0

        async def work(rep: RepId) -> None:
            nonlocal done
            while time.perf_counter() < ends:
                await act(rep)
                done += 1

        await asyncio.gather(*(work(rep) for rep in self.staff[-AT_ONCE:]))
        return done / seconds

    async def tidied(self) -> None:
        """No dead rows, and nothing left to be written out."""
        connection = await asyncpg.connect(self.url)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        await connection.close()

    def pgbench(self, script: Path, seconds: int) -> float:
        """Claims a second of as many connections of pgbench."""
        words = [
            str(binaries(MAJOR) / "pgbench"),
            "-n",
            "-M",
            "prepared",
            "-c",
            str(AT_ONCE),
            "-T",
            str(seconds),
            "-f",
            str(script),
            self.url,
        ]
        said = subprocess.run(words, capture_output=True, check=True, text=True).stdout
        return float(said.split("tps = ")[1].split()[0])


async def takes(one: Desk, other: Desk) -> tuple[float, float]:
    """Seconds of a pull at each desk, the medians of many by different reps, in turns."""
    took: tuple[list[float], list[float]] = [], []
    for turn in range(PULLS):
        for at, each in zip((one, other), took, strict=True):
            began = time.perf_counter()
            await at.pull(at.staff[turn])
            each.append(time.perf_counter() - began)
    return median(took[0]), median(took[1])


@asynccontextmanager
async def desk(server: Embedded, name: str, folder: Path, waiting: int) -> AsyncIterator[Desk]:
    async with edge_on(server, name, folder) as edge:
        routing = Routing(edge)
        policy = await routing.publish(POLICY)
        one = submission(edge.keyring, edge.clock.now(), "one", direction=Direction.INBOUND)
        await routing.batch(one)
        connection = await asyncpg.connect(server.url(name))
        for table, differ in COPIES.items():
            columns = [column.name for column in t.metadata.tables[f"routing.{table}"].columns]
            values = ", ".join(differ.get(column, f'one."{column}"') for column in columns)
            names, mine = ", ".join(f'"{column}"' for column in columns), "id" if table == "leads" else "lead_id"
            await connection.execute(
                f"INSERT INTO routing.{table} ({names}) SELECT {values} FROM routing.{table} AS one,"
                f" generate_series(1, {waiting}) AS n WHERE one.{mine} = $1",
                one.id,
            )
        await connection.execute("VACUUM ANALYZE")
        await connection.close()
        async with edge.database.tx() as tx:
            staff = [
                (await reps.create(tx, name=f"Rep {n}", zone="UTC", queues=[QUEUE])).id for n in range(PULLS + AT_ONCE)
            ]
        yield Desk(edge, policy, staff, one.id, server.url(name))


async def test_claims(server: Embedded, tmp_path: Path, results: Results) -> None:
    script = tmp_path / "claim.sql"
    script.write_text(CLAIM)
    async with AsyncExitStack() as stack:
        few = await stack.enter_async_context(desk(server, "few", tmp_path, FEW))
        many = await stack.enter_async_context(desk(server, "many", tmp_path, MANY))
        await few.tidied(), await many.tidied()
        await takes(few, many)
        growth = [await takes(few, many) for _ in range(ROUNDS)]
        note = f"{median(m for _, m in growth) * 1e3:.1f} ms and {median(f for f, _ in growth) * 1e3:.1f} ms"
        results.add("claim, a million waiting to ten thousand", median(m / f for f, m in growth), note, most=1.1)
        rounds = []
        for _ in range(ROUNDS):
            found = []
            for measured in (many.claims, many.pulls):
                await many.tidied()
                found.append(await measured(SECONDS))
            await many.tidied()
            rounds.append((*found, many.pgbench(script, SECONDS)))
        theirs = median(each[2] for each in rounds)
        for nth, (name, least) in enumerate((("claim", 0.9), ("claim, whole pull,", None))):
            note = f"{median(each[nth] for each in rounds):,.0f}/s and {theirs:,.0f}/s"
            results.add(f"{name} to pgbench's claim", median(each[nth] / each[2] for each in rounds), note, least=least)
        old = await stack.enter_async_context(desk(server, "old", tmp_path, FEW + DEAD))
        held = await asyncpg.connect(old.url)
        look = held.transaction(isolation="repeatable_read")
        await look.start()
        await held.fetchval("SELECT count(*) FROM routing.claims")
        async with old.edge.database.tx() as tx:  # the heads of the queue are claimed and gone
            await tx.execute(
                text(
                    "UPDATE routing.items SET state = 'done' WHERE id IN"
                    f" (SELECT id FROM routing.items WHERE state = 'queued' ORDER BY rank_at, id LIMIT {DEAD})"
                )
            )
        await takes(few, old)
        dead = [await takes(few, old) for _ in range(ROUNDS)]
        await look.rollback()
        await held.close()
    note = f"{median(o for _, o in dead) * 1e3:.1f} ms and {median(f for f, _ in dead) * 1e3:.1f} ms"
    results.add("claim, 100,000 dead rows and a held look to fresh", median(o / f for f, o in dead), note, most=1.3)
