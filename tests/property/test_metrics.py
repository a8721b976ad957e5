"""Whatever happens, in whatever batches it is read: the numbers are those that the contract defines."""

import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import naive_metrics as naive
from kit.counting import LONDON, count, interleaved, refold_all, slices
from kit.telling import FIRST, ZONES, Dice, told_of

from schemas.api.metrics import FunnelRow, SpeedRow
from schemas.api.questions import Basis
from schemas.events.series import ClockName, Metric
from schemas.events.stamp import Told, text_of
from services.metrics import answers
from services.metrics.kept import after
from services.metrics.periods import Grain, Period
from services.metrics.question import Dimension, Grouping, Question
from services.runtime.database import Database


def question_of(dice: Dice) -> Question:
    start = FIRST + timedelta(minutes=15 * dice.upto(200), seconds=dice.upto(900))
    period = Period(start, start + timedelta(hours=1 + dice.upto(100)))
    groups: list[Grouping] = [dice.of(*Grain, *Dimension) for _ in range(dice.of(0, 1, 1, 2))]
    filters: dict[Dimension, tuple[str, ...]] = {}
    if dice.chance(2):
        dimension = dice.of(*Dimension)
        values = {
            Dimension.DIRECTION: ("inbound",),
            Dimension.SOURCE: ("web", "nowhere"),
            Dimension.DESK: ("inbound", "outbound"),
            Dimension.QUEUE: ("inbound/main",),
            Dimension.SEGMENT: ("smb", "uk"),
            Dimension.REP: ("rep_ann",),
        }
        filters[dimension] = values[dimension]
    return Question(period, dice.of(*ZONES), tuple(dict.fromkeys(groups)), filters)


# --- the plain reckoning of an answer ---------------------------------------------------------------------------------

Key = tuple[tuple[str, str | None], ...]


def key_of(question: Question, at: datetime, dims: Mapping[str, str | None]) -> Key | None:
    """Which row something counts in; None: in none."""
    period = question.period
    if not period.start <= at < period.end or not naive.matches(dims, question.filters):
        return None
    local = at.astimezone(question.zone)
    times = {Grain.DAY: f"{local:%Y-%m-%d}", Grain.WEEK: f"{local:%G-W%V}", Grain.MONTH: f"{local:%Y-%m}"}
    return tuple((str(g), times[g] if isinstance(g, Grain) else dims[g]) for g in question.groups)


def expected_funnel(told: list[Told], question: Question, basis: Basis) -> dict[Key, dict[str, Any]]:
    rows: dict[Key, dict[str, Any]] = {}
    if not question.groups:
        rows[()] = {"counts": Counter(), "money": Counter(), "leads": []}
    for story in naive.stories(told).values():
        of_lead = naive.happenings(story)
        at, dims = story.received.captured_at, story.cohort()
        reached = set()
        for one in of_lead:
            key = key_of(question, at, dims) if basis is Basis.COHORT else key_of(question, one.at, one.dims)
            if key is None:
                continue
            row = rows.setdefault(key, {"counts": Counter(), "money": Counter(), "leads": []})
            if basis is Basis.EVENT or one.metric not in reached:
                row["counts"][one.metric] += 1
            reached.add(one.metric)
            if one.money:
                row["money"][one.metric, one.money[1]] += one.money[0]
        if basis is Basis.COHORT and (key := key_of(question, at, dims)) is not None:
            rows[key]["leads"].append({one.metric for one in of_lead})
    return rows


def shown_funnel(rows: tuple[FunnelRow, ...]) -> dict[Key, tuple[dict[str, int], dict[tuple[str, str], int]]]:
    return {
        tuple(row.group.items()): (
            {name: n for name, n in row.counts.model_dump().items() if n},
            {
                (name, sum_.currency): sum_.amount
                for name in ("won", "expanded", "renewed")
                for sum_ in getattr(row.money, name)
            },
        )
        for row in rows
    }


def percentiles(waits: list[timedelta | None]) -> tuple[Any, ...]:
    return (
        len(waits),
        sum(wait is None for wait in waits),
        *(naive.rank(waits, percent) for percent in (50, 90, 95, 99)),
    )


def bands(waits: list[timedelta | None]) -> list[int]:
    edges = [timedelta(minutes=n) for n in (1, 5, 15, 60)]
    ended = [wait for wait in waits if wait is not None]
    places = Counter(sum(wait > edge for edge in edges) for wait in ended)
    return [*(places[n] for n in range(5)), len(waits) - len(ended)]


def expected_speed(told: list[Told], question: Question, as_of: datetime) -> dict[Key, Any]:
    found: dict[Key, list[naive.Clock]] = defaultdict(list)
    if not question.groups:
        found[()] = []
    for clock in naive.clocks(naive.stories(told)):
        if (key := key_of(question, clock.at, clock.dims)) is not None:
            found[key].append(clock)
    rows = {}
    for key, started in found.items():
        waits = {name: [one.took for one in started if one.name == name] for name in ClockName}
        due = [one for one in started if one.due is not None]
        met = sum(one.took is not None and one.at + one.took <= one.due for one in due)
        breached = sum(one.took is not None for one in due) - met
        open_breached = sum(one.took is None and one.due < as_of for one in due)
        first = bands(waits[ClockName.CAPTURED_ATTEMPT])
        rows[key] = [*(percentiles(waits[name]) for name in ClockName), first, [met, breached, open_breached]]
    return rows


def shown_speed(rows: tuple[SpeedRow, ...]) -> dict[Key, Any]:
    shown = {}
    for row in rows:
        by_name = {
            **row.response.model_dump(),
            **row.handover.model_dump(),
            **row.machine.model_dump(),
            **row.vendor.model_dump(),
        }
        clocks = [tuple(by_name[name].values()) for name in ClockName]
        shown[tuple(row.group.items())] = [
            *clocks,
            list(row.bands.model_dump().values()),
            list(row.sla.model_dump().values()),
        ]
    return shown


# --- the properties ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def emptied(database: Database, database_url: str) -> AsyncIterator[Any]:
    """Empties metrics: Hypothesis runs many examples in one test."""
    conn = await asyncpg.connect(database_url)

    async def empty() -> None:
        await conn.execute(
            "TRUNCATE metrics.leads, metrics.facts, metrics.deeds, metrics.timings, metrics.series, metrics.stale;"
            "UPDATE metrics.revisions SET last = 0, zone = NULL"
        )

    yield empty
    await conn.close()


async def dumped(database_url: str) -> list[Any]:
    """All that metrics keeps, but revisions."""
    conn = await asyncpg.connect(database_url)
    tables = {"leads": "*", "facts": "*", "deeds": "*", "timings": "*", "series": "key, topic, slot, record"}
    rows = [await conn.fetch(f"SELECT {what} FROM metrics.{name} ORDER BY 1, 2, 3") for name, what in tables.items()]
    await conn.close()
    return [[_comparable(row) for row in table] for table in rows]


def _comparable(row: asyncpg.Record) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, list) else value for name, value in row.items() if name != "known"}


slow = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@slow
@given(data=st.data())
async def test_answers_are_what_the_contract_defines(database: Database, emptied: Any, data: st.DataObject) -> None:
    dice = Dice(data)
    told = told_of(dice)
    await emptied()
    await count(database, *slices(told, 1 + dice.upto(20)))
    as_of = FIRST + timedelta(hours=dice.upto(100))
    for _ in range(8):
        question = question_of(dice)
        async with database.read() as tx:
            maturity = timedelta(days=90)
            event = await answers.funnel(tx, question, Basis.EVENT, small=False, as_of=as_of, maturity=maturity)
            cohort = await answers.funnel(tx, question, Basis.COHORT, small=True, as_of=as_of, maturity=maturity)
            speed = await answers.speed(tx, question, as_of)
        for basis, rows in ((Basis.EVENT, event), (Basis.COHORT, cohort)):
            wanted = expected_funnel(told, question, basis)
            assert shown_funnel(rows) == {key: (row["counts"], row["money"]) for key, row in wanted.items()}
        check_conversions(cohort, expected_funnel(told, question, Basis.COHORT))
        assert shown_speed(speed) == expected_speed(told, question, as_of)


def check_conversions(rows: tuple[FunnelRow, ...], wanted: dict[Key, dict[str, Any]]) -> None:
    for row in rows:
        leads = wanted[tuple(row.group.items())]["leads"]
        assert row.conversion is not None
        assert len(row.conversion) == len(naive.PAIRED) * (len(naive.PAIRED) - 1)
        for one in row.conversion:
            came = [reached for reached in leads if one.from_ in reached]
            both = [reached for reached in came if one.to in reached]
            assert (one.have_from, one.have_both) == (len(came), len(both))
            assert one.rate == (len(both) / len(came) if came else None)


@slow
@given(data=st.data())
async def test_batches_their_order_and_repeats_change_nothing(
    database: Database, database_url: str, emptied: Any, data: st.DataObject
) -> None:
    dice = Dice(data)
    told = told_of(dice)
    stories = [story.told for story in naive.stories(told).values()]
    await emptied()
    await count(database, told)
    await refold_all(database)
    at_once = await dumped(database_url)
    await emptied()
    turns = random.Random(dice.upto(10**6))
    shuffled = interleaved(
        [[one for one in told if one.stamp.lead_id == lead] for lead in dict.fromkeys(o.stamp.lead_id for o in told)],
        iter(lambda: turns.randrange(1000), -1),
    )
    for batch in slices(shuffled, 1 + dice.upto(6)):
        await count(database, batch, batch if dice.chance(3) else [])
        if dice.chance(3):
            await refold_all(database)
    if stories:
        await count(database, stories[0])
    await refold_all(database)
    assert without_noughts(await dumped(database_url)) == without_noughts(at_once)


def without_noughts(tables: list[Any]) -> list[Any]:
    """A series once shown and then taken back stands as nought: as if it had never been."""
    *kept, series = tables
    return [*kept, [row for row in series if '"value": 0' not in row["record"] and '"n": 0' not in row["record"]]]


@slow
@given(data=st.data())
async def test_cells_add_up_to_the_funnel_and_days_are_the_clocks(
    database: Database, emptied: Any, data: st.DataObject
) -> None:
    dice = Dice(data)
    told = told_of(dice)
    await emptied()
    for batch in slices(told, 1 + dice.upto(20)):
        await count(database, batch)
        if dice.chance(2):
            await refold_all(database)
    await refold_all(database)
    start = FIRST + timedelta(minutes=15 * dice.upto(200))
    period = Period(start, start + timedelta(minutes=15 * (1 + dice.upto(400))))
    async with database.read() as tx:
        kept = await after(tx, 0, 100_000)
        question = Question(period, LONDON)
        (row,) = await answers.funnel(tx, question, Basis.EVENT, small=False, as_of=start, maturity=timedelta())
        days = await answers.speed(tx, Question(Period(FIRST, FIRST + timedelta(days=30)), LONDON, (Grain.DAY,)), start)
    sums: Counter[str] = Counter()
    money: Counter[tuple[str, str]] = Counter()
    figures = {}
    for one in kept:
        assert one.record is not None
        if one.record.get("metric") and text_of(period.start) <= one.record["start"] < text_of(period.end):
            sums[one.record["metric"]] += one.record["value"]
            for worth in one.record["money"]:
                money[one.record["metric"], worth["currency"]] += worth["amount"]
        if one.record.get("clock") == ClockName.CAPTURED_ATTEMPT and not one.record["dimensions"]:
            figures[one.record["day"]] = one.record
    assert {name: sums[name] for name in Metric} == {name: getattr(row.counts, name) for name in Metric}
    (worths,) = (sums for _, sums in shown_funnel((row,)).values())
    assert +money == +Counter(worths)
    for day in days:
        clock = day.response.captured_attempt
        if clock.n:
            shown = figures[day.group["day"]]
            assert clock.model_dump() == {name: shown[name] for name in clock.model_dump()}
            assert day.bands.model_dump() == shown["bands"]
