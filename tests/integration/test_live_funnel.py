"""The example of a consumer: it prints, from the topic alone, what the API says."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from kit.counting import asked, count, metrics_of, refold_all
from kit.publishing import is_published
from kit.tales import MONDAY, Tale, all_told
from kit.waiting import until

from services.runtime.edge import Edge
from services.runtime.log.kafka import KafkaLog
from services.runtime.paths import ROOT

EXAMPLE = ROOT / "deploy" / "examples" / "live_funnel.py"
SHOWN = [
    "leads",
    "attempted",
    "conversed",
    "qualified",
    "meetings",
    "proposals_requested",
    "proposals_presented",
    "won",
]
TALES = [
    Tale(1).enquiry().claimed().attempted("conversation").created().accepted().meeting().requested().presented().won(),
    Tale(2).enquiry(source="fair").claimed("rep_ben").attempted(),
    Tale(3).received(source="fair", direction="outbound"),
    Tale(4, start=MONDAY.replace(hour=23, minute=30)).received(source="late"),
]


@asynccontextmanager
async def example(edge: Edge, *flags: str) -> AsyncIterator[Process]:
    """It runs, against the edge's topics."""
    assert edge.kafka is not None
    where = {"KAFKA_BOOTSTRAP_SERVERS": edge.kafka.servers, "LEADGATE_TOPIC_PREFIX": edge.kafka.prefix}
    process = await asyncio.create_subprocess_exec(sys.executable, EXAMPLE, *flags, env=where, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def printed(process: Process) -> dict[str, list[int]]:
    """The next funnel that it prints, by source."""
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(20):
            text = (await process.stdout.readuntil(b"\n\n")).decode()
    except asyncio.IncompleteReadError:
        raise AssertionError((await process.stderr.read()).decode()) from None
    _, head, *lines = text.rstrip().splitlines()
    assert head.split()[0] == "source"
    return {source: [int(value) for value in values] for source, *values in map(str.split, lines)}


async def counted(edge: Edge, *tales: Tale) -> None:
    await count(edge.database, all_told(tales))
    await refold_all(edge.database)
    await until(lambda: is_published(edge))


async def test_it_prints_what_the_api_says_of_that_day_in_that_zone_and_ends(kafka_edge: Edge) -> None:
    async with metrics_of(kafka_edge, tasks=("tail", "publish")) as metrics:
        await counted(kafka_edge, *TALES)
        manager = await metrics.manager()
        for zone, sources in (("UTC", {"web", "fair", "late"}), ("Europe/London", {"web", "fair"})):
            day = {"from_": "2026-07-06", "to": "2026-07-07", "tz": zone}
            rows = (await asked(manager, "funnel", **day, group_by="source"))["rows"]
            (total,) = (await asked(manager, "funnel", **day))["rows"]
            shown = {row["group"]["source"]: [row["counts"][name] for name in SHOWN] for row in rows}
            assert shown.keys() == sources
            async with example(kafka_edge, "--once", "--day", "2026-07-06", "--tz", zone) as process:
                assert await printed(process) == shown | {"total": [total["counts"][name] for name in SHOWN]}
                assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_it_goes_on_and_prints_what_changes_today(kafka_edge: Edge) -> None:
    today = datetime.now(UTC)  # noqa: TID251 - the example lives in the present
    async with metrics_of(kafka_edge, tasks=("tail", "publish")), example(kafka_edge) as process:
        assert await printed(process) == {"total": [0] * 8}
        await counted(kafka_edge, Tale(1, start=today).received())
        assert await printed(process) == {"web": [1] + [0] * 7, "total": [1] + [0] * 7}
        await counted(kafka_edge, Tale(2, start=today).received())
        assert await printed(process) == {"web": [2] + [0] * 7, "total": [2] + [0] * 7}


async def test_it_says_what_is_wrong(kafka_edge: Edge) -> None:
    assert kafka_edge.kafka is not None
    elsewhere = replace(kafka_edge, kafka=KafkaLog(kafka_edge.kafka.servers, "elsewhere."))
    for edge, flags, code, words in (
        (kafka_edge, ["--help"], 0, b"LEADGATE_TOPIC_PREFIX"),
        (kafka_edge, ["--tz", "Nowhere"], 2, b"there is no time zone 'Nowhere'"),
        (elsewhere, [], 1, b"There is no topic elsewhere.metrics.funnel.v1"),
        (replace(kafka_edge, kafka=KafkaLog("127.0.0.1:1")), [], 1, b"Kafka on 127.0.0.1:1 does not answer"),
    ):
        async with example(edge, *flags) as process:
            assert words in b" ".join(b"".join(await process.communicate()).split())
            assert process.returncode == code
