"""Scorecards, customers, and the facts behind a number, as the contract shows them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from kit.clock import ManualClock
from kit.counting import Metrics, asked, metrics_of
from kit.desks import POLICY
from kit.tales import MANAGER, MONDAY, Tale, all_told
from kit.tiny import calling, key_of

from schemas.api.scorecards import CustomersOut, FactsOut, ScorecardsOut
from schemas.events.lifecycle import (
    ItemCompleted,
    ItemPromiseBroken,
    ItemPromiseKept,
    ItemQueued,
    ItemReturned,
)
from schemas.events.opportunity import Credit
from schemas.words import PrincipalKind
from services.runtime.edge import Edge

DAY = {"from_": "2026-07-06", "to": "2026-07-07"}
SHARES = (Credit(desk="inbound", rep_id="rep_ann", share=0.4), Credit(desk="closing", rep_id="rep_bob", share=0.6))
TARGETS = POLICY.replace(
    "field: {calendar: always,", "field: {targets: {conversations_per_day: 20, meetings_per_week: 5}, calendar: always,"
)


@pytest.fixture
async def metrics(edge: Edge, clock: ManualClock) -> AsyncIterator[Metrics]:
    clock.set(MONDAY + timedelta(hours=1))
    async with metrics_of(edge, policy=TARGETS) as metrics:
        yield metrics


@pytest.fixture
async def mo(metrics: Metrics) -> httpx.AsyncClient:
    return await metrics.manager()


def qualified(n: int = 1) -> Tale:
    """Ann qualifies what Bob takes."""
    tale = Tale(n).enquiry().claimed().attempted("conversation", seconds=94)
    tale.item(ItemCompleted, seconds=100, outcome="qualified").created(seconds=100)
    return tale.queued("closing/field", seconds=110, due=None).claimed("rep_bob", seconds=300)


def sold(n: int = 1, **more: Any) -> Tale:
    tale = qualified(n).attempted("conversation", seconds=360).meeting(seconds=900)
    return tale.won(seconds=1200, credit=SHARES, **more).sold(seconds=1200)


async def figures(client: httpx.AsyncClient, **query: Any) -> dict[tuple[str, str | None], dict[str, Any]]:
    """Each figure by name, of each row."""
    rows = (await asked(client, "scorecards", **DAY, **query))["rows"]
    return {(row["desk"], row["rep_id"]): {figure.pop("name"): figure for figure in row["figures"]} for row in rows}


async def test_each_role_has_its_figures_and_all_have_the_fair_ones(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    await metrics.tell(*sold().told)
    cards = await figures(mo, small="true")
    fair = ["pulls", "returns", "exceptions", "returned_then_won", "promises_kept", "promises_broken", "credited_won"]
    assert {whose: list(card) for whose, card in cards.items()} == {
        ("inbound", "rep_ann"): ["lead_to_qualified", "response_p50", *fair],
        ("closing", "rep_bob"): [
            *("qualified_to_won", "cycle_p50", "conversations_per_day", "meetings_per_week"),
            *fair,
        ],
    }
    ann, bob = cards["inbound", "rep_ann"], cards["closing", "rep_bob"]
    assert ann["lead_to_qualified"] == {
        **{"value": 1.0, "unit": "ratio", "numerator": 1, "denominator": 1, "target": None, "by": None}
    }
    assert ann["response_p50"]["value"] == 94_000
    assert (bob["qualified_to_won"]["value"], bob["cycle_p50"]["value"]) == (1.0, 900_000)
    assert (bob["conversations_per_day"]["value"], bob["conversations_per_day"]["target"]) == (2.0, 20)
    assert (bob["meetings_per_week"]["value"], bob["meetings_per_week"]["target"]) == (1.0, 5)
    assert (ann["credited_won"]["value"], bob["credited_won"]["value"]) == (0.4, 0.6)


async def test_of_fewer_than_twenty_a_ratio_is_told_in_counts_alone(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    await metrics.tell(*all_told(qualified(n) for n in range(1, 20)))
    ratio = (await figures(mo))["inbound", "rep_ann"]["lead_to_qualified"]
    assert (ratio["value"], ratio["numerator"], ratio["denominator"]) == (None, 19, 19)
    await metrics.tell(*qualified(20).told)
    assert (await figures(mo))["inbound", "rep_ann"]["lead_to_qualified"]["value"] == 1.0


async def test_what_the_closer_gives_back_counts_no_more_for_who_qualified_it(
    metrics: Metrics, mo: httpx.AsyncClient
) -> None:
    await metrics.tell(*qualified().refused().told)
    ratio = (await figures(mo, small="true"))["inbound", "rep_ann"]["lead_to_qualified"]
    assert (ratio["value"], ratio["numerator"], ratio["denominator"]) == (0.0, 0, 1)


async def test_by_desk_its_reps_stand_together_and_shares_of_a_win_sum_to_one(
    metrics: Metrics, mo: httpx.AsyncClient
) -> None:
    await metrics.tell(*all_told([sold(), sold(2)]))
    cards = await figures(mo, group_by="desk")
    assert set(cards) == {("inbound", None), ("closing", None)}
    assert sum(card["credited_won"]["value"] for card in cards.values()) == pytest.approx(2)
    assert cards["closing", None]["pulls"]["value"] == 2


async def test_returns_exceptions_and_promises_are_told_by_rep_with_their_reasons(
    metrics: Metrics, mo: httpx.AsyncClient
) -> None:
    tale = Tale().enquiry().claimed("rep_ida", exception="continuity")
    tale.item(ItemReturned, seconds=5, reason="wrong_queue")
    tale.queued(seconds=6).claimed("rep_ann", seconds=7)
    for event in (ItemPromiseKept, ItemPromiseKept, ItemPromiseBroken):
        tale.item(event, seconds=8, due_at=tale.at(8))
    tale.item(ItemCompleted, seconds=9, outcome="qualified").created(seconds=9)
    tale.queued("closing/field", seconds=10, due=None).claimed("rep_bob", seconds=11).won(seconds=20)
    await metrics.tell(*tale.told)
    cards = await figures(mo)
    ida, ann = cards["inbound", "rep_ida"], cards["inbound", "rep_ann"]
    assert (ida["returns"]["value"], ida["returns"]["by"]) == (1, {"wrong_queue": 1})
    assert ida["exceptions"]["by"] == {"continuity": 1}
    assert (ida["returned_then_won"]["value"], ann["returned_then_won"]["value"]) == (1, 0)
    assert (ann["promises_kept"]["value"], ann["promises_broken"]["value"]) == (2, 1)


async def test_exceptions_are_told_by_the_manager_who_made_them(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    tale = Tale().enquiry()
    given = ItemQueued(
        **tale._item(),
        **{"priority": "normal", "queued_at": tale.at(1), "due_at": None, "reserved_for": "rep_ann"},
        **{"cause": "assign", "exception": "named_referral"},
    )
    tale.tell(given, 5, MANAGER)
    await metrics.tell(*tale.told)
    assert (await asked(mo, "scorecards", **DAY))["managers"] == [
        {"actor": "key_mo", "exceptions": 1, "by": {"named_referral": 1}}
    ]


async def test_a_rep_sees_their_own_and_nobody_elses(metrics: Metrics, edge: Edge, mo: httpx.AsyncClient) -> None:
    ann = await key_of(edge, PrincipalKind.REP, rep_id="rep_ann")
    await metrics.tell(*sold().told)
    async with calling(metrics.app, ann) as rep:
        for query in ({"rep": "me"}, {}, {"rep": "rep_ann"}):
            assert set(await figures(rep, **query)) == {("inbound", "rep_ann")}
        response = await rep.get("/v1/metrics/scorecards", params={"rep": "rep_bob"})
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        for what in ("customers", "facts?metric=won"):
            assert (await rep.get(f"/v1/metrics/{what}")).status_code == 403
    response = await mo.get("/v1/metrics/scorecards", params={"rep": "me"})
    assert [(one["parameter"], one["code"]) for one in response.json()["errors"]] == [("rep", "not_allowed")]
    closing = await metrics.manager("closing", name="Clo")
    assert set(await figures(closing)) == {("closing", "rep_bob")}


async def test_customers_stay_until_they_leave_and_those_who_stay_count_too(
    metrics: Metrics, mo: httpx.AsyncClient, clock: ManualClock
) -> None:
    day = 86_400
    gone = sold(1).expanded(seconds=10 * day, amount=70).expanded(seconds=11 * day, amount=5, currency="EUR")
    gone.expanded(seconds=12 * day, amount=30).churned(seconds=61 * day)
    void = sold(3).corrected(seconds=2000).voided(seconds=2000)
    await metrics.tell(*all_told([gone, sold(2), void]))
    clock.set(MONDAY + timedelta(days=365))
    answer = await asked(mo, "customers", **DAY)
    assert (answer["n"], answer["staying"], answer["months_mean"]) == (2, 1, 7.0)
    stays, left = answer["data"]
    assert (stays["customer_id"], stays["churned_at"], stays["months"], stays["years"]) == ("cus_2_1", None, 12.0, 1.0)
    assert (left["customer_id"], left["months"], left["value"]) == ("cus_1_1", 2.0, {"amount": 1000, "currency": "GBP"})
    assert left["enlarged"] == [{"amount": 5, "currency": "EUR"}, {"amount": 100, "currency": "GBP"}]
    first = await asked(mo, "customers", limit="1", **DAY)
    rest = await asked(mo, "customers", limit="1", cursor=first["next_cursor"], **DAY)
    assert [row["customer_id"] for row in first["data"] + rest["data"]] == ["cus_2_1", "cus_1_1"]
    assert rest["next_cursor"] is None


async def test_a_win_of_another_value_is_the_same_customers(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    tale = sold(1)
    await metrics.tell(*tale.told)
    told = len(tale.told)
    tale.corrected(to="won", amount=777, seconds=1500)
    await metrics.tell(*tale.told[told:])
    answer = await asked(mo, "customers", **DAY)
    assert [(row["customer_id"], row["value"]["amount"]) for row in answer["data"]] == [("cus_1_1", 777)]
    (row,) = (await asked(mo, "funnel", **DAY))["rows"]
    assert row["money"]["won"] == [{"amount": 777, "currency": "GBP"}]


async def test_without_customers_there_is_no_mean(mo: httpx.AsyncClient) -> None:
    for basis in ({}, {"basis": "event"}):
        answer = await asked(mo, "customers", **DAY, **basis)
        assert (answer["n"], answer["staying"], answer["months_mean"], answer["data"]) == (0, 0, None, [])


async def test_the_facts_behind_a_number_with_those_taken_back(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    wrong = sold(1, amount=2500).corrected(seconds=2000)
    await metrics.tell(*all_told([wrong, sold(2)]))
    (stands, undone) = (await asked(mo, "facts", metric="won", **DAY))["data"]
    assert (stands["restated_at"], stands["lead_id"][-1]) == (None, "2")
    assert undone == {
        "id": f"{wrong.id}.{undone['id'].split('.')[1]}.won",
        "metric": "won",
        "at": "2026-07-06T09:50:00.000Z",
        "lead_id": wrong.id,
        "opportunity_id": "opp_1_1",
        "customer_id": None,
        "rep_id": "rep_bob",
        "actor": "rep_bob",
        "queue": "closing/field",
        "source": "web",
        "value": {"amount": 2500, "currency": "GBP"},
        "word": None,
        "share": None,
        "restated_at": "2026-07-06T10:03:20.000Z",
    }
    (row,) = (await asked(mo, "funnel", **DAY))["rows"]
    assert (row["counts"]["won"], row["money"]["won"]) == (1, [{"amount": 1000, "currency": "GBP"}])
    shares = (await asked(mo, "facts", metric="credited_won", rep="rep_ann", **DAY))["data"]
    assert [(one["share"], one["restated_at"] is None) for one in shares] == [(0.4, True), (0.4, False)]


async def test_facts_are_listed_in_pages(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    await metrics.tell(*all_told(qualified(n) for n in range(1, 6)))
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = await asked(mo, "facts", metric="pulls", limit="3", **DAY, **more)
        found += page["data"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len({one["id"] for one in found}) == len(found) == 10
    places = [(one["at"], one["lead_id"]) for one in found]
    assert places == sorted(places, reverse=True)
    response = await mo.get("/v1/metrics/facts", params={"metric": "returns", "cursor": "x"})
    assert response.json()["code"] == "invalid_cursor"


async def test_what_is_parted_counts_as_a_lead_again(metrics: Metrics, mo: httpx.AsyncClient) -> None:
    again = Tale(2, start=MONDAY + timedelta(minutes=2)).received().decided(None, action="merge").merged(1)
    await metrics.tell(*Tale(1).enquiry().claimed().attempted().told, *again.told)
    (row,) = (await asked(mo, "funnel", **DAY))["rows"]
    assert (row["counts"]["leads"], row["counts"]["merged"]) == (1, 1)
    told = len(again.told)
    again.unmerged(seconds=200).decided(seconds=200).queued(seconds=200)
    await metrics.tell(*again.told[told:])
    (row,) = (await asked(mo, "funnel", **DAY))["rows"]
    assert (row["counts"]["leads"], row["counts"]["merged"]) == (2, 0)
    (undone,) = (await asked(mo, "facts", metric="merged", **DAY))["data"]
    assert undone["restated_at"] is not None


@pytest.mark.parametrize(
    ("what", "query", "parameter", "code"),
    [
        ("facts", {}, "metric", "required"),
        ("facts", {"metric": "charm"}, "metric", "not_allowed"),
        ("scorecards", {"group_by": "source"}, "group_by", "not_allowed"),
        ("scorecards", {"basis": "cohort"}, "basis", "not_allowed"),
        ("customers", {"from": "2026-07-06", "to": "2026-07-06"}, "to", "out_of_range"),
        ("customers", {"limit": "0"}, "limit", "out_of_range"),
    ],
)
async def test_what_is_not_acceptable_is_named(
    mo: httpx.AsyncClient, what: str, query: dict[str, str], parameter: str, code: str
) -> None:
    response = await mo.get(f"/v1/metrics/{what}", params=query)
    assert response.status_code == 422, response.text
    assert [(one["parameter"], one["code"]) for one in response.json()["errors"]] == [(parameter, code)]


async def test_the_examples_in_the_reference_have_the_shape_of_the_answers(
    metrics: Metrics, mo: httpx.AsyncClient
) -> None:
    await metrics.tell(*sold().expanded(seconds=2000).told)
    answers = {
        ScorecardsOut: await asked(mo, "scorecards", **DAY),
        CustomersOut: await asked(mo, "customers", **DAY),
        FactsOut: await asked(mo, "facts", metric="won", **DAY),
    }
    for model, answer in answers.items():
        (example,) = model.model_json_schema()["examples"]
        assert example.keys() == answer.keys()
        rows = "rows" if "rows" in example else "data"
        assert example[rows][0].keys() == answer[rows][0].keys()
    assert answers[ScorecardsOut]["rows"][0]["figures"][0].keys() == {
        *("name", "value", "unit", "numerator", "denominator", "target", "by")
    }
