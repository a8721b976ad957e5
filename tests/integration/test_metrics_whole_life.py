"""What the desks do, as the numbers show it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from kit.clock import ManualClock
from kit.counting import asked, metrics_of
from kit.desks import GBP, Desks, desks_of, ok

from services.runtime.edge import Edge


@pytest.fixture
async def desks(edge: Edge, clock: ManualClock) -> AsyncIterator[Desks]:
    async with desks_of(edge, clock) as desks:
        yield desks


@pytest.fixture
async def mo(desks: Desks) -> AsyncIterator[httpx.AsyncClient]:
    async with metrics_of(desks.edge, policy=None) as metrics:
        yield await metrics.manager()


async def counts(mo: httpx.AsyncClient, **query: object) -> dict[str, int]:
    (row,) = (await asked(mo, "funnel", from_="2026-07-01", to="2026-08-01", **query))["rows"]
    return {name: n for name, n in row["counts"].items() if n}


async def test_each_step_is_counted_as_it_is_taken(desks: Desks, mo: httpx.AsyncClient) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("closing/uk")
    await desks.lead(email="one@example.com")
    expected = {"submissions": 1, "leads": 1, "leads_inbound": 1}
    assert await counts(mo) == expected

    desks.later(seconds=40)
    hold = await ann.take("inbound")
    desks.later(seconds=54)
    await hold.attempt("voicemail")
    assert await counts(mo) == (expected := expected | {"attempted": 1})

    desks.later(minutes=1)
    await desks.lead(email="one@example.com")  # the same person again, after an attempt
    assert await counts(mo) == (expected := expected | {"submissions": 2, "merged": 1})

    desks.later(minutes=4)
    made = desks.clock.now() - timedelta(minutes=1)
    await hold.attempt("conversation", at=f"{made:%Y-%m-%dT%H:%M:%S.%fZ}")
    await hold.qualify(estimate=GBP)
    assert await counts(mo) == (expected := expected | {"conversed": 1, "qualified": 1})

    desks.later(minutes=30)
    deal = await bob.take("closing")
    assert await counts(mo) == (expected := expected | {"released": 1})
    desks.later(minutes=5)
    await deal.attempt("conversation")
    assert await counts(mo) == expected, "a rep made it: it counts as qualified already"

    booked = ok(await deal.deal("meetings", {"at": "2026-07-08T10:00:00Z", "mode": "in_person"}), 201)
    desks.later(days=2, hours=2)
    ok(await deal.meeting(booked["id"], {"state": "held"}))
    ok(await deal.deal("proposal-requests", {"note": "two depots"}), 201)
    ok(await deal.deal("proposals", {"request_id": None, "value": GBP}), 201)
    ok(await deal.deal("proposals", {"request_id": None, "value": GBP}), 201)
    ok(await deal.deal("won", {"value": GBP}))
    steps = ["meetings", "meetings_face_to_face", "proposals_requested", "proposals_presented", "won"]
    assert await counts(mo) == (expected := expected | dict.fromkeys(steps, 1))
    assert await counts(mo, basis="cohort") == expected
    answer = await asked(mo, "funnel", from_="2026-07-01", to="2026-08-01", group_by="day,rep")
    assert [(row["group"], row["money"]["won"]) for row in answer["rows"] if row["money"]["won"]] == [
        ({"day": "2026-07-08", "rep": bob.id}, [GBP])
    ]

    (row,) = (await asked(mo, "speed-to-lead", from_="2026-07-06", to="2026-07-07"))["rows"]
    attempt = row["response"]["captured_attempt"]
    assert (attempt["n"], attempt["waiting"], attempt["p50_ms"]) == (2, 0, 94_001)
    assert attempt["p90_ms"] == 180_001, "the resubmission waited from its own time to the next attempt, as made"
    assert row["response"]["captured_conversation"]["n"] == 2
    assert row["handover"]["qualified_conversation"]["p50_ms"] == 35 * 60_000
    assert row["machine"]["captured_pullable"]["n"] == 1
    assert row["sla"] == {"met": 1, "breached": 0, "open_breached": 0}


async def test_what_a_rule_qualified_counts_once_its_closer_accepts(desks: Desks, mo: httpx.AsyncClient) -> None:
    bob = await desks.rep("closing/uk")
    await desks.lead("buy")
    expected = {"submissions": 1, "leads": 1, "leads_inbound": 1}
    assert await counts(mo) == expected
    deal = await bob.take("closing")
    desks.later(minutes=1)
    await deal.attempt("conversation")
    assert await counts(mo) == (expected := expected | {"attempted": 1, "conversed": 1})
    ok(await deal.deal("proposal-requests", {}), 201)
    assert await counts(mo) == (expected := expected | {"qualified": 1, "proposals_requested": 1})
    ok(await deal.deal("lost", {"reason": "price", "reopen_after": None}))
    assert await counts(mo) == expected | {"lost": 1}


async def test_tests_are_in_no_count(desks: Desks, mo: httpx.AsyncClient) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead(test=True)
    hold = await ann.take("inbound", test=True)
    await hold.attempt("conversation")
    await hold.qualify()
    assert await counts(mo) == {}
    (row,) = (await asked(mo, "speed-to-lead"))["rows"]
    assert row["response"]["captured_attempt"]["n"] == 0
    assert row["handover"]["qualified_conversation"]["n"] == 0


async def test_the_ways_out_are_counted(desks: Desks, mo: httpx.AsyncClient) -> None:
    ann = await desks.rep("inbound/main")
    for outcome in ({"outcome": "disqualified", "reason": "no_need"}, {"outcome": "unreached"}):
        await desks.lead()
        hold = await ann.take("inbound")
        desks.later(minutes=1)
        await hold.attempt("no_answer")
        ok(await hold.act("complete", outcome))
    await desks.lead()
    hold = await ann.take("inbound")
    ok(await hold.act("complete", {"outcome": "nurture", "until": "2026-10-01"}))
    await desks.lead()
    hold = await ann.take("inbound")
    await hold.attempt("opt_out")
    assert await counts(mo, rep=ann.id) == {"attempted": 3, "disqualified": 2, "unreached": 1, "nurtured": 1}
    await desks.lead(flag="spam")
    found = await counts(mo)
    assert (found["submissions"], found["leads"], found["rejected"]) == (5, 4, 1)


async def test_what_becomes_of_a_customer_counts_and_a_mistaken_win_takes_it_all_back(
    desks: Desks, mo: httpx.AsyncClient
) -> None:
    bob, eve, boss = await desks.rep("closing/uk"), await desks.rep("customer/main"), await desks.manager()
    await desks.lead("buy")
    deal = await bob.take("closing")
    before = await counts(mo)
    desks.later(hours=1)
    customer = ok(await deal.deal("won", {"value": GBP}))["customer_id"]
    care = await eve.take("customer")
    desks.later(days=1)
    path, more = f"/v1/customers/{customer}", {"amount": 300000, "currency": "GBP"}
    ok(await bob.post(f"{path}/deployed"))
    ok(await eve.post(f"{path}/expansions", {"value": more}, token=care.token), 201)
    ok(await eve.post(f"{path}/renewals", {"value": GBP, "until": "2027-07-06"}, token=care.token), 201)
    ok(await eve.post(f"{path}/churn", {"reason": "price"}, token=care.token))
    steps = ["qualified", "won", "deployed", "expanded", "renewed", "churned"]
    for basis in ("event", "cohort"):
        assert await counts(mo, basis=basis) == before | dict.fromkeys(steps, 1), basis
        (row,) = (await asked(mo, "funnel", from_="2026-07-01", to="2026-08-01", basis=basis))["rows"]
        assert row["money"] == {"won": [GBP], "expanded": [more], "renewed": [GBP]}
    desks.later(days=1)
    ok(await boss.post(f"/v1/opportunities/{deal.opportunity}/correct", {"state": "lost", "reason": "no_decision"}))
    for basis in ("event", "cohort"):
        assert await counts(mo, basis=basis) == before | {"qualified": 1, "lost": 1}, basis
    assert await counts(mo, rep=bob.id) == {"qualified": 1, "lost": 1}, "it is still of who held it"
    ok(await boss.post(f"/v1/opportunities/{deal.opportunity}/reopen"))
    assert await counts(mo) == before | {"qualified": 1}


async def test_what_its_closer_rejects_is_not_qualified_until_it_is_again(desks: Desks, mo: httpx.AsyncClient) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("closing/uk")
    await desks.lead()
    await (await ann.take("inbound")).qualify()
    assert (await counts(mo))["qualified"] == 1
    deal = await bob.take("closing")
    await deal.attempt("conversation")
    ok(await deal.deal("reject", {"reason": "not_a_fit"}))
    for basis in ("event", "cohort"):
        assert "qualified" not in await counts(mo, basis=basis)
    await (await ann.take("inbound")).qualify()
    for basis in ("event", "cohort"):
        assert (await counts(mo, basis=basis))["qualified"] == 1
