"""The topics of the series: whoever starts from nothing has every number, whatever died meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from jsonschema import Draft202012Validator
from kit.clock import ManualClock
from kit.counting import Metrics, asked, count, measured, metrics_of, refold_all
from kit.desks import POLICY
from kit.publishing import (
    Late,
    Slow,
    SlowToLook,
    added,
    all_turns,
    assert_complete,
    heard,
    is_published,
    tell,
    with_log,
)
from kit.tales import MONDAY, Tale, all_told
from kit.waiting import becomes, running, until
from kit.whole import launch

from schemas import export
from schemas.envelope import from_headers
from schemas.events.series import ClockName, Metric
from schemas.topics import FUNNEL, SERIES, SPEED, TOPICS
from services import policies
from services.metrics import kept, publish
from services.metrics.freshness import Freshness
from services.metrics.publish import Publisher
from services.metrics.series import clock_key
from services.metrics.tail import Tail
from services.runtime.edge import Edge
from services.runtime.leader import LEASE, Leader
from services.runtime.log.kafka import KafkaLog
from services.runtime.log.port import UnknownTopic

DAY = {"from_": "2026-07-06", "to": "2026-07-07", "tz": "Europe/London"}
TALES = [
    Tale(1).enquiry().claimed().attempted("conversation").created().accepted().meeting().presented().won(),
    Tale(2).enquiry(source="fair").claimed("rep_ben").attempted(),
    Tale(3).received(source="fair", direction="outbound"),
    Tale(4).enquiry().claimed().attempted("conversation", seconds=400).closed(),
    Tale(5).enquiry(),
]


@pytest.fixture
async def tail(kafka_edge: Edge) -> AsyncIterator[Tail]:
    """It is kept, and tells as of when the series are."""
    tail = Tail(kafka_edge, Freshness(kafka_edge))
    async with AsyncExitStack() as stack:
        stack.enter_context(tail.listening())
        await stack.enter_async_context(running(tail.keep()))
        await until(lambda: known(tail))
        yield tail


async def known(tail: Tail) -> bool:
    return tail.as_of is not None


@asynccontextmanager
async def counted(edge: Edge, *tales: Tale) -> AsyncIterator[Metrics]:
    """The process, all but its consumer: what is to be counted is counted by hand."""
    async with metrics_of(edge, tasks=("tail", "publish")) as metrics:
        await count(edge.database, all_told(tales))
        await refold_all(edge.database)
        yield metrics


async def test_who_starts_from_nothing_has_the_numbers_of_the_api(kafka_edge: Edge, clock: ManualClock) -> None:
    clock.set(MONDAY + timedelta(hours=1))
    async with counted(kafka_edge, *TALES) as metrics:
        row = measured(depth=3, target=4, zone="yellow", oldest_queued_at=MONDAY)
        await count(kafka_edge.database, [row, measured("inbound/main")])
        await refold_all(kafka_edge.database)
        await until(lambda: is_published(kafka_edge))
        counts = (await assert_complete(kafka_edge)).counts.values()
        manager = await metrics.manager()
        cells = [one for one in counts if "metric" in one]
        for by in ("direction", "source", "queue", "rep"):
            said = await asked(manager, "funnel", **DAY, group_by=by)
            shown = {
                one["group"][by]: {name: n for name, n in one["counts"].items() if n and name in list(Metric)}
                for one in said["rows"]
            }
            assert added(cells, by) == shown
        worth = [money for cell in cells for money in cell["money"]]
        assert worth == (await asked(manager, "funnel", **DAY))["rows"][0]["money"]["won"]
        days = {one["key"]: one for one in counts if "clock" in one}
        for by in (None, "direction", "source", "queue", "rep"):
            said = await asked(manager, "speed-to-lead", **DAY, **({"group_by": by} if by else {}))
            for one in said["rows"]:
                if None in one["group"].values():
                    continue
                sections = {**one["response"], **one["handover"], **one["machine"], **one["vendor"]}
                for name in ClockName:
                    record = days.pop(clock_key(name, MONDAY.date(), "Europe/London", one["group"]), None)
                    figures = record and {field: record[field] for field in sections[name]}
                    assert figures == (sections[name] if sections[name]["n"] else None)
                    if record and name is ClockName.CAPTURED_ATTEMPT:
                        assert record["bands"] == one["bands"]
        assert not days, "each was shown"
        queues = {one["queue"]: one for one in counts if "depth" in one}
        shown = {one["queue"]: one for one in (await asked(manager, "queues"))["queues"]}
        assert {name: {field: queues[name][field] for field in one} for name, one in shown.items()} == shown
        assert queues["closing/uk"]["oldest_age_ms"] == 3_600_000


async def test_a_version_goes_as_a_cloud_event_that_is_valid_by_its_schema(kafka_edge: Edge) -> None:
    async with counted(kafka_edge, *TALES):
        await count(kafka_edge.database, [measured()])
        await refold_all(kafka_edge.database)
        await until(lambda: is_published(kafka_edge))
    records, documents = (await heard(kafka_edge)).records, export.documents()
    assert {record.place.topic for record in records} == {topic.name for topic in SERIES}
    for record in records:
        envelope = from_headers(record.headers)
        assert envelope.type == f"leadgate.{record.place.topic}"
        assert envelope.subject == record.key == json.loads(record.value or b"")["key"]
        name = envelope.dataschema.removeprefix("/schemas/")
        Draft202012Validator(json.loads(documents[name])).validate(json.loads(record.value or b""))


async def test_only_what_changed_goes_and_at_once(kafka_edge: Edge) -> None:
    async with counted(kafka_edge, *TALES):
        await until(lambda: is_published(kafka_edge))
        before = len((await heard(kafka_edge)).records)
        async with asyncio.timeout(publish.LOOK_AGAIN.total_seconds() * 3):
            await count(kafka_edge.database, Tale(9).received(direction="outbound").told)
            await refold_all(kafka_edge.database)
            await until(lambda: is_published(kafka_edge))
        assert len((await heard(kafka_edge)).records) == before + 3


async def test_when_the_policys_zone_changes_tombstones_withdraw_the_days_of_the_former(kafka_edge: Edge) -> None:
    async with counted(kafka_edge, Tale(1).enquiry()):
        await until(lambda: is_published(kafka_edge))
        await refold_all(kafka_edge.database, ZoneInfo("UTC"))
        await until(lambda: is_published(kafka_edge))
        found = await assert_complete(kafka_edge)
        assert {one["tz"] for one in found.counts.values() if "clock" in one} == {"UTC"}
        withdrawn = [record for record in found.records if record.value is None]
        assert {record.place.topic for record in withdrawn} == {SPEED.name}
        assert {from_headers(record.headers).type for record in withdrawn} == {f"leadgate.{SPEED.name}"}


async def test_a_replaced_topic_is_filled_again(kafka_edge: Edge) -> None:
    async with counted(kafka_edge, *TALES):
        await until(lambda: is_published(kafka_edge))
        everything = (await assert_complete(kafka_edge)).revisions()
        assert kafka_edge.kafka is not None
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_edge.kafka.servers)
        await admin.start()
        await admin.delete_topics([kafka_edge.kafka.prefix + FUNNEL.name])
        await admin.close()
        await until(lambda: missing(kafka_edge))
        await kafka_edge.kafka.create(SERIES, partitions=4)
        await becomes(lambda: revisions(kafka_edge), everything)
        await assert_complete(kafka_edge)


async def missing(edge: Edge) -> bool:
    assert edge.kafka is not None
    try:
        await edge.kafka.shortcomings(SERIES)
    except UnknownTopic:
        return True
    return False


async def revisions(edge: Edge) -> dict[str, int | None]:
    return (await heard(edge)).revisions()


async def test_while_it_cannot_publish_it_says_how_far_it_is_behind_and_loses_nothing(kafka_edge: Edge) -> None:
    assert kafka_edge.kafka is not None
    empty = KafkaLog(kafka_edge.kafka.servers, f"{kafka_edge.kafka.prefix}empty.")
    await empty.create(TOPICS, partitions=1)
    edge = replace(kafka_edge, log=empty, kafka=empty)
    try:
        async with counted(edge, Tale(1).received(direction="outbound")):
            await until(lambda: exposed(edge, "leadgate_metrics_unpublished_revisions 3.0"))
            await until(lambda: exposed(edge, 'leadgate_task_failures_total{task="metrics.publish"}'))
            assert not await is_published(edge)
            await empty.create(SERIES, partitions=1)
            await until(lambda: exposed(edge, "leadgate_metrics_unpublished_revisions 0.0"))
            await assert_complete(edge)
    finally:
        await empty.close()


async def exposed(edge: Edge, line: str) -> bool:
    return line in edge.telemetry.exposition().decode()


async def test_one_leads_and_when_it_stops_the_next_goes_on_at_once(kafka_edge: Edge, tail: Tail) -> None:
    first, second = Publisher(kafka_edge, tail), Publisher(kafka_edge, tail)
    await count(kafka_edge.database, all_told(TALES))
    await refold_all(kafka_edge.database)
    async with running(first.keep()):
        await until(lambda: is_published(kafka_edge))
        assert await second.turn() is None
    await count(kafka_edge.database, Tale(9).received().told)
    await refold_all(kafka_edge.database)
    await all_turns(second.turn)
    await assert_complete(kafka_edge)


async def test_what_a_former_leader_sends_late_does_not_stay_behind_newer_versions(
    kafka_edge: Edge, tail: Tail, clock: ManualClock
) -> None:
    slow = Slow(kafka_edge.log)
    former, leader = Publisher(with_log(kafka_edge, slow), tail), Publisher(kafka_edge, tail)
    await count(kafka_edge.database, Tale(1).enquiry().told)
    await refold_all(kafka_edge.database)
    async with asyncio.TaskGroup() as group:
        late = group.create_task(former.turn())
        await slow.on_its_way.wait()
        clock.move(LEASE)
        await count(kafka_edge.database, Tale(2).enquiry().told)
        await refold_all(kafka_edge.database)
        await all_turns(leader.turn)
        newest = (await assert_complete(kafka_edge)).counts
        slow.go.set()
        await late
    found = await heard(kafka_edge)
    assert found.counts == newest, "by revision it does no harm"
    assert found.last != newest, "compaction would keep the older versions"
    await all_turns(leader.turn)
    await assert_complete(kafka_edge)


async def test_what_a_former_leader_sends_while_another_is_at_it_is_seen_by_that_one(
    kafka_edge: Edge, tail: Tail, clock: ManualClock
) -> None:
    slow, slow_too = Slow(kafka_edge.log), Slow(kafka_edge.log)
    former, leader = Publisher(with_log(kafka_edge, slow), tail), Publisher(with_log(kafka_edge, slow_too), tail)
    await count(kafka_edge.database, Tale(1).enquiry().told)
    await refold_all(kafka_edge.database)
    async with asyncio.TaskGroup() as group:
        late = group.create_task(former.turn())
        await slow.on_its_way.wait()
        clock.move(LEASE)
        await count(kafka_edge.database, Tale(2).enquiry().told)
        await refold_all(kafka_edge.database)
        slow_too.go.set()
        await all_turns(leader.turn)
        slow_too.go.clear()
        slow_too.on_its_way.clear()
        await count(kafka_edge.database, Tale(3).enquiry(source="fair").told)
        await refold_all(kafka_edge.database)
        turn = group.create_task(leader.turn())
        await slow_too.on_its_way.wait()
        slow.go.set()
        await late
        slow_too.go.set()
        await turn
    await all_turns(leader.turn)
    await assert_complete(kafka_edge)


async def test_what_lands_after_it_was_given_up_does_not_stay_behind_newer_versions(
    kafka_edge: Edge, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "SETTLED", 0)
    monkeypatch.setattr(publish, "LATEST", 0.5)
    late = Late(kafka_edge.log)
    publisher = Publisher(with_log(kafka_edge, late), tail)
    await count(kafka_edge.database, Tale(1).enquiry().told)
    await refold_all(kafka_edge.database)
    assert not await publisher.turn()
    assert late.failed
    given_up = asyncio.get_running_loop().time()
    await count(kafka_edge.database, Tale(2).enquiry().told)
    await refold_all(kafka_edge.database)
    await all_turns(publisher.turn)
    assert asyncio.get_running_loop().time() - given_up >= publish.LATEST, "its client may still have been sending"
    await assert_complete(kafka_edge)


async def test_who_looked_for_too_long_asks_again_whether_it_leads_before_it_appends(
    kafka_edge: Edge, tail: Tail, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "IN_TIME", 0.05)
    slow = SlowToLook(kafka_edge.log)
    former, leader = Publisher(with_log(kafka_edge, slow), tail), Publisher(kafka_edge, tail)
    await count(kafka_edge.database, Tale(1).enquiry().told)
    await refold_all(kafka_edge.database)
    async with asyncio.TaskGroup() as group:
        turn = group.create_task(former.turn())
        await slow.on_its_way.wait()
        clock.move(LEASE)
        async with kafka_edge.database.tx() as tx:
            assert await Leader(publish.NAME).leads(tx)
        await asyncio.sleep(publish.IN_TIME)
        slow.go.set()
        assert await turn, "there may be more"
    assert await former.turn() is None
    assert not (await heard(kafka_edge)).records
    clock.move(LEASE)
    monkeypatch.undo()
    await all_turns(leader.turn)
    await assert_complete(kafka_edge)


async def test_whoever_gives_up_the_lead_with_something_on_its_way_does_not_hand_over_at_once(
    kafka_edge: Edge, tail: Tail, clock: ManualClock
) -> None:
    slow = Slow(kafka_edge.log)
    await count(kafka_edge.database, Tale(1).enquiry().told)
    await refold_all(kafka_edge.database)
    async with running(Publisher(with_log(kafka_edge, slow), tail).keep()):
        await slow.on_its_way.wait()
    other = Publisher(kafka_edge, tail)
    assert await other.turn() is None
    clock.move(LEASE)
    await all_turns(other.turn)
    await assert_complete(kafka_edge)


@pytest.mark.parametrize(
    ("held", "sent"),
    [("metrics.published", True), ("log.leaders", False)],
    ids=["between append and save", "between commit and publish"],
)
async def test_killed_it_loses_nothing(
    kafka_edge: Edge, database_url: str, tmp_path: Path, held: str, sent: bool
) -> None:
    """A real process, held by a lock where it is to die: what it waits to write there, it never writes."""
    assert kafka_edge.kafka is not None
    settings = {
        "DATABASE_URL": database_url,
        "LEADGATE_SECRET": "6b" * 32,
        "KAFKA_BOOTSTRAP_SERVERS": kafka_edge.kafka.servers,
        "LEADGATE_TOPIC_PREFIX": kafka_edge.kafka.prefix,
    }
    async with kafka_edge.database.tx() as tx:
        await policies.publish(tx, policies.sound(POLICY))
    await tell(kafka_edge, *all_told(TALES[:3]))
    conn = await asyncpg.connect(database_url)
    process, _ = await asyncio.to_thread(launch, "metrics", tmp_path / "data", "--port", "0", **settings)
    try:
        await until(lambda: is_published(kafka_edge), within=30)
        before = await last(kafka_edge)
        async with conn.transaction():
            await conn.execute(f"LOCK TABLE {held} IN EXCLUSIVE MODE")
            await tell(kafka_edge, *all_told(TALES[3:]))
            await until(lambda: later(kafka_edge, before, sent=sent), within=30)
            process.kill()
            await asyncio.to_thread(process.wait)
            await conn.execute("DELETE FROM log.leaders")  # as if its lease had run out
        assert not await is_published(kafka_edge)
        assert process.stdout is not None
        process.stdout.close()
        process, _ = await asyncio.to_thread(launch, "metrics", tmp_path / "data", "--port", "0", **settings)
        await until(lambda: is_published(kafka_edge), within=30)
        await assert_complete(kafka_edge)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
        assert process.stdout is not None
        process.stdout.close()
        await conn.close()


async def last(edge: Edge) -> int:
    async with edge.database.read() as tx:
        return await kept.last_revision(tx)


async def later(edge: Edge, revision: int, *, sent: bool) -> bool:
    """Whether there are later revisions; and that these are sent, where they should be."""
    newest = await last(edge)
    found = max(filter(None, (await heard(edge)).revisions().values()))
    assert sent or found <= revision
    return newest > revision and (not sent or found == newest)
