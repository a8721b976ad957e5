"""What metrics keeps: once, in order, up to date, and known for how long."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from kit.clock import ManualClock
from kit.counting import LONDON, count, measured, refold_all
from kit.routing import Routing
from kit.submissions import submission, submit
from kit.tales import MONDAY, Tale, all_told
from kit.waiting import becomes, running, until
from sqlalchemy import select

from schemas.envelope import Envelope
from schemas.events.lifecycle import LeadConflictingSubmission
from schemas.events.series import ClockName
from schemas.events.signals import UnknownSignal
from schemas.events.stamp import Told, UnknownEvent
from schemas.topics import LIFECYCLE, SIGNALS
from services.metrics import freshness as fresh
from services.metrics import kept as series
from services.metrics import loops, store
from services.metrics.freshness import Freshness
from services.metrics.handler import Handler, decode
from services.metrics.kept import Kept, after, last_revision, refold
from services.metrics.periods import Period
from services.metrics.process import build
from services.metrics.question import Question
from services.metrics.tables import freshness
from services.metrics.tallies import timings
from services.runtime.database import Database
from services.runtime.edge import Edge
from services.runtime.http.problems import Unavailable
from services.runtime.telemetry import Telemetry
from services.worker import measures
from services.worker.loops import keep

WEEK = Period(MONDAY - timedelta(days=3), MONDAY + timedelta(days=4))


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    conn = await asyncpg.connect(database_url)
    yield conn
    await conn.close()


async def kept(database: Database, revision: int = 0) -> list[Kept]:
    async with database.read() as tx:
        return await after(tx, revision, 10_000)


async def attempts(database: Database) -> tuple[list[int], int]:
    """How long first attempts took, and how many are awaited."""
    async with database.read() as tx:
        found = await timings(tx, Question(WEEK, LONDON), MONDAY)
    waits = found.get((None, None), {}).get(ClockName.CAPTURED_ATTEMPT)
    return (waits.ended_ms, waits.waiting) if waits else ([], 0)


# --- events -----------------------------------------------------------------------------------------------------------


async def test_an_event_is_counted_once_however_often_it_comes(database: Database, sql: Any) -> None:
    async def all_kept() -> list[Any]:
        tables = ("leads", "facts", "timings")
        return [await sql.fetch(f"SELECT * FROM metrics.{name} ORDER BY 1, 2, 3") for name in tables]

    told = Tale().enquiry(segment="smb").claimed().attempted().told
    await count(database, told)
    once = await all_kept()
    assert [len(rows) for rows in once] == [1, 3, 3]
    await count(database, told, told[2:], told[:1], [*told[:2], *told[:3]])
    assert await all_kept() == once


async def test_a_missing_event_is_alarmed_and_the_story_goes_on(database: Database, sql: Any) -> None:
    told = Tale().enquiry().claimed().attempted().told
    telemetry = Telemetry()
    await count(database, told[:2], told[3:], telemetry=telemetry)
    assert b"leadgate_metrics_story_gaps_total 1.0" in telemetry.exposition()
    assert await sql.fetchval("SELECT count(*) FROM metrics.facts WHERE kind = 'attempted'") == 1
    await count(database, told, telemetry=telemetry)
    assert b"leadgate_metrics_story_gaps_total 1.0" in telemetry.exposition()


async def test_a_story_whose_beginning_is_not_known_counts_what_is_told_of_it(database: Database, sql: Any) -> None:
    told = Tale().enquiry().claimed().attempted().told
    await count(database, told[3:])
    rows = await sql.fetch("SELECT kind, source, queue FROM metrics.facts")
    assert [tuple(row) for row in rows] == [("attempted", None, "inbound/main")]
    assert await attempts(database) == ([], 0)


async def test_what_is_taken_back_stays_written_with_the_time_at_which_it_was(database: Database, sql: Any) -> None:
    tale = Tale().enquiry().created().queued("closing/uk").claimed("rep_bob").lost(seconds=900)
    await count(database, tale.told, tale.reopened(seconds=5000).told)
    (row,) = await sql.fetch("SELECT at, voided_at FROM metrics.facts WHERE kind = 'lost'")
    assert (row["at"], row["voided_at"]) == (MONDAY + timedelta(seconds=900), MONDAY + timedelta(seconds=5000))


async def test_events_of_newer_versions_are_let_pass(database: Database, sql: Any) -> None:
    envelope = Envelope("evt_1", "leadgate.lead.sang.v1", "", "k", "", "")
    stamp = '"lead_id":"ld_1","seq":1,"at":"2026-07-06T09:30:00.000Z","test":false,"actor":{"kind":"choir","id":null}'
    sang = decode(envelope, f'{{{stamp},"pitch":440}}'.encode())
    assert isinstance(sang, Told)
    assert isinstance(sang.event, UnknownEvent)
    strange = Envelope("evt_2", "leadgate.queue.sang.v1", "", "k", "", "")
    signal = decode(strange, b'{"queue":"closing/uk","pitch":440}')
    assert isinstance(signal, UnknownSignal)
    await count(database, [sang, signal])
    assert await sql.fetchval("SELECT count(*) FROM metrics.facts") == 0


async def test_a_measure_that_is_older_than_what_stands_changes_nothing(database: Database) -> None:
    told = ((1, 5), (2, 9), (3, 7), (4, 1))
    rows = [measured(depth=depth, measured_at=MONDAY + timedelta(seconds=at)) for depth, at in told]
    await count(database, rows[:1], rows[1:])
    async with database.read() as tx:
        assert {name: row.depth for name, row in (await store.measured(tx)).items()} == {"closing/uk": 2}


# --- resubmissions ----------------------------------------------------------------------------------------------------


def resubmission(n: int = 2, seconds: float = 100) -> Tale:
    start = MONDAY + timedelta(seconds=seconds)
    return Tale(n, start=start).received().decided(None, action="merge").merged(1)


ROOT = Tale().enquiry().claimed().attempted(seconds=60).attempted("conversation", seconds=160)


@pytest.mark.parametrize(
    "batches",
    [
        [ROOT.told, resubmission().told],
        [resubmission().told, ROOT.told],
        [ROOT.told[:5], resubmission().told, ROOT.told[5:]],
        [resubmission().told[:1], ROOT.told, resubmission().told[1:]],
        [[*ROOT.told, *resubmission().told]],
        [[*resubmission().told, *ROOT.told]],
    ],
)
async def test_a_resubmission_is_timed_whatever_is_read_first(
    database: Database, batches: Sequence[list[Told]]
) -> None:
    await count(database, *batches)
    assert await attempts(database) == ([60_000, 60_000], 0)


async def test_a_resubmission_and_an_attempt_that_are_counted_at_the_same_time_see_each_other(
    database: Database,
) -> None:
    """Two processes read two partitions: each takes the root's row before it looks."""
    for n in range(10):
        root = Tale(100 + n).enquiry().claimed().attempted(seconds=60)
        again = Tale(200 + n, start=root.at(100)).received().decided(None, action="merge").merged(100 + n)
        late = len(root.told)
        root.attempted(seconds=150)
        await count(database, root.told[:late])
        await asyncio.gather(count(database, again.told), count(database, root.told[late:]))
    assert await attempts(database) == ([50_000] * 10 + [60_000] * 10, 0)


async def test_a_second_body_of_a_merged_lead_changes_nothing(database: Database) -> None:
    again = resubmission()
    await count(database, ROOT.told, again.told, again.tell(LeadConflictingSubmission(), 5).told)
    assert await attempts(database) == ([60_000, 60_000], 0)


# --- series -----------------------------------------------------------------------------------------------------------


async def test_only_what_changed_gets_a_new_revision(database: Database) -> None:
    await count(database, Tale(1).received(direction="outbound").told)
    await refold_all(database)
    assert [one.revision for one in await kept(database)] == [1, 2, 3]
    await refold_all(database)
    await count(database, Tale(1).received(direction="outbound").told)
    await refold_all(database)
    assert await kept(database, 3) == []
    await count(database, Tale(2).received(direction="outbound", source="fair").told)
    await refold_all(database)
    changed = await kept(database, 3)
    assert [one.revision for one in changed] == [4, 5, 6]
    assert {"source=fair" in one.key for one in changed} == {True}


async def test_what_is_taken_back_is_kept_as_nought(database: Database) -> None:
    tale = Tale().received(direction="outbound")
    await count(database, tale.told)
    await refold_all(database)
    await count(database, tale.rejected().told)
    await refold_all(database)
    values = {str(one.key).split(";")[0]: one.record["value"] for one in await kept(database) if one.record}
    assert values == {"metric=submissions": 1, "metric=leads": 0, "metric=leads_outbound": 0, "metric=rejected": 1}


async def test_what_is_taken_back_later_leaves_its_old_time(database: Database) -> None:
    tale = Tale().enquiry().created().queued("closing/uk").claimed("rep_bob").lost(seconds=900)
    await count(database, tale.told)
    await refold_all(database)
    await count(database, tale.reopened(seconds=90_000).told)
    await refold_all(database)
    (lost,) = [one.record for one in await kept(database) if one.key.startswith("metric=lost")]
    assert lost is not None
    assert (lost["start"], lost["value"]) == ("2026-07-06T09:45:00.000Z", 0)


async def test_a_clock_that_is_none_any_more_is_kept_as_nought(database: Database) -> None:
    tale = Tale().received().decided()
    await count(database, tale.told)
    await refold_all(database)
    await count(database, tale.rejected(seconds=90_000).told)
    await refold_all(database)
    figures = [one.record for one in await kept(database) if one.key.startswith("clock=captured_attempt")]
    assert {(record["n"], record["waiting"], record["p50_ms"]) for record in figures if record} == {(0, 0, None)}


async def test_a_quarter_of_an_hour_begins_with_its_first_moment_and_ends_before_the_next(database: Database) -> None:
    starts = [MONDAY - timedelta(minutes=15), MONDAY - timedelta(milliseconds=1), MONDAY]
    await count(database, all_told(Tale(n, start=at).received(direction="outbound") for n, at in enumerate(starts, 1)))
    await refold_all(database)
    cells = [one.record for one in await kept(database) if one.key.startswith("metric=leads;")]
    assert sorted((cell["start"], cell["value"]) for cell in cells if cell) == [
        ("2026-07-06T09:15:00.000Z", 2),
        ("2026-07-06T09:30:00.000Z", 1),
    ]


async def test_revisions_become_visible_in_their_order_however_many_recompute(database: Database) -> None:
    seen: list[int] = []

    async def watch() -> None:
        while True:
            for one in await kept(database, seen[-1] if seen else 0):
                assert not seen or one.revision > seen[-1]
                seen.append(one.revision)
            await asyncio.sleep(0)

    async def recompute() -> None:
        for _ in range(12):
            async with database.tx() as tx:
                await refold(tx, LONDON)

    async with running(watch()):
        for n in range(1, 25):
            source = f"s{n}"
            await count(database, Tale(n).received(direction="outbound", source=source).told)
            if n % 8 == 0:
                await asyncio.gather(recompute(), recompute(), recompute())
        await becomes(lambda: _last(seen), 72)
    assert seen == list(range(1, 73)), "each was seen, none twice"


async def _last(seen: list[int]) -> int:
    return seen[-1] if seen else 0


async def test_when_the_policys_zone_changes_days_are_recomputed_and_the_former_ones_withdrawn(
    database: Database,
) -> None:
    late = Tale(1, start=MONDAY.replace(hour=23, minute=30)).received()
    await count(database, late.told)
    await refold_all(database, LONDON)
    clocks = {one.record["day"] for one in await kept(database) if one.record and "clock" in one.record}
    assert clocks == {"2026-07-07"}
    async with database.read() as tx:
        before = await last_revision(tx)
    await refold_all(database, ZoneInfo("UTC"))
    changed = await kept(database, before)
    assert {one.record["day"] for one in changed if one.record} == {"2026-07-06"}
    assert {"tz=Europe/London" in one.key for one in changed if one.record is None} == {True}
    await refold_all(database, ZoneInfo("UTC"))
    async with database.read() as tx:
        assert await last_revision(tx) == changed[-1].revision, "once done, it is done"


async def test_a_turn_is_short_whatever_has_piled_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "AT_ONCE", 2)
    tales = [Tale(n, start=MONDAY + timedelta(hours=n)).received(direction="outbound") for n in range(1, 6)]
    await count(database, all_told(tales))
    turns = []
    more = True
    while more:
        async with database.tx() as tx:
            more = await refold(tx, LONDON)
        turns.append(len(await kept(database)))
    assert turns == [6, 12, 15]
    first = {one.record["start"][11:16] for one in (await kept(database))[:6] if one.record}
    assert first == {"13:30", "14:30"}, "the newest first"


# --- freshness --------------------------------------------------------------------------------------------------------


async def test_as_of_waits_for_the_router_and_then_for_our_own_reading(
    edge: Edge, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "PATIENCE", timedelta(milliseconds=100))
    routing = Routing(edge)
    await routing.publish()
    process, asked = build(edge), Freshness(edge)
    at_first = await asked.reach()
    assert at_first == clock.now(), "nothing was ever said: all of it is counted"

    clock.move(timedelta(seconds=1))
    await submit(edge, [submission(edge.keyring, clock.now(), email="ann@example.com")])
    assert await asked.reach() == at_first, "a lead is accepted, and not routed yet"
    async with routing.running():
        await routing.settle()
    assert await asked.reach() == at_first, "it is routed, and not counted yet"
    monkeypatch.undo()
    async with running(process.tasks["consumer"]()):
        assert await asked.reach() == clock.now()


async def test_the_queues_are_as_of_a_look_of_the_worker_that_was_asked_for_and_read(
    edge: Edge, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "PATIENCE", timedelta(milliseconds=200))
    await Routing(edge).publish()
    asked, duty = Freshness(edge), measures.duty(edge)
    assert await asked.reach_measured() == clock.now(), "nobody ever looked: there are no rows"
    async with running(build(edge).tasks["consumer"]()):
        await duty.turn()
        looked_at = clock.now()
        clock.move(timedelta(seconds=1))
        assert await asked.reach_measured() == looked_at, "the worker is not at work"
        async with running(keep(edge, replace(duty, interval=timedelta(hours=1)))):
            clock.move(timedelta(seconds=1))
            assert await asked.reach_measured() == clock.now(), "it is, and looks when asked"
    clock.move(timedelta(seconds=1))
    looked_at = clock.now()
    async with edge.database.tx() as tx:
        tx.emit(measured())
    await duty.turn()
    assert await asked.reach_measured() < looked_at, "what it tells is not read yet"


async def test_those_who_ask_while_another_looks_share_the_next_look(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, looks = Freshness(edge), 0
    look = asked._look

    async def counted() -> None:
        nonlocal looks
        looks += 1
        await look()

    monkeypatch.setattr(asked, "_look", counted)
    await asyncio.gather(*(asked.reach() for _ in range(20)))
    assert looks == 2


async def test_who_is_far_behind_answers_at_once_with_what_it_knows(
    edge: Edge, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "PATIENCE", timedelta(milliseconds=300))
    asked = Freshness(edge)
    known = await asked.reach()
    async with edge.database.tx() as tx:
        tx.emit(*Tale().enquiry().told)
    clock.move(timedelta(seconds=11))
    loop = asyncio.get_running_loop()
    took = []
    for _ in range(3):
        began = loop.time()
        assert await asked.reach() == known
        took.append(loop.time() - began)
    assert took[0] >= 0.3, "the first one waits in vain"
    assert max(took[1:]) < 0.3


async def test_what_was_known_survives_a_restart_and_without_it_there_is_no_number(
    edge: Edge, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "PATIENCE", timedelta(milliseconds=50))
    async with running(Freshness(edge).keep()):
        await until(lambda: _stands(edge))
    known = clock.now()
    async with edge.database.tx() as tx:
        tx.emit(*Tale().enquiry().told)
    clock.move(timedelta(seconds=30))
    begun = Freshness(edge)
    with pytest.raises(Unavailable):
        await begun.reach()
    async with running(begun.keep()):
        await becomes(begun.reach, known)


async def _stands(edge: Edge) -> bool:
    async with edge.database.read() as tx:
        return await tx.value(select(freshness.c.as_of)) is not None


# --- the process ------------------------------------------------------------------------------------------------------


async def test_the_loop_recomputes_soon_after_facts_change_and_rests_without_a_policy(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        assert not await Handler(edge.telemetry)(tx, [])
    assert not await loops.turn(edge), "no policy, no zone"
    await Routing(edge).publish()
    process = build(edge)
    async with running(process.tasks["consumer"]()), running(process.tasks["series"]()):
        async with edge.database.tx() as tx:
            tx.emit(*Tale().received(direction="outbound").told)
        await until(lambda: _three(edge))


async def _three(edge: Edge) -> bool:
    return len(await kept(edge.database)) == 3


def test_it_reads_lifecycle_and_signals_and_nothing_else() -> None:
    assert fresh.TOPICS == (LIFECYCLE, SIGNALS)
