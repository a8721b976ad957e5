"""The router: what comes of each decision, told and kept exactly."""

from datetime import timedelta
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.floor import Floor
from kit.routing import POLICY, Routing
from kit.submissions import as_message, submission
from sqlalchemy import select

from router.outcomes import Enqueue
from router.policy.compiled import Policy
from router.receipt import from_json, recompute
from schemas.events.intake import Company, LeadSubmitted
from schemas.words import Direction
from services import policies
from services.runtime import trace
from services.runtime.edge import Edge
from services.store import leads
from services.store import tables as t
from services.store.story import telling

pytestmark = pytest.mark.usefixtures("policy")


@pytest.fixture
def routing(edge: Edge) -> Routing:
    return Routing(edge)


@pytest.fixture
async def policy(routing: Routing) -> Policy:
    return await routing.publish()


def lead(routing: Routing, key: str | None = "k", **said: Any) -> LeadSubmitted:
    return submission(routing.edge.keyring, routing.edge.clock.now(), key, **{"intent": "demo", **said})


async def test_an_enquiry_is_queued_at_once_and_told_in_order(routing: Routing, clock: ManualClock) -> None:
    sent = lead(routing, phone="+442079460123", utm_source="google")
    clock.move(timedelta(seconds=1))
    await routing.route(sent)
    row, (item,) = await routing.lead(sent.id), await routing.items(sent.id)
    assert (row["state"], row["queue"], row["priority"]) == ("queued", "inbound/main", "normal")
    assert (item["state"], item["kind"]) == ("queued", "enquiry")
    assert item["queued_at"] == clock.now()
    assert item["rank_at"] == clock.now() - timedelta(hours=1)
    assert item["due_at"] == clock.now() + timedelta(minutes=5)
    (received, said), (decided, decision), (queued, told) = await routing.events(sent.id)
    assert (received, decided, queued) == ("lead.received", "lead.decided", "item.queued")
    assert said["captured_at"] == "2026-07-06T09:00:00.000Z"
    assert said["at"] == "2026-07-06T09:00:01.000Z"
    assert said["features"]["has_phone"] is True
    assert said["features"]["utm_source"] == "google"
    assert (decision["action"], decision["rule"], decision["fallback"]) == ("queue", "enquiry", False)
    assert (decision["qualify"], decision["stage"], decision["policy_version"]) == ("by_rep", "captured", 1)
    assert (told["item_id"], told["cause"], told["priority"]) == (item["id"], "decision", "normal")
    assert row["milestones"] == {"captured": said["captured_at"], "decided": said["at"], "pullable": said["at"]}
    assert row["decision_id"] == decision["decision_id"]


async def test_a_lead_of_a_list_waits_in_the_pool_untold_as_queued(routing: Routing) -> None:
    sent = lead(routing, list=True)
    await routing.route(sent)
    (item,) = await routing.items(sent.id)
    assert (await routing.lead(sent.id))["state"] == "pooled"
    assert item["state"] == "pooled"
    assert item["rank_at"] == item["queued_at"], "the credit of a list is nought"
    assert await routing.names(sent.id) == ["lead.received", "lead.decided"]


async def test_a_prospect_goes_to_the_outbound_queue(routing: Routing) -> None:
    sent = lead(routing, direction=Direction.OUTBOUND)
    await routing.route(sent)
    (item,) = await routing.items(sent.id)
    assert (item["kind"], item["queue"], item["state"]) == ("prospect", "outbound/main", "queued")


async def test_what_no_rule_matches_goes_to_the_fallback(routing: Routing) -> None:
    sent = lead(routing, intent=None)
    await routing.route(sent)
    (decision,) = await routing.decisions(sent.id)
    assert (decision["rule"], decision["queue"]) == ("fallback", "inbound/main")
    assert dict(await routing.events(sent.id))["lead.decided"]["fallback"] is True


async def test_a_hot_lead_is_an_opportunity_past_the_pool(routing: Routing) -> None:
    sent = lead(routing, intent="buy", product="fleet")
    await routing.route(sent)
    row, (item,) = await routing.lead(sent.id), await routing.items(sent.id)
    (opportunity,) = await routing.rows(select(t.opportunities))
    assert (row["state"], row["priority"], row["opportunity_id"]) == ("queued", "hot", opportunity["id"])
    assert (item["state"], item["opportunity_id"]) == ("queued", opportunity["id"])
    assert (opportunity["qualified_by"], opportunity["product"], opportunity["stage"]) == ("auto", "fleet", "qualified")
    assert await routing.names(sent.id) == ["lead.received", "lead.decided", "opportunity.created", "item.queued"]
    assert {"qualified", "pullable"} <= row["milestones"].keys()


async def test_a_bypassed_lead_is_an_opportunity_in_the_pool_that_nobody_qualified(routing: Routing) -> None:
    sent = lead(routing, intent="trial")
    await routing.route(sent)
    row = await routing.lead(sent.id)
    (opportunity,) = await routing.rows(select(t.opportunities))
    assert (row["state"], row["segment"], opportunity["qualified_by"]) == ("pooled", "self-service", None)
    assert await routing.names(sent.id) == ["lead.received", "lead.decided", "opportunity.created"]


async def test_a_nurtured_lead_sleeps_without_an_item(routing: Routing, clock: ManualClock) -> None:
    sent = lead(routing, contact={"country": "FR"})
    await routing.route(sent)
    row = await routing.lead(sent.id)
    assert (row["state"], row["nurture_until"]) == ("nurturing", clock.now() + timedelta(days=90))
    assert await routing.items(sent.id) == []
    assert await routing.names(sent.id) == ["lead.received", "lead.decided", "lead.nurtured"]


@pytest.mark.parametrize(
    ("said", "reason"), [({"intent": "ad"}, "spam"), ({"flag": "spam"}, "spam"), ({"flag": "review"}, "review")]
)
async def test_a_rejected_lead_is_kept_with_its_reason(routing: Routing, said: dict[str, Any], reason: str) -> None:
    sent = lead(routing, **said)
    await routing.route(sent)
    row = await routing.lead(sent.id)
    assert (row["state"], row["reason"], row["outcome"]) == ("rejected", reason, None)
    assert await routing.names(sent.id) == ["lead.received", "lead.decided", "lead.rejected"]
    assert dict(await routing.events(sent.id))["lead.rejected"]["reason"] == reason


async def test_an_account_is_the_companys_domain(routing: Routing) -> None:
    at_work = Company(domain="example.com", name="Example Ltd")
    first, second = (
        lead(routing, "a", email="a@example.com", company=at_work),
        lead(routing, "b", email="b@example.com", company=at_work),
    )
    alone = lead(routing, "c", email="c@mail.example")
    await routing.route(first)
    await routing.route(second, alone)
    (account,) = await routing.rows(select(t.accounts))
    assert (account["domain"], account["name"]) == ("example.com", "Example Ltd")
    of = [(await routing.lead(each.id))["account_id"] for each in (first, second, alone)]
    assert of == [account["id"], account["id"], None]


async def test_details_and_the_body_are_kept_as_normalised(routing: Routing) -> None:
    sent = lead(
        routing, message="Call me", custom={"seats": 40, "regions": ["north"]}, company=Company(domain="example.com")
    )
    await routing.route(sent)
    (details,) = await routing.rows(select(t.lead_details))
    (kept,) = await routing.rows(select(t.submissions))
    assert details["contact"]["email"] == sent.contact.email
    assert (details["message"], details["custom"]) == ("Call me", {"seats": 40, "regions": ["north"]})
    assert LeadSubmitted.model_validate(kept["body"]) == sent
    assert (kept["id"], kept["applied"]) == (sent.submission_id, True)


async def test_receipts_recompute_bit_for_bit_from_what_is_stored(routing: Routing, policy: Policy) -> None:
    sent = [
        lead(routing, "a", email="a@example.com", custom={"seats": 40}),
        lead(routing, "b", email="b@example.com", intent="buy"),
        lead(routing, "c", email="c@example.com", contact={"country": "FR"}),
        lead(routing, "d", email="d@example.com", list=True),
        lead(routing, "e", email="a@example.com", message="again"),
        lead(routing, "f", email="f@example.com", flag="spam"),
    ]
    await routing.route(*sent)
    kept = await routing.rows(select(t.decisions))
    assert len(kept) == len(sent)
    for row in kept:
        receipt = from_json(row["receipt"])
        again = recompute(receipt, policy)
        assert again.receipt == receipt
        for item in await routing.items(row["lead_id"]):
            assert (again.outcome.rank_at, again.outcome.due_at) == (item["rank_at"], item["due_at"])
            assert isinstance(again.outcome, Enqueue) == (item["state"] == "queued")


async def test_a_handover_is_decided_over_the_lead_as_corrected_with_a_receipt(
    routing: Routing, policy: Policy
) -> None:
    floor, sent = Floor(routing.edge), lead(routing, company=Company(domain="example.com", employees=10))
    await routing.batch(sent)
    (item,) = await routing.items(sent.id)
    await floor.claim(item["id"], await floor.rep(item["queue"]))
    large = await routing.publish(
        POLICY.replace(
            "desks:",
            'handover: [{name: large, when: {company.employees: ">= 500"}, then: {queue: closing/uk}}]\ndesks:',
        )
    )
    corrected = sent.model_copy(update={"company": Company(domain="example.com", employees=900)})
    async with routing.edge.database.tx() as tx, telling(tx) as stories:
        place = await leads.hand_over(tx, await stories.lock(sent.id), large, corrected, {"need": "vans"})
    assert (place.queue, place.kind.value, isinstance(place, Enqueue)) == ("closing/uk", "opportunity", False)
    kept = (await routing.decisions(sent.id))[-1]
    assert (kept["stage"], kept["rule"], kept["policy_version"]) == ("handover", "large", large.version)
    assert recompute(from_json(kept["receipt"]), large).outcome == place
    assert (await routing.lead(sent.id))["decision_id"] == kept["id"]
    told = (await routing.events(sent.id))[-1]
    assert (told[0], told[1]["stage"], told[1]["action"]) == ("lead.decided", "handover", "pool")


async def test_no_personal_data_leaves_for_timeline_receipts_or_log(routing: Routing) -> None:
    who = {"name": "Ann Zyxwv", "first_name": "Ann", "last_name": "Zyxwv", "job_title": "Chief Zyxwv"}
    sent = lead(
        routing,
        email="ann.zyxwv@example.com",
        phone="+442079460999",
        profile="https://linkedin.com/in/annzyxwv",
        contact=who,
        message="My name is Zyxwv",
        company=Company(name="Zyxwv Ltd", domain="zyxwv.example"),
    )
    merged = lead(routing, "again", email="ann.zyxwv@example.com", message="Zyxwv here")
    await routing.route(sent)
    await routing.route(merged)
    told = [*await routing.rows(select(t.timeline)), *await routing.rows(select(t.decisions)), *await routing.logged()]
    assert len(told) == 3 + 3 + 2 + 6
    for row in told:
        text = repr(row).lower()
        assert "zyxwv" not in text
        assert "9460999" not in text


async def test_events_follow_from_the_request_that_began_each(routing: Routing) -> None:
    first, second = lead(routing, "a", email="a@example.com"), lead(routing, "b", email="b@example.com")
    messages = []
    for number, each in enumerate([first, second]):
        with trace.following(trace.Trace(correlation=f"req_{number}")):
            messages.append(as_message(each, "one partition"))
    await routing.edge.log.append(messages)
    async with routing.running():
        await routing.settle()
    follows = {(row["key"], dict(h[:2] for h in row["headers"])["ce_correlationid"]) for row in await routing.logged()}
    assert follows == {(first.id, "req_0"), (second.id, "req_1")}


async def test_the_router_waits_for_the_first_policy(edge: Edge, routing: Routing) -> None:
    async with edge.database.tx() as tx:
        await tx.execute(policies.versions.delete())
    sent = lead(routing)
    await edge.log.append([as_message(sent)])
    async with routing.running():
        async with edge.database.tx() as tx:
            await policies.publish(tx, policies.sound(POLICY))
            tx.wake("policy")
        await routing.settle()
    assert (await routing.lead(sent.id))["state"] == "queued"
    assert await routing.dead() == []
