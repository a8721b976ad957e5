"""The live stream: what a client hears, and how it goes on after a break."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.counting import Metrics, measured, metrics_of
from kit.sse import Ear, listening
from kit.tales import MONDAY, Tale, all_told
from kit.tiny import key_of
from kit.waiting import until

from schemas.events.stamp import text_of
from schemas.words import PrincipalKind
from services.metrics import loops, stream, tail
from services.metrics.kept import last_revision
from services.runtime import keys
from services.runtime.edge import Edge

STREAM = "/v1/metrics/stream"


@pytest.fixture
async def metrics(edge: Edge, clock: ManualClock) -> AsyncIterator[Metrics]:
    clock.set(MONDAY + timedelta(hours=1))
    async with metrics_of(edge) as metrics:
        yield metrics


class Listen:
    """Opens streams."""

    def __init__(self, metrics: Metrics, key: str) -> None:
        self._metrics, self._key = metrics, key

    def __call__(
        self, query: str = "", last: str | None = None, key: str | None = None, **more: Any
    ) -> AbstractAsyncContextManager[Ear]:
        return listening(self._metrics.app, STREAM, key or self._key, query, last, **more)


@pytest.fixture
async def listen(metrics: Metrics, edge: Edge) -> Listen:
    return Listen(metrics, await key_of(edge, PrincipalKind.MANAGER))


async def series(ear: Ear, count: int) -> list[dict[str, Any]]:
    """The next records."""
    return [json.loads((await ear.next("series")).data or "") for _ in range(count)]


def received(n: int = 1, **more: Any) -> Tale:
    """A prospect that nobody is due to answer: three cells, no clock."""
    return Tale(n).received(direction="outbound", **more)


async def test_it_begins_with_how_to_come_back_and_says_how_fresh_it_is(listen: Listen) -> None:
    async with listen() as ear:
        assert ear.status == 200
        assert ear.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert ear.headers["cache-control"] == "private, no-cache"
        assert (await ear.next()).retry == "2000"
        assert (await ear.next()).id == "0"
        fresh = await ear.next("freshness")
        assert json.loads(fresh.data or "") == {"as_of": "2026-07-06T10:30:00.000Z", "lag_ms": 0}


async def test_a_change_is_told_as_the_record_of_its_topic(metrics: Metrics, listen: Listen) -> None:
    async with listen() as ear:
        await metrics.tell(*received().told)
        first = await ear.next("series")
        assert first.id == "1"
        record = json.loads(first.data or "")
        metric = record["metric"]
        assert record == {
            "key": f"metric={metric};start=2026-07-06T09:30:00.000Z;direction=outbound;source=web",
            "revision": 1,
            "as_of": "2026-07-06T10:30:00.000Z",
            "metric": metric,
            "start": "2026-07-06T09:30:00.000Z",
            "grain": "15m",
            "dimensions": {"direction": "outbound", "source": "web"},
            "value": 1,
            "unit": "count",
            "money": [],
        }
        assert {metric} | {one["metric"] for one in await series(ear, 2)} == {"submissions", "leads", "leads_outbound"}
        await metrics.tell(*received(2).told)
        assert [(one["value"], one["revision"]) for one in await series(ear, 3)] == [(2, 4), (2, 5), (2, 6)]
        await metrics.tell(measured(depth=1, oldest_queued_at=MONDAY))
        (queue,) = await series(ear, 1)
        assert (queue["key"], queue["depth"], queue["oldest_age_ms"]) == ("queue=closing/uk", 1, 3_600_000)
        assert "oldest_queued_at" not in queue


async def test_a_clock_is_told_by_day_and_by_each_single_dimension(metrics: Metrics, listen: Listen) -> None:
    async with listen() as ear:
        await metrics.tell(*Tale().received(occurred=-1).told)
        keys = [one["key"] for one in await series(ear, 3 + 4 * 3)]
        assert [key for key in keys if key.startswith("clock=captured_attempt;")] == [
            "clock=captured_attempt;day=2026-07-06;tz=Europe/London;direction=inbound",
            "clock=captured_attempt;day=2026-07-06;tz=Europe/London",
            "clock=captured_attempt;day=2026-07-06;tz=Europe/London;source=web",
        ]


async def test_it_resumes_after_the_last_event_that_was_heard(metrics: Metrics, listen: Listen) -> None:
    async with listen() as ear:
        await metrics.tell(*received().told)
        await series(ear, 3)
    await metrics.tell(*received(2).told, *received(3, source="fair").told)
    async with listen(last="3") as ear:
        assert (await ear.next()).retry == "2000"
        heard = await series(ear, 6)
        assert [one["revision"] for one in heard] == [4, 5, 6, 7, 8, 9]
        assert (
            sorted((one["dimensions"]["source"], one["value"]) for one in heard) == [("fair", 1)] * 3 + [("web", 2)] * 3
        )


@pytest.mark.parametrize("last", ["999999", "-1", "x", "²", "9" * 40])
async def test_who_was_never_told_that_id_is_reset_once_and_goes_on(
    metrics: Metrics, listen: Listen, last: str
) -> None:
    async with listen(last=last.encode("utf-8").decode("latin-1")) as ear:
        reset = await ear.next("reset", "series")
        assert (reset.event, reset.data, reset.id) == ("reset", "{}", "0")
        await metrics.tell(*received().told)
        assert (await ear.next("reset", "series")).event == "series"


async def test_who_missed_too_much_is_reset(metrics: Metrics, listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "TOO_OLD", 5)
    async with listen() as ear:
        await metrics.tell(*received().told, *received(2, source="fair").told)
        await series(ear, 6)
    async with listen(last="0") as ear:
        assert (await ear.next("reset", "series")).id == "6"
    async with listen(last="1") as ear:
        assert (await ear.next("reset", "series")).event == "series"


async def test_filters_choose_what_is_heard(metrics: Metrics, listen: Listen, edge: Edge) -> None:
    tales = [
        Tale(1).received(source="web").decided("inbound/main"),
        Tale(2).received(source="fair").decided("inbound/de"),
    ]

    async def heard(query: str, key: str | None = None) -> set[str]:
        async with listen(query, last="0", key=key) as ear:
            found = set()
            while (block := await ear.next("series", "freshness")).event == "series":
                found.add(json.loads(block.data or "")["key"])
            return found

    await metrics.tell(*all_told(tales), measured(), measured("inbound/main"))
    await until(lambda: at_least(edge, 6 + 3 * 6 + 2))
    everything = await heard("")
    web = await heard("source=web")
    assert {key for key in everything if "source=web" in key} | {"queue=closing/uk", "queue=inbound/main"} == web
    assert await heard("source=web&source=fair") > web
    assert await heard("segment=smb") == everything
    inbound = await heard("desk=inbound&source=fair")
    assert "queue=inbound/main" in inbound
    assert "queue=closing/uk" not in inbound
    assert not any("source=web" in key for key in inbound)
    assert await heard("queue=inbound/de&source=web&rep=rep_ann") == set()
    of_closing = await heard("", await key_of(edge, PrincipalKind.MANAGER, desks=["closing"], name="Clo"))
    assert of_closing == {"queue=closing/uk"}


async def at_least(edge: Edge, revision: int) -> bool:
    async with edge.database.read() as tx:
        return await last_revision(tx) >= revision


async def test_a_series_is_as_of_when_all_that_was_counted_was_recomputed_too(edge: Edge, clock: ManualClock) -> None:
    async with metrics_of(edge, tasks=("consumer", "tail")) as metrics:
        listen = Listen(metrics, await key_of(edge, PrincipalKind.MANAGER))
        async with listen() as ear:
            at_first = json.loads((await ear.next("freshness")).data or "")["as_of"]
            await metrics.tell(*received().told)
            later = text_of(clock.move(timedelta(seconds=5)))
            for _ in range(2):
                fresh = json.loads((await ear.next("freshness")).data or "")
                assert fresh["as_of"] == at_first, "counted perhaps, but not in the series yet"
            assert fresh["lag_ms"] == 5000
            await loops.turn(edge)
            assert {one["as_of"] for one in await series(ear, 3)} <= {at_first, later}
            async with asyncio.timeout(10):
                while json.loads((await ear.next("freshness")).data or "")["as_of"] != later:
                    pass


async def test_a_comment_is_a_sign_of_life_and_moves_on_where_one_would_resume(
    metrics: Metrics, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ALIVE", 0.2)
    async with listen("source=nowhere") as ear:
        await metrics.tell(*received().told)
        comment = await ear.next()
        while comment.comment is None or comment.id != "3":
            comment = await ear.next()
        assert comment.data is None


async def test_it_ends_when_the_key_is_revoked(
    edge: Edge, metrics: Metrics, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ALIVE", 0.1)
    key = await key_of(edge, PrincipalKind.MANAGER, name="Gone")
    principal = await edge.access.of_key(key)
    assert principal is not None
    async with listen(key=key) as ear:
        await ear.next("freshness")
        async with edge.database.tx() as tx:
            await keys.revoke(tx, principal.key_id)
        await edge.access.refresh()
        await ear.ended()


async def test_it_ends_when_the_process_stops(edge: Edge, listen: Listen) -> None:
    async with listen() as ear:
        await ear.next("freshness")
        edge.stopping.set()
        edge.wake.tell_all()
        await ear.ended(within=2)


async def test_who_takes_nothing_is_dropped(
    metrics: Metrics, listen: Listen, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PATIENCE", 0.2)
    deaf = asyncio.Event()
    async with listen(deaf=deaf) as ear:
        await ear.next("freshness")
        deaf.set()
        await metrics.tell(*received().told)
        await ear.ended()
    await until(partial(nobody_listens, edge))


async def nobody_listens(edge: Edge) -> bool:
    return b"leadgate_metrics_streams 0.0" in edge.telemetry.exposition()


async def test_many_clients_share_one_tail_and_who_is_behind_reads_the_table(
    metrics: Metrics, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "TAIL", 2)
    monkeypatch.setattr(tail, "PAGE", 2)
    monkeypatch.setattr(stream, "PAGE", 2)
    async with listen() as one, listen() as other:
        for n in range(1, 6):
            await metrics.tell(*received(n, source=f"s{n}").told)
        for ear in (one, other):
            assert [heard["revision"] for heard in await series(ear, 15)] == list(range(1, 16))
        async with listen(last="4") as late:
            assert [heard["revision"] for heard in await series(late, 11)] == list(range(5, 16))
