"""The metrics' answers, as the contract shows them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from kit.clock import ManualClock
from kit.counting import Metrics, asked, measured, metrics_of
from kit.tales import MONDAY, Tale, all_told
from kit.tiny import calling, key_of

from schemas.api.metrics import FunnelOut, QueuesOut, SpeedOut
from schemas.events.series import Metric
from schemas.words import PrincipalKind
from services.metrics.catalogue import STEPS
from services.runtime.edge import Edge

DAY = {"from_": "2026-07-06", "to": "2026-07-07"}
COUNTS = [*Metric]


@pytest.fixture
async def metrics(edge: Edge, clock: ManualClock) -> AsyncIterator[Metrics]:
    clock.set(MONDAY + timedelta(hours=1))
    async with metrics_of(edge) as metrics:
        yield metrics


@pytest.fixture
async def mo(metrics: Metrics) -> httpx.AsyncClient:
    return await metrics.manager()


def whole_life(n: int = 1, **more: Any) -> Tale:
    tale = Tale(n, **more).enquiry().claimed().attempted("conversation", seconds=94)
    tale.created().released().queued("closing/uk", seconds=210, due=None).claimed("rep_bob", seconds=300)
    tale.attempted("conversation", seconds=360).accepted(seconds=360).meeting(seconds=900).requested(seconds=950)
    return tale.presented(seconds=1000).won(seconds=1200, amount=2500000)


# --- shapes -----------------------------------------------------------------------------------------------------------


async def test_without_anything_there_is_one_row_of_noughts(mo: httpx.AsyncClient) -> None:
    answer = await asked(mo, "funnel", tz="UTC")
    (row,) = answer.pop("rows")
    assert answer == {
        "from": "2026-07-06T00:00:00.000Z",
        "to": "2026-07-07T00:00:00.000Z",
        "tz": "UTC",
        "basis": "event",
        "as_of": "2026-07-06T10:30:00.000Z",
    }
    assert row == {
        "group": {},
        "mature": None,
        "counts": dict.fromkeys(COUNTS, 0),
        "money": {"won": [], "expanded": [], "renewed": []},
        "conversion": None,
    }
    assert (await asked(mo, "funnel", group_by="day"))["rows"] == []


async def test_the_funnel_by_event(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    await metrics.tell(*all_told([whole_life(), Tale(2).received().decided(None, action="reject").rejected()]))
    (row,) = (await asked(mo, "funnel", **DAY))["rows"]
    counted = {name: n for name, n in row["counts"].items() if n}
    assert counted == dict.fromkeys([*STEPS, "leads_inbound", "released", "meetings_face_to_face", "rejected"], 1) | {
        "submissions": 2
    }
    assert row["money"]["won"] == [{"amount": 2500000, "currency": "GBP"}]


async def test_the_examples_in_the_reference_have_the_shape_of_the_answers(
    metrics: Metrics, mo: httpx.AsyncClient
) -> None:
    await metrics.tell(*whole_life().told, measured(depth=1))
    for what, model, query in (
        ("funnel", FunnelOut, {"basis": "cohort", "group_by": "source", **DAY}),
        ("speed-to-lead", SpeedOut, DAY),
        ("queues", QueuesOut, {}),
    ):
        (example,) = model.model_json_schema()["examples"]
        assert shape(example) == shape(await asked(mo, what, **query)), what


def shape(value: Any) -> Any:
    """The members' names, sorted; of a list those of its first."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in sorted(value.items())]
    return shape(value[0]) if isinstance(value, list) and value else None


async def test_each_fact_counts_under_its_own_queue_and_rep_and_rows_stand_in_order(
    metrics: Metrics, mo: httpx.AsyncClient
) -> None:
    await metrics.tell(*whole_life().told)
    answer = await asked(mo, "funnel", group_by=["queue", "rep"], **DAY)
    assert [(row["group"], {name for name, n in row["counts"].items() if n}) for row in answer["rows"]] == [
        (
            {"queue": "closing/uk", "rep": "rep_ann"},
            {"qualified"},
        ),
        (
            {"queue": "closing/uk", "rep": "rep_bob"},
            {"meetings", "meetings_face_to_face", "proposals_requested", "proposals_presented", "won"},
        ),
        ({"queue": "closing/uk", "rep": None}, {"released"}),
        ({"queue": "inbound/main", "rep": "rep_ann"}, {"attempted", "conversed"}),
        ({"queue": "inbound/main", "rep": None}, {"submissions", "leads", "leads_inbound"}),
    ]


async def test_by_cohort_all_counts_under_the_first_queue_and_holder(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    await metrics.tell(*whole_life().told)
    answer = await asked(mo, "funnel", basis="cohort", group_by="queue,rep", **DAY)
    (row,) = answer["rows"]
    assert row["group"] == {"queue": "inbound/main", "rep": "rep_ann"}
    assert (row["counts"]["leads"], row["counts"]["won"]) == (1, 1)
    assert row["money"]["won"] == [{"amount": 2500000, "currency": "GBP"}]


async def test_by_cohort_there_are_conversions_and_what_is_under_twenty_has_no_rate(
    metrics: Metrics, mo: httpx.AsyncClient
) -> None:
    tales = [whole_life(n) for n in range(1, 4)] + [Tale(n).enquiry() for n in range(4, 20)]
    await metrics.tell(*all_told(tales))
    (row,) = (await asked(mo, "funnel", basis="cohort", **DAY))["rows"]
    assert row["mature"] is False
    assert len(row["conversion"]) == 8 * 7
    pair = {(one["from"], one["to"]): one for one in row["conversion"]}
    assert pair["leads", "won"] == {"from": "leads", "to": "won", "have_from": 19, "have_both": 3, "rate": None}
    (row,) = (await asked(mo, "funnel", basis="cohort", small="true", **DAY))["rows"]
    pair = {(one["from"], one["to"]): one["rate"] for one in row["conversion"]}
    assert pair["leads", "won"] == 3 / 19
    await metrics.tell(*Tale(20).enquiry().told)
    (row,) = (await asked(mo, "funnel", basis="cohort", **DAY))["rows"]
    pair = {(one["from"], one["to"]): one["rate"] for one in row["conversion"]}
    assert (pair["leads", "won"], pair["won", "leads"]) == (0.15, None)
    (row,) = (await asked(mo, "funnel", basis="cohort", small="true", from_="2026-07-05", to="2026-07-06"))["rows"]
    assert all(one["rate"] is None for one in row["conversion"]), "of none there is never a rate"


MATURE = [
    ({}, timedelta(days=90, hours=12, minutes=29, seconds=59), False),
    ({}, timedelta(days=90, hours=12, minutes=30), True),  # the day ended at 23:00 UTC, and it was 10:30
    ({"to": "2026-07-06T10:00:00Z"}, timedelta(days=90, minutes=-30), True),
    ({"group_by": "day", "to": "2026-07-10"}, timedelta(days=90, hours=13), True),
    ({"group_by": "week", "to": "2026-07-10"}, timedelta(days=92), False),
]


async def test_a_row_is_mature_once_its_period_ended_long_enough_ago(
    metrics: Metrics, mo: httpx.AsyncClient, clock: ManualClock
) -> None:
    await metrics.tell(*Tale().enquiry().told)
    now = clock.now()
    for query, later, mature in sorted(MATURE, key=lambda case: case[1]):
        clock.set(now + later)
        (row,) = (await asked(mo, "funnel", basis="cohort", **{**DAY, **query}))["rows"]
        assert row["mature"] is mature, query


async def test_the_clocks(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    slow = Tale(2).enquiry(due=300).claimed(seconds=700).attempted(seconds=710)
    waiting = [Tale(3).enquiry(due=600), Tale(4).enquiry(due=3600), Tale(5).enquiry(due=3599)]
    await metrics.tell(*all_told([whole_life(), slow, *waiting]))  # it is an hour later: 3600 s are not over yet
    answer = await asked(mo, "speed-to-lead", **DAY)
    (row,) = answer.pop("rows")
    assert answer == {
        "from": "2026-07-05T23:00:00.000Z",
        "to": "2026-07-06T23:00:00.000Z",
        "tz": "Europe/London",
        "as_of": "2026-07-06T10:30:00.000Z",
    }
    none = {"p50_ms": None, "p90_ms": None, "p95_ms": None, "p99_ms": None}
    assert row == {
        "group": {},
        "response": {
            "captured_attempt": {"n": 5, "waiting": 3, **none},
            "captured_conversation": {"n": 5, "waiting": 4, **none},
        },
        "handover": {
            "qualified_conversation": {
                "n": 1,
                "waiting": 0,
                "p50_ms": 240000,
                "p90_ms": 240000,
                "p95_ms": 240000,
                "p99_ms": 240000,
            }
        },
        "machine": {
            "captured_pullable": {"n": 5, "waiting": 0, "p50_ms": 50, "p90_ms": 50, "p95_ms": 50, "p99_ms": 50}
        },
        "vendor": {"occurred_received": {"n": 0, "waiting": 0, **none}},
        "bands": {"le_1m": 0, "le_5m": 1, "le_15m": 1, "le_60m": 0, "gt_60m": 0, "waiting": 3},
        "sla": {"met": 1, "breached": 1, "open_breached": 2},
    }


async def test_the_queues(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    await metrics.tell(
        measured(depth=1, zone="red"),
        measured("inbound/main", target=None, zone=None, oldest_queued_at=None),
        measured(
            depth=7,
            target=8,
            zone="green",
            pool=3,
            in_hand=2,
            open=5,
            snoozed=1,
            reps_present=2,
            oldest_queued_at=MONDAY,
        ),
    )
    answer = await asked(mo, "queues")
    assert answer["as_of"] == "2026-07-06T10:30:00.000Z"
    assert [queue["queue"] for queue in answer["queues"]] == ["inbound/main", "closing/uk"], "as the policy has them"
    assert answer["queues"][1] == {
        "queue": "closing/uk",
        "depth": 7,
        "target": 8,
        "zone": "green",
        "shortage": 0,
        "over_target": 0,
        "pool": 3,
        "in_hand": 2,
        "open": 5,
        "parked": 0,
        "snoozed": 1,
        "out_of_hours": 0,
        "opens_at": None,
        "oldest_age_ms": 3600000,
        "reps_present": 2,
        "sla_breached": 0,
    }
    assert answer["queues"][0]["oldest_age_ms"] is None
    assert [queue["queue"] for queue in (await asked(mo, "queues", desk="closing"))["queues"]] == ["closing/uk"]
    assert [queue["queue"] for queue in (await asked(mo, "queues", queue="inbound/main"))["queues"]] == ["inbound/main"]


# --- periods, groups, filters -----------------------------------------------------------------------------------------


async def test_the_default_is_today_in_the_policys_zone(mo: httpx.AsyncClient) -> None:
    answer = await asked(mo, "funnel")
    assert (answer["from"], answer["to"], answer["tz"]) == (
        "2026-07-05T23:00:00.000Z",
        "2026-07-06T23:00:00.000Z",
        "Europe/London",
    )
    answer = await asked(mo, "funnel", to="2026-07-04", tz="Asia/Kolkata")
    assert (answer["from"], answer["to"]) == ("2026-07-02T18:30:00.000Z", "2026-07-03T18:30:00.000Z")
    answer = await asked(mo, "funnel", from_="2026-07-06T12:00:00+02:00")
    assert (answer["from"], answer["to"]) == ("2026-07-06T10:00:00.000Z", "2026-07-06T23:00:00.000Z")


async def test_days_are_those_of_the_zone_also_when_the_clocks_change(
    metrics: Metrics, mo: httpx.AsyncClient, clock: ManualClock
) -> None:
    """In London the 25th of October 2026 has 25 hours: it ends at midnight UTC."""
    clock.set(MONDAY + timedelta(days=120))
    begins = MONDAY.replace(month=10, day=24, hour=23, minute=0)
    offsets = [timedelta(seconds=-1), timedelta(), timedelta(hours=25, seconds=-1), timedelta(hours=25)]
    await metrics.tell(*all_told(Tale(n, start=begins + by).received() for n, by in enumerate(offsets, 1)))
    period = {"from_": "2026-10-20", "to": "2026-11-01"}

    async def days(group_by: str, **more: str) -> dict[str, int]:
        rows = (await asked(mo, "funnel", group_by=group_by, **period, **more))["rows"]
        return {row["group"][group_by]: row["counts"]["submissions"] for row in rows}

    assert await days("day") == {"2026-10-24": 1, "2026-10-25": 2, "2026-10-26": 1}
    assert await days("day", tz="UTC") == {"2026-10-24": 2, "2026-10-25": 1, "2026-10-26": 1}
    assert await days("week") == {"2026-W43": 3, "2026-W44": 1}
    assert await days("month") == {"2026-10": 4}


async def test_filters_repeat_and_combine(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    tales = [
        Tale(1).received(source="web").decided("inbound/main", segment="smb"),
        Tale(2).received(source="fair").decided("inbound/main"),
        Tale(3).received(source="crm", direction="outbound").decided("outbound/main"),
    ]
    await metrics.tell(*all_told(tales))

    async def leads(**filters: Any) -> int:
        return int((await asked(mo, "funnel", **DAY, **filters))["rows"][0]["counts"]["leads"])

    assert await leads() == 3
    assert await leads(source="web") == 1
    assert await leads(source=["web", "fair"]) == 2
    assert await leads(source=["web", "fair"], segment="smb") == 1
    assert await leads(direction="outbound") == 1
    assert await leads(desk=["inbound", "closing"]) == 2
    assert await leads(queue="outbound/main", desk="inbound") == 0
    assert await leads(rep="rep_ann") == 0


async def test_groups_may_be_named_twice_over_or_in_one(mo: httpx.AsyncClient) -> None:
    for group_by in (["source", "day"], "source,day", ["source", "day", "day"]):
        assert (await asked(mo, "funnel", group_by=group_by))["rows"] == []


WRONG = [
    ({"tz": "Mars/Olympus"}, "tz", "not_allowed"),
    ({"tz": "../etc/passwd"}, "tz", "not_allowed"),
    ({"from": "yesterday"}, "from", "invalid_time"),
    ({"from": "2026-07-06T09:00:00"}, "from", "invalid_time"),
    ({"from": "2026-02-30"}, "from", "invalid_time"),
    ({"from": "2026-07-06", "to": "2026-07-06"}, "to", "out_of_range"),
    ({"from": "2026-07-06T09:00:00Z", "to": "2026-07-06T09:00:00+00:00"}, "to", "out_of_range"),
    ({"from": "2026-07-07T09:00:00Z", "to": "2026-07-07"}, "to", "out_of_range"),
    ({"from": "2050-01-01"}, "to", "out_of_range"),
    ({"group_by": "colour"}, "group_by", "not_allowed"),
    ({"group_by": "day,week,source"}, "group_by", "too_many"),
    ({"group_by": "day", "from": "1990-01-01"}, "group_by", "out_of_range"),
    ({"direction": "sideways"}, "direction", "not_allowed"),
    ({"desk": "kitchen"}, "desk", "not_allowed"),
    ({"basis": "vibes"}, "basis", "not_allowed"),
    ({"small": "perhaps"}, "small", "wrong_type"),
    ({"sourse": "web"}, "sourse", "unknown_field"),
]


async def test_what_is_not_acceptable_is_named(mo: httpx.AsyncClient) -> None:
    for query, parameter, code in WRONG:
        response = await mo.get("/v1/metrics/funnel", params=query)
        assert response.status_code == 422, response.text
        assert [(one["parameter"], one["code"]) for one in response.json()["errors"]] == [(parameter, code)]


async def test_clocks_have_no_basis(mo: httpx.AsyncClient) -> None:
    for basis in ("event", "cohort", "x"):
        response = await mo.get("/v1/metrics/speed-to-lead", params={"basis": basis})
        assert [(one["parameter"], one["code"]) for one in response.json()["errors"]] == [("basis", "not_allowed")]


# --- who, and how fresh -----------------------------------------------------------------------------------------------


async def test_only_managers_may_ask(metrics: Metrics, edge: Edge) -> None:
    keys = {None: 401} | {await key_of(edge, kind): 403 for kind in (PrincipalKind.REP, PrincipalKind.SERVICE)}
    for key, status in keys.items():
        async with calling(metrics.app, key) as other:
            for what in ("funnel", "speed-to-lead", "queues", "stream"):
                assert (await other.get(f"/v1/metrics/{what}")).status_code == status


async def test_a_manager_of_some_desks_sees_the_leads_that_have_a_place_there(metrics: Metrics) -> None:
    await metrics.tell(*all_told([whole_life(), Tale(2).enquiry()]), measured(), measured("inbound/main"))
    closing = await metrics.manager("closing", name="Clo")
    (row,) = (await asked(closing, "funnel", **DAY))["rows"]
    assert (row["counts"]["leads"], row["counts"]["attempted"], row["counts"]["won"]) == (1, 1, 1)
    (row,) = (await asked(closing, "funnel", basis="cohort", **DAY))["rows"]
    assert (row["counts"]["leads"], row["counts"]["won"]) == (1, 1)
    (row,) = (await asked(closing, "speed-to-lead", **DAY))["rows"]
    assert row["response"]["captured_attempt"]["n"] == 1
    assert [queue["queue"] for queue in (await asked(closing, "queues"))["queues"]] == ["closing/uk"]


async def test_an_answer_has_an_etag_and_is_not_sent_again(
    metrics: Metrics, mo: httpx.AsyncClient, clock: ManualClock
) -> None:
    first = await mo.get("/v1/metrics/funnel")
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    clock.move(timedelta(seconds=5))
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await mo.get("/v1/metrics/funnel", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
    await metrics.tell(*Tale().enquiry().told)
    changed = await mo.get("/v1/metrics/funnel", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_whoever_asks_reads_what_was_committed_before(
    metrics: Metrics, mo: httpx.AsyncClient, clock: ManualClock
) -> None:
    for n in range(1, 15):
        await metrics.tell(*Tale(n).enquiry().told)
        asked_at = clock.move(timedelta(milliseconds=1))
        answer = await asked(mo, "funnel", **DAY)
        assert answer["rows"][0]["counts"]["leads"] == n
        assert answer["as_of"] >= f"{asked_at:%Y-%m-%dT%H:%M:%S}.{asked_at.microsecond // 1000:03}Z"
