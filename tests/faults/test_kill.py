"""kill -9 of the whole, ten times, under load: nothing acknowledged is lost, nothing happens twice."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from kit.whole import Whole, start, until

from services.runtime.embedded import Embedded, embedded

pytestmark = pytest.mark.faults

_TIMES = 10
_POSTED_BETWEEN = 30
_LEADS_SQL = "SELECT id, state FROM routing.leads"
_INDEPENDENT_SQL = """
SELECT
  (SELECT count(*) FROM routing.timeline WHERE name = 'lead.received') AS submissions,
  (SELECT count(*) FROM routing.leads WHERE state NOT IN ('merged', 'rejected')) AS leads,
  (SELECT count(DISTINCT lead_id) FROM routing.attempts) AS attempted
"""
_HOLDERS_SQL = "SELECT item_id FROM routing.claims WHERE state = 'active' GROUP BY item_id HAVING count(*) > 1"
_GAPS_SQL = """
SELECT lead_id FROM routing.timeline GROUP BY lead_id HAVING max(seq) <> count(*) OR min(seq) <> 1
"""


class Load:
    """Posters who repeat themselves, and a rep at work, against whatever runs at the moment."""

    def __init__(self, running: Whole) -> None:
        self.running = running
        self.acknowledged: dict[str, str] = {}
        self.unanswered: set[str] = set()
        self.differing: list[tuple[str, str, str]] = []
        self.worked = 0
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @contextmanager
    def on(self) -> Iterator[None]:
        """Load while this is open."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._until, args=(stop, work)) for work in (self._post,) * 2 + (self._rep,)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)

    def _until(self, stop: threading.Event, work: Any) -> None:
        while not stop.is_set():
            try:
                with self.running.client() as client:
                    while not stop.is_set():
                        work(client)
            except httpx.HTTPError:
                stop.wait(0.05)  # it is dead at the moment

    def _post(self, client: httpx.Client) -> None:
        key = f"lead-{next(self._numbers)}"
        self.unanswered.add(key)
        for _ in range(2):  # as a nervous sender does
            self.post(client, key)

    def post(self, client: httpx.Client, key: str) -> None:
        body = {"contact": {"email": f"ann@{key}.com", "country": "GB"}, "intent": "demo"}
        headers = {"Authorization": f"Bearer {self.running.key('service')}", "Idempotency-Key": key}
        answer = client.post("/v1/leads/inbound", json=body, headers=headers)
        if answer.status_code != 202:
            return
        with self._lock:
            id_ = answer.json()["id"]
            if self.acknowledged.setdefault(key, id_) != id_:
                self.differing.append((key, self.acknowledged[key], id_))
            self.unanswered.discard(key)

    def _rep(self, client: httpx.Client) -> None:
        auth = {"Authorization": f"Bearer {self.running.rep('inbound/main')['key']}"}
        pulled = client.post("/v1/desks/inbound/pull", json={"wait": 1}, headers=auth)
        if pulled.status_code != 200:
            for held in client.get("/v1/claims", headers=auth).json().get("data", ()):
                self._work(client, auth, held)
            return
        self._work(client, auth, pulled.json())

    def _work(self, client: httpx.Client, auth: dict[str, str], held: dict[str, Any]) -> None:
        claim = held["claim"]
        headers = {**auth, "Leadgate-Claim-Token": str(claim["token"])}
        client.post(
            f"/v1/claims/{claim['id']}/attempts", json={"channel": "phone", "outcome": "conversation"}, headers=headers
        )
        client.post(f"/v1/claims/{claim['id']}/complete", json={"outcome": "qualified"}, headers=headers)
        self.worked += 1


def test_ten_kills_under_load_lose_no_acknowledged_lead_and_do_nothing_twice(tmp_path: Path) -> None:
    running = start(tmp_path / "data", "--demo")
    load = Load(running)
    with load.on():
        for time in range(1, _TIMES + 1):
            posted, worked = len(load.acknowledged) + _POSTED_BETWEEN, load.worked + 1
            until(lambda p=posted, w=worked: len(load.acknowledged) >= p and load.worked >= w, within=30)
            running.kill()
            running = load.running = start(tmp_path / "data", "--demo")
            assert running.process.poll() is None, f"start {time} after a kill"
    try:
        with running.client() as client:
            for key in sorted(load.unanswered):
                load.post(client, key)
        assert not load.unanswered
        assert not load.differing
        assert len(set(load.acknowledged.values())) == len(load.acknowledged)
        asyncio.run(_check(running, set(load.acknowledged.values())))
    finally:
        assert running.stop() == 0


async def _check(running: Whole, acknowledged: set[str]) -> None:
    async with embedded(Embedded(running.data_dir)) as url:
        conn = await asyncpg.connect(url)
        try:
            async with asyncio.timeout(60):
                while {row["id"] for row in await conn.fetch(_LEADS_SQL)} != acknowledged:
                    await asyncio.sleep(0.2)
            assert not await conn.fetch(_HOLDERS_SQL)
            assert not await conn.fetch(_GAPS_SQL)
            counts = await conn.fetchrow(_INDEPENDENT_SQL)
        finally:
            await conn.close()
    with running.client(running.key("manager")) as client:
        shown = client.get("/v1/metrics/funnel").json()["rows"][0]["counts"]
    assert counts is not None
    assert {name: shown[name] for name in counts.keys()} == dict(counts)  # noqa: SIM118 - a Record
    assert shown["attempted"] > 0, "the rep did work"
