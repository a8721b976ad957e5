"""Periods, percentiles, bands, groups: the arithmetic of the numbers."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schemas.api.metrics import BandsOut, ClockOut, ConversionOut, Counts, FunnelRow, SlaOut, SpeedRow, Worth
from schemas.events.series import Bands, ClockName, Metric
from services.metrics.catalogue import BIT, FactKind
from services.metrics.kept import Kept
from services.metrics.pages import bars_of, kept_of, period_of, spoken
from services.metrics.periods import Grain, Period, cut, day_of, days_of, quarter, today
from services.metrics.question import Dimension, Question
from services.metrics.series import Crowd, Tally, cell_key, clock, clock_key, conversions, count, count_leads, worth
from services.metrics.store import FUNNEL, QUEUES, SPEED
from services.metrics.stream import Filters

LONDON = ZoneInfo("Europe/London")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# --- periods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", date(2026, 7, 6), 24),
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # midnight was skipped
        ("America/Havana", date(2026, 11, 1), 25),  # midnight came twice
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Kolkata", date(2026, 7, 6), 24),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone: str, day: date, hours: float) -> None:
    period = day_of(day, ZoneInfo(zone))
    assert period.end - period.start == timedelta(hours=hours)
    assert period.start.astimezone(ZoneInfo(zone)).date() == day
    assert (period.start - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() < day


def test_today_is_the_local_day() -> None:
    now = at("2026-07-05T23:30:00Z")
    assert today(now, LONDON) == day_of(date(2026, 7, 6), LONDON)
    assert today(now, ZoneInfo("UTC")) == day_of(date(2026, 7, 5), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("grain", "labels"),
    [
        (Grain.DAY, ("2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02", "2027-01-03", "2027-01-04")),
        (Grain.WEEK, ("2026-W53", "2027-W01")),
        (Grain.MONTH, ("2026-12", "2027-01")),
    ],
)
def test_a_period_is_cut_into_named_pieces(grain: Grain, labels: tuple[str, ...]) -> None:
    period = Period(at("2026-12-30T12:00:00Z"), at("2027-01-04T12:00:00Z"))
    pieces = cut(period, LONDON, grain)
    assert pieces.labels == labels
    assert pieces.starts[0] <= period.start
    assert pieces.end(len(labels) - 1, period) == period.end
    assert [pieces.slot(start) for start in pieces.starts] == list(range(len(labels)))


def test_a_piece_of_a_row_ends_with_its_day_or_the_period_whichever_is_first() -> None:
    period = Period(at("2026-07-06T12:00:00Z"), at("2026-07-07T12:00:00Z"))
    question = Question(period, LONDON, (Grain.MONTH, Grain.DAY))
    assert question.ends(("1", "1")) == at("2026-07-06T23:00:00Z")
    assert question.ends(("1", "2")) == period.end
    assert question.named(("1", "2")) == {"month": "2026-07", "day": "2026-07-07"}
    assert Question(period, LONDON, (Dimension.REP,)).ends((None, None)) == period.end


def test_quarters_of_an_hour_lie_in_local_days() -> None:
    assert quarter(at("2026-07-06T09:44:59.999Z")) == at("2026-07-06T09:30:00Z")
    quarters = [at("2026-07-05T22:45:00Z"), at("2026-07-05T23:00:00Z"), at("2026-07-06T22:45:00Z")]
    assert days_of(quarters, LONDON) == [date(2026, 7, 5), date(2026, 7, 6)]


# --- folds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ended", "waiting", "expected"),
    [
        ([], 0, (None, None, None, None)),
        ([], 3, (None, None, None, None)),
        ([7], 0, (7, 7, 7, 7)),
        ([7], 1, (7, None, None, None)),
        ([1, 2], 0, (1, 2, 2, 2)),
        ([1, 2, 3, 4], 0, (2, 4, 4, 4)),
        (list(range(1, 11)), 0, (5, 9, 10, 10)),
        (list(range(1, 10)), 1, (5, 9, None, None)),
        (list(range(1, 101)), 0, (50, 90, 95, 99)),
        (list(range(1, 100)), 1, (50, 90, 95, 99)),
        (list(range(1, 96)), 5, (50, 90, 95, None)),
        (list(range(1, 61)), 0, (30, 54, 57, 60)),  # 0.95 · 60 is 57, and in floating point a little more
    ],
)
def test_percentiles_are_by_nearest_rank_and_who_waits_is_longer_than_any(
    ended: list[int], waiting: int, expected: tuple[int | None, ...]
) -> None:
    found = clock(ended, waiting)
    assert (found.p50_ms, found.p90_ms, found.p95_ms, found.p99_ms) == expected
    assert (found.n, found.waiting) == (len(ended) + waiting, waiting)


def test_bands_are_up_to_and_with_their_limit() -> None:
    limits = [0, 60_000, 60_001, 300_000, 300_001, 900_000, 900_001, 3_600_000, 3_600_001]
    assert clock(limits, 4).bands == Bands(le_1m=2, le_5m=2, le_15m=2, le_60m=2, gt_60m=1, waiting=4)


def mask(*kinds: FactKind) -> int:
    return sum(BIT[kind] for kind in kinds)


def test_a_lead_counts_once_for_each_step_and_a_fact_each_time() -> None:
    both = mask(FactKind.SUBMISSION, FactKind.LEAD, FactKind.MET, FactKind.MET_FACE_TO_FACE)
    leads = count_leads([Crowd(both, "inbound", 2), Crowd(mask(FactKind.SUBMISSION, FactKind.LEAD), "outbound")])
    assert leads == {
        Metric.SUBMISSIONS: 3,
        Metric.LEADS: 3,
        Metric.LEADS_INBOUND: 2,
        Metric.LEADS_OUTBOUND: 1,
        Metric.MEETINGS: 2,
        Metric.MEETINGS_FACE_TO_FACE: 2,
    }
    assert count([Tally(FactKind.MET, "inbound", 3), Tally(FactKind.MET_FACE_TO_FACE, "inbound", 2)]) == {
        Metric.MEETINGS: 5,
        Metric.MEETINGS_FACE_TO_FACE: 2,
    }


@pytest.mark.parametrize(("n", "small", "rate"), [(19, False, None), (20, False, 0.0), (1, True, 0.0), (0, True, None)])
def test_of_fewer_than_twenty_there_is_no_rate_and_of_none_never(n: int, small: bool, rate: float | None) -> None:
    found = conversions([Crowd(mask(FactKind.LEAD), "inbound", n)], small=small)
    (leads_won,) = [one for one in found if (one.source, one.target) == (Metric.LEADS, Metric.WON)]
    assert (leads_won.have_from, leads_won.have_both, leads_won.rate) == (n, 0, rate)


def test_money_is_summed_by_currency() -> None:
    tallies = [
        Tally(FactKind.WON, "inbound", 2, "GBP", 300),
        Tally(FactKind.WON, "outbound", 1, "EUR", 50),
        Tally(FactKind.WON, "outbound", 1, "GBP", 5),
        Tally(FactKind.LOST, "inbound", 1),
    ]
    assert [(one.currency, one.amount) for one in worth(tallies, FactKind.WON)] == [("EUR", 50), ("GBP", 305)]


def test_keys_are_those_of_the_contract() -> None:
    dims = {"direction": "inbound", "source": "web", "queue": "closing/uk", "rep": "rep_1"}
    start = at("2026-07-06T09:30:00Z")
    assert cell_key(Metric.WON, start, dims) == (
        "metric=won;start=2026-07-06T09:30:00.000Z;direction=inbound;source=web;queue=closing/uk;rep=rep_1"
    )
    assert clock_key(ClockName.CAPTURED_ATTEMPT, date(2026, 7, 6), "Europe/London", {"source": "web"}) == (
        "clock=captured_attempt;day=2026-07-06;tz=Europe/London;source=web"
    )


# --- the stream's filters ---------------------------------------------------------------------------------------------

CELL = Kept("c", FUNNEL, {"dimensions": {"direction": "inbound", "source": "web", "queue": "closing/uk"}}, 1)
CLOCK = Kept("k", SPEED, {"dimensions": {"source": "web"}}, 2)
ALL = Kept("a", SPEED, {"dimensions": {}}, 3)
QUEUE = Kept("q", QUEUES, {"queue": "closing/uk"}, 4)
WITHDRAWN = Kept("w", SPEED, None, 5)


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [
        ({}, [CELL, CLOCK, ALL, QUEUE]),
        ({Dimension.SOURCE: ("web",)}, [CELL, CLOCK, QUEUE]),
        ({Dimension.SOURCE: ("fair", "web")}, [CELL, CLOCK, QUEUE]),
        ({Dimension.DIRECTION: ("inbound",), Dimension.SOURCE: ("web",)}, [CELL, QUEUE]),
        ({Dimension.DESK: ("closing",)}, [CELL, QUEUE]),
        ({Dimension.QUEUE: ("inbound/main",)}, []),
        ({Dimension.REP: ("rep_1",)}, [QUEUE]),
        ({Dimension.SEGMENT: ("smb",)}, [CELL, CLOCK, ALL, QUEUE]),
    ],
)
def test_a_series_is_heard_where_each_dimension_asked_for_is_a_wanted_one(
    wanted: dict[Dimension, tuple[str, ...]], heard: list[Kept]
) -> None:
    filters = Filters(wanted)
    assert [one for one in (CELL, CLOCK, ALL, QUEUE, WITHDRAWN) if filters.match(one)] == heard


def test_a_manager_of_some_desks_hears_of_these_alone() -> None:
    closing, inbound = Filters({}, frozenset({"closing"})), Filters({}, frozenset({"inbound"}))
    assert [closing.match(one) for one in (CELL, CLOCK, ALL, QUEUE)] == [True, False, False, True]
    assert not any(inbound.match(one) for one in (CELL, CLOCK, ALL, QUEUE))


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("today", "2026-07-08", "2026-07-09"),
        ("yesterday", "2026-07-07", "2026-07-08"),
        ("week", "2026-07-06", "2026-07-09"),
        ("7d", "2026-07-02", "2026-07-09"),
        ("month", "2026-07-01", "2026-07-09"),
        ("30d", "2026-06-09", "2026-07-09"),
    ],
)
def test_the_pages_periods_are_local_days(name: str, start: str, end: str) -> None:
    found = period_of(name, at("2026-07-08T00:30:00+01:00"), LONDON)  # type: ignore[arg-type]
    assert found == Period(at(f"{start}T00:00:00+01:00"), at(f"{end}T00:00:00+01:00"))


def test_a_duration_is_told_in_two_units_at_most() -> None:
    told = [spoken(ms) for ms in (0, 999, 1000, 60_000, 3_600_000, 90_061_000, None)]
    assert told == ["0 ms", "999 ms", "1 s", "1 min", "1 h", "1 d 1 h", "not yet"]


def test_the_funnels_bars_tell_a_part_only_by_cohort_and_in_words_where_leads_are_few() -> None:
    by_event = FunnelRow(group={}, mature=None, counts=Counts(leads=30), money=Worth(), conversion=None)
    assert {bar.note for bar in bars_of(by_event)} == {""}
    few = ConversionOut(from_="leads", to="won", have_from=9, have_both=2, rate=None)
    many = ConversionOut(from_="leads", to="attempted", have_from=40, have_both=31, rate=31 / 40)
    row = by_event.model_copy(update={"conversion": (few, many)})
    notes = {bar.label: bar.note for bar in bars_of(row)}
    assert (notes["Won"], notes["Attempted"], notes["Leads"]) == ("2 of 9", "78%", "")


def test_the_part_answered_in_time_is_told_of_twenty_or_more() -> None:
    none = ClockOut(n=0, waiting=0, p50_ms=None, p90_ms=None, p95_ms=None, p99_ms=None)
    bands = BandsOut(le_1m=0, le_5m=0, le_15m=0, le_60m=0, gt_60m=0, waiting=0)

    def row(met: int, breached: int, open_breached: int) -> SpeedRow:
        sla = SlaOut(met=met, breached=breached, open_breached=open_breached)
        return SpeedRow.model_validate(
            {
                "group": {},
                "response": {"captured_attempt": none, "captured_conversation": none},
                "handover": {"qualified_conversation": none},
                "machine": {"captured_pullable": none},
                "vendor": {"occurred_received": none},
                "bands": bands,
                "sla": sla,
            }
        )

    assert kept_of(row(15, 3, 2)) == "75%"
    assert kept_of(row(15, 3, 1)) is None
