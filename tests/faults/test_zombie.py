"""A router stopped in the middle of a batch for a minute, while another takes over, then continued: no harm."""

import asyncio
import json
import signal
import time
from pathlib import Path

import asyncpg
import httpx
import pytest
from kit.whole import command, launch

from services.runtime.embedded import Embedded, embedded
from services.runtime.paths import POLICIES

pytestmark = pytest.mark.faults

_LEADS = 60
_MINUTE = 60.0
_WAITING_SQL = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'leadgate'"
_DECIDED_SQL = "SELECT count(*) FROM routing.leads WHERE state <> 'received'"
_TWICE_SQL = """
SELECT lead_id, name FROM routing.timeline WHERE name IN ('lead.received', 'lead.decided')
GROUP BY lead_id, name HAVING count(*) > 1
"""
_GAPS_SQL = "SELECT lead_id FROM routing.timeline GROUP BY lead_id HAVING max(seq) <> count(*)"
_LEFT_SQL = """
SELECT count(*) FROM log.positions p JOIN log.partitions q USING (topic, partition)
WHERE p.consumer = 'router' AND p.position < q.next_offset
"""


async def test_a_router_stopped_in_mid_batch_for_a_minute_and_continued_does_no_harm(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with embedded(Embedded(data, say=lambda _: None)) as url:
        command("migrate", data_dir=data)
        command("topics", "create", data_dir=data)
        command("policy", "publish", str(POLICIES / "starter.yaml"), data_dir=data)
        made = command("keys", "create", "--kind", "service", "--source", "crm", "--json", data_dir=data)
        ingest, at = launch("ingest", data, "--port", "0")
        stopped, _ = launch("router", data, "--port", "0")
        running = [ingest, stopped]
        conn = await asyncpg.connect(url)
        try:
            async with conn.transaction():
                await conn.execute("LOCK TABLE routing.leads IN EXCLUSIVE MODE")
                await _post(at["url"], json.loads(made.stdout)["key"])
                while not await conn.fetchval(_WAITING_SQL):
                    await asyncio.sleep(0.05)
                stopped.send_signal(signal.SIGSTOP)
                began = time.monotonic()
            other, _ = launch("router", data, "--port", "0")
            running.append(other)
            await _all_decided(conn, within=_MINUTE - 5)
            await asyncio.sleep(_MINUTE - (time.monotonic() - began))  # what is tested is this minute
            stopped.send_signal(signal.SIGCONT)
            await _post(at["url"], json.loads(made.stdout)["key"], first=_LEADS)
            await _all_decided(conn, within=30, leads=2 * _LEADS)
            assert not await conn.fetch(_TWICE_SQL)
            assert not await conn.fetch(_GAPS_SQL)
            assert await conn.fetchval(_LEFT_SQL) == 0
            assert [process.poll() for process in running] == [None, None, None]
        finally:
            await conn.close()
            for process in running:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(30) for process in running]
            for process in running:
                assert process.stdout is not None
                process.stdout.close()
        assert codes == [0, 0, 0]


async def _post(url: str, key: str, first: int = 0) -> None:
    lines = "\n".join(
        json.dumps({"submission_id": f"s{n}", "contact": {"email": f"p{n}@example.com"}})
        for n in range(first, first + _LEADS)
    )
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        answer = await client.post(
            "/v1/leads/inbound/batch",
            content=lines,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"},
        )
    assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [202] * _LEADS


async def _all_decided(conn: "asyncpg.Connection[asyncpg.Record]", *, within: float, leads: int = _LEADS) -> None:
    async with asyncio.timeout(within):
        while await conn.fetchval(_DECIDED_SQL) != leads:
            await asyncio.sleep(0.2)
