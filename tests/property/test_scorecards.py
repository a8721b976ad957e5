"""Whatever happens: each figure on a scorecard is the one that its words say, reckoned from the events themselves."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import naive_cards, naive_metrics
from kit.counting import count, slices
from kit.rulebooks import policy_of
from kit.telling import FIRST, ZONES, Dice, told_of

from schemas.api.scorecards import CardOut, FigureOut
from services.metrics.api.people import rows_of
from services.metrics.cards import cards
from services.metrics.periods import Period
from services.metrics.question import Dimension, Question
from services.runtime.database import Database

POLICY = policy_of()
CHOICES = {
    Dimension.REP: ("rep_ann",),
    Dimension.SOURCE: ("web",),
    Dimension.DESK: ("inbound", "closing"),
    Dimension.SEGMENT: ("smb", "uk"),
}


@pytest.fixture
async def emptied(database: Database, database_url: str) -> AsyncIterator[Any]:
    conn = await asyncpg.connect(database_url)

    async def empty() -> None:
        await conn.execute("TRUNCATE metrics.leads, metrics.facts, metrics.deeds, metrics.timings, metrics.stale")

    yield empty
    await conn.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_each_figure_is_what_its_words_say(database: Database, emptied: Any, data: st.DataObject) -> None:
    dice = Dice(data)
    told = told_of(dice)
    stories = naive_metrics.stories(told)
    await emptied()
    await count(database, *slices(told, 1 + dice.upto(20)))
    for _ in range(6):
        start = FIRST + timedelta(minutes=15 * dice.upto(200))
        period = Period(start, start + timedelta(hours=1 + dice.upto(150)))
        chosen = dice.of(None, None, *CHOICES)
        filters = {chosen: CHOICES[chosen]} if chosen else {}
        zone = dice.of(*ZONES)
        async with database.read() as tx:
            found = await cards(tx, Question(period, zone, (), filters))
        expected = naive_cards.cards(stories, period.start, period.end, zone, filters)
        rows = {(row.desk, row.rep_id): shown(row) for row in rows_of(found, POLICY, by_rep=True, small=True)}
        assert rows == {whose: wanted(whose[0], figures) for whose, figures in expected.items()}
        desks = rows_of(found, POLICY, by_rep=False, small=True)
        whole = sum(figure.value or 0 for row in desks for figure in row.figures if figure.name == "credited_won")
        assert whole == pytest.approx(sum(figures["shares"][""] for figures in expected.values()))


def shown(row: CardOut) -> dict[str, Any]:
    return {figure.name: brief(figure) for figure in row.figures}


def brief(figure: FigureOut) -> Any:
    match figure.unit:
        case "ratio" | "per_day" | "per_week":
            return figure.numerator, figure.denominator
        case "ms":
            return figure.value, figure.denominator
        case "money":
            return dict(figure.by or {})
        case "shares":
            return pytest.approx(figure.value)
    return figure.value if figure.by is None else (figure.value, dict(figure.by))


def wanted(desk: str, of: Any) -> dict[str, Any]:
    def n(name: str) -> Any:
        return of[name][""]

    def split(name: str) -> Any:
        return n(name), dict(of[name + "_by"])

    own: dict[str, dict[str, Any]] = {
        "inbound": {
            "lead_to_qualified": (n("passed"), n("completed")),
            "response_p50": (of["response_p50"], n("response_n")),
        },
        "outbound": {
            "new_prospects": n("prospected"),
            "prospect_to_qualified": (n("passed"), n("completed")),
        },
        "closing": {
            "qualified_to_won": (n("won"), n("taken")),
            "cycle_p50": (of["cycle_p50"], n("won")),
            "conversations_per_day": (n("conversations"), n("days")),
            "meetings_per_week": (n("meetings"), n("weeks")),
        },
        "customer": {"retention": (n("stayed"), n("held")), "enlargement": dict(of["enlarged"])},
    }
    return {
        **own.get(desk, {}),
        "pulls": n("pulls"),
        "returns": split("returns"),
        "exceptions": split("exceptions"),
        "returned_then_won": n("returned_then_won"),
        "promises_kept": n("promises_kept"),
        "promises_broken": n("promises_broken"),
        "credited_won": n("shares"),
    }
