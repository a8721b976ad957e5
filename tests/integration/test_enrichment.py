"""A lead that a policy wants more known of waits for its hook, is decided with the answer, and is never lost by it."""
# ruff: noqa: E501 - a policy reads best with one rule on one line

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.hooks import HookServer, hook_server, said
from kit.routing import POLICY, Routing
from kit.submissions import submission
from kit.tiny import calling, key_of
from kit.waiting import becomes, running, until
from pydantic import SecretStr
from sqlalchemy import select, text

from router.enriching import NoAnswer
from router.receipt import from_json, recompute
from schemas.events.intake import Company
from schemas.words import PrincipalKind
from services.desk.process import build as desk
from services.runtime.edge import Edge
from services.runtime.http.app import build_app
from services.store import tables as t
from services.worker import due, enrich
from services.worker.hook import Hook, hook
from services.worker.loops import keep

COMPANY = Company(domain="example.com", name="Example Ltd", employees=40)
RICH = said({"revenue": 5_000_000, "partner": False, "mood": "sunny"})


def asking(url: str) -> str:
    """The policy, with a hook for business addresses, and a rule on what it answers."""
    rule = '  - {name: rich, when: {enriched.revenue: ">= 1000000"}, then: {qualify: auto, priority: hot, queue: closing/uk}}'
    return POLICY.replace("rules:\n", f"rules:\n{rule}\n").replace(
        "rank_credit:",
        f'enrichment: {{url: "{url}", when: {{contact.email_kind: business}}, deadline: 20s, '
        "send: [company.domain, company.employees, custom.seats], fields: {revenue: number, partner: flag}}\nrank_credit:",
    )


@pytest.fixture
async def answering() -> AsyncIterator[HookServer]:
    async with hook_server(RICH) as server:
        yield server


@pytest.fixture
async def routing(edge: Edge, answering: HookServer) -> Routing:
    routing = Routing(edge)
    await routing.publish(asking(answering.url))
    return routing


async def posted(routing: Routing, clock: ManualClock, **of: Any) -> str:
    """A lead that waits now."""
    one = submission(routing.edge.keyring, clock.now(), intent="demo", company=COMPANY, custom={"seats": 9}, **of)
    await routing.batch(one)
    assert (await routing.lead(one.id))["state"] == "awaiting_data"
    return one.id


def state(routing: Routing, lead: str) -> Any:
    async def now() -> str:
        return str((await routing.lead(lead))["state"])

    return now


async def test_the_answer_is_joined_to_what_is_known_and_stands_in_the_receipt(
    routing: Routing, answering: HookServer, clock: ManualClock
) -> None:
    lead = await posted(routing, clock)
    waiting = await routing.lead(lead)
    assert waiting["data_deadline"] == clock.now() + timedelta(seconds=20)
    assert await routing.names(lead) == ["lead.received"]
    async with running(enrich.work(routing.edge)):
        await becomes(state(routing, lead), "queued")
    [item] = await routing.items(lead)
    first, second = await routing.decisions(lead)
    assert (first["rule"], second["rule"], item["queue"]) == ("enrichment", "rich", "closing/uk")
    assert second["receipt"]["beside"] == {"enriched.revenue": 5_000_000}
    assert second["receipt"]["data"] == "answered"
    policy = await routing.publish(asking(answering.url))
    for kept in (first, second):
        receipt = from_json(kept["receipt"])
        assert recompute(receipt, policy).receipt == receipt
    row = await routing.lead(lead)
    assert (row["data_deadline"], row["decision_id"]) == (None, second["id"])
    assert [name for name in await routing.names(lead) if name == "lead.decided"] == ["lead.decided"]


async def test_the_hook_is_told_what_the_policy_sends_and_no_more(
    routing: Routing, answering: HookServer, clock: ManualClock
) -> None:
    settings = routing.edge.settings.model_copy(update={"enrichment_token": SecretStr("hush")})
    lead = await posted(routing, clock)
    async with hook(settings) as asked:
        policy = await routing.publish(asking(answering.url))
        assert policy.enrichment is not None
        question = {"lead_id": lead, "test": False, "fields": {}}
        await asked.ask(policy.enrichment, question)
    async with running(enrich.work(routing.edge)):
        await becomes(state(routing, lead), "queued")
    with_token, without = answering.asked
    assert (with_token["authorization"], "authorization" in without) == ("Bearer hush", False)
    fields = {"company.domain": "example.com", "company.employees": 40, "custom.seats": 9}
    assert without["body"] == {"lead_id": lead, "test": False, "fields": fields}


async def test_nothing_is_held_while_the_hook_is_asked(
    routing: Routing, answering: HookServer, clock: ManualClock
) -> None:
    answering.gate.clear()
    lead = await posted(routing, clock)
    open_ones = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
    )
    async with running(enrich.work(routing.edge)):
        await until(lambda: _any(answering.asked))
        assert [row["count"] for row in await routing.rows(open_ones)] == [0]
        answering.gate.set()
        await becomes(state(routing, lead), "queued")


async def _any(asked: list[Any]) -> bool:
    return bool(asked)


async def test_a_hook_that_fails_is_asked_again_and_its_outage_loses_nothing(
    routing: Routing, answering: HookServer, clock: ManualClock
) -> None:
    answering.answers = [said({}, "500 Oops"), said({}, "302 Found", Location=answering.url), said(b"{"), RICH]
    lead = await posted(routing, clock)
    async with running(enrich.work(routing.edge)):
        for tries in (1, 2, 3):
            await until(lambda tries=tries: _laid_aside(routing, clock, lead, tries))
            clock.move(timedelta(seconds=4))
        await becomes(state(routing, lead), "queued")
    assert [each["path"] for each in answering.asked] == ["/lead"] * 4


async def _laid_aside(routing: Routing, clock: ManualClock, lead: str, tries: int) -> bool:
    """It was asked about so often, and is to be asked about again in a while."""
    row = await routing.lead(lead)
    return row["data_tries"] == tries and row["data_next_at"] <= clock.now() + timedelta(seconds=4)


async def test_at_the_deadline_it_is_decided_without_an_answer(
    routing: Routing, answering: HookServer, clock: ManualClock
) -> None:
    answering.gate.clear()
    lead = await posted(routing, clock)
    async with running(enrich.work(routing.edge)), running(keep(routing.edge, due.duty(routing.edge))):
        await until(lambda: _any(answering.asked))
        clock.move(timedelta(seconds=20))
        await becomes(state(routing, lead), "queued")
        answering.gate.set()
    [_, decided] = await routing.decisions(lead)
    assert (decided["rule"], decided["receipt"]["data"]) == ("enquiry", "unanswered")
    assert [each["state"] for each in await routing.items(lead)] == ["queued"]


async def test_a_policy_that_asks_nobody_any_more_lets_who_waited_go_on(routing: Routing, clock: ManualClock) -> None:
    lead = await posted(routing, clock)
    await routing.publish()
    async with running(enrich.work(routing.edge)):
        await becomes(state(routing, lead), "queued")


async def test_who_waits_for_the_receipt_waits_until_it_is_decided(
    routing: Routing, answering: HookServer, clock: ManualClock
) -> None:
    answering.gate.clear()
    lead = await posted(routing, clock)
    key = await key_of(routing.edge, PrincipalKind.ADMIN)
    async with calling(build_app(routing.edge, [desk(routing.edge)]), key) as client:
        now = (await client.get(f"/v1/leads/{lead}")).json()
        assert (now["state"], now["data_deadline"]) == ("awaiting_data", "2026-07-06T09:00:20.000Z")
        assert now["decision"]["rule"] == "enrichment"
        held = asyncio.create_task(client.get(f"/v1/leads/{lead}?wait=20"))
        async with running(enrich.work(routing.edge)):
            await until(lambda: _any(answering.asked))
            answering.gate.set()
            decided = (await held).json()
    assert (decided["state"], decided["data_deadline"], decided["decision"]["rule"]) == ("queued", None, "rich")


async def test_who_comes_again_while_waiting_is_merged_and_the_answer_decides_on_both(
    routing: Routing, answering: HookServer, clock: ManualClock
) -> None:
    lead = await posted(routing, clock)
    again = submission(routing.edge.keyring, clock.now(), intent="call", phone="+442079460123")
    await routing.batch(again)
    assert (await routing.lead(again.id))["merged_into"] == lead
    async with running(enrich.work(routing.edge)):
        await becomes(state(routing, lead), "queued")
    [said_now] = await routing.rows(select(t.lead_details).where(t.lead_details.c.lead_id == lead))
    assert (said_now["contact"]["phone"], said_now["enriched"]) == (
        "+442079460123",
        {"enriched.revenue": 5_000_000, "enriched.partner": False},
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said({}, "302 Found", Location="http://127.0.0.1:1/"), "HTTP 302"),
        (said({}, "429 Slow down"), "HTTP 429"),
        (said(b"[1]"), "not a JSON object"),
        (said(b'{"revenue": NaN}'), "not JSON"),
        (said(b"\xff\xfe"), "not JSON"),
        (said(b"[" * 60_000), "not JSON"),
        (said(b'{"a": "' + b"x" * 70_000 + b'"}'), "over 65536 bytes"),
        (said(b"\x1f\x8b", Content_Encoding="gzip"), "compressed"),
        (b"no HTTP at all\r\n\r\n", "RemoteProtocolError"),
        (b"", "RemoteProtocolError"),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_told_by_its_reason(
    edge: Edge, routing: Routing, answering: HookServer, answer: bytes, reason: str
) -> None:
    answering.answers = [answer]
    enrichment = (await routing.publish(asking(answering.url))).enrichment
    assert enrichment is not None
    async with hook(edge.settings) as asked:
        with pytest.raises(NoAnswer, match=reason):
            await asked.ask(enrichment, {})


@pytest.mark.parametrize("status", ["204 Nothing", "404 Unknown"])
async def test_a_hook_that_knows_nothing_has_answered(
    edge: Edge, routing: Routing, answering: HookServer, status: str
) -> None:
    answering.answers = [said(b"", status)]
    enrichment = (await routing.publish(asking(answering.url))).enrichment
    assert enrichment is not None
    async with hook(edge.settings) as asked:
        assert await asked.ask(enrichment, {}) == {}


async def test_nobody_is_waited_for_longer_than_patience_lasts(
    edge: Edge, routing: Routing, answering: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.worker.hook.PATIENCE", timedelta(milliseconds=50))
    answering.gate.clear()
    enrichment = (await routing.publish(asking(answering.url))).enrichment
    assert enrichment is not None
    async with hook(edge.settings) as asked:
        with pytest.raises(NoAnswer, match=r"too slow|Timeout"):
            await _bounded(asked, enrichment)


async def _bounded(asked: Hook, enrichment: Any) -> None:
    async with asyncio.timeout(5):
        await asked.ask(enrichment, {})
