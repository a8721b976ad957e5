"""A lead as its callers see it: the receipt, the list, the timeline, and who sees which."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from kit.clock import ManualClock
from kit.floor import Floor
from kit.routing import Routing
from kit.submissions import submission
from kit.tiny import calling, key_of

from schemas.events.intake import Company, LeadSubmitted
from schemas.words import Direction, PrincipalKind, QueueName, SourceName
from services import receipt
from services.desk.api import leads as desk_leads
from services.runtime.edge import Edge
from services.runtime.http.app import build_app
from services.runtime.process import Process
from services.store import tables as t

ANN, BOB = "ann@example.com", "bob@example.com"
MAIN = QueueName("inbound/main")
RECEIPT = {
    *["id", "state", "outcome", "reason", "direction", "source", "test", "list", "merged_into", "received_at"],
    *["priority", "conflict", "submissions", "person_id", "account_id", "data_deadline", "decision", "open_item"],
    *["opportunity_id", "customer_id", "nurture_until", "contact", "company", "message", "custom", "milestones"],
}
"""The fields of the contract's example."""


@pytest.fixture
async def routing(edge: Edge) -> Routing:
    routing = Routing(edge)
    await routing.publish()
    return routing


@pytest.fixture
def app(edge: Edge) -> FastAPI:
    return build_app(edge, [Process("desk", routes=[receipt.routes, desk_leads.routes])])


class Callers:
    """A client for each kind of principal."""

    def __init__(self, edge: Edge, app: FastAPI, stack: AsyncExitStack) -> None:
        self.edge, self.app, self.stack = edge, app, stack

    async def __call__(self, kind: PrincipalKind, **more: Any) -> httpx.AsyncClient:
        return await self.stack.enter_async_context(calling(self.app, await key_of(self.edge, kind, **more)))


@pytest.fixture
async def caller(edge: Edge, app: FastAPI) -> AsyncIterator[Callers]:
    async with AsyncExitStack() as stack:
        yield Callers(edge, app, stack)


def lead(routing: Routing, key: str | None, **said: Any) -> LeadSubmitted:
    return submission(routing.edge.keyring, routing.edge.clock.now(), key, **{"intent": "demo", **said})


async def shown(client: httpx.AsyncClient, id_: str) -> dict[str, Any]:
    response = await client.get(f"/v1/leads/{id_}")
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = response.json()
    return answer


async def test_an_admin_is_shown_every_field_of_the_receipt(
    routing: Routing, caller: Callers, clock: ManualClock
) -> None:
    sent = lead(
        routing, "1", message="Hello", company=Company(domain="example.com", employees=120), custom={"seats": 40}
    )
    clock.move(timedelta(milliseconds=57))
    await routing.batch(sent)
    answer = await shown(await caller(PrincipalKind.ADMIN), sent.id)
    assert answer.keys() == RECEIPT
    row, (item,), (decision,) = (
        await routing.lead(sent.id),
        await routing.items(sent.id),
        await routing.decisions(sent.id),
    )
    assert {name: answer[name] for name in ("state", "direction", "source", "priority", "received_at")} == {
        **{"state": "queued", "direction": "inbound", "source": "web", "priority": "normal"},
        "received_at": "2026-07-06T09:00:00.000Z",
    }
    assert answer["submissions"] == [
        {"id": sent.submission_id, "received_at": "2026-07-06T09:00:00.000Z", "applied": True}
    ]
    assert answer["decision"] == {
        **{"id": decision["id"], "policy_version": 1, "rule": "enquiry", "queue": "inbound/main"}
    }
    assert answer["open_item"] == {
        **{"id": item["id"], "kind": "enquiry", "queue": "inbound/main", "state": "queued"},
        "due_at": "2026-07-06T09:05:00.057Z",
    }
    assert (answer["person_id"], answer["account_id"]) == (row["person_id"], row["account_id"])
    assert answer["contact"].keys() == {
        *["email", "email_kind", "phone", "name", "first_name", "last_name"],
        *["job_title", "profile_url", "language", "country"],
    }
    assert (answer["contact"]["email"], answer["company"]["employees"]) == (sent.contact.email, 120)
    assert (answer["message"], answer["custom"]) == ("Hello", {"seats": 40})
    milestones = answer["milestones"]
    assert len(milestones) == 15
    assert {name: at for name, at in milestones.items() if at} == {
        "captured": "2026-07-06T09:00:00.000Z",
        "decided": "2026-07-06T09:00:00.057Z",
        "pullable": "2026-07-06T09:00:00.057Z",
    }


async def test_its_source_is_shown_no_personal_field_and_another_source_nothing(
    routing: Routing, caller: Callers
) -> None:
    sent = lead(routing, "1", message="Hello", company=Company(domain="example.com"), custom={"a": 1})
    await routing.batch(sent)
    answer = await shown(await caller(PrincipalKind.SERVICE, source="web"), sent.id)
    assert answer.keys() == RECEIPT
    assert [answer[name] for name in ("contact", "company", "message", "custom")] == [None] * 4
    assert answer["state"] == "queued"
    other = await caller(PrincipalKind.SERVICE, source="crm")
    assert (await other.get(f"/v1/leads/{sent.id}")).status_code == 404


async def test_from_the_202_on_its_source_and_an_admin_find_it_received(routing: Routing, caller: Callers) -> None:
    sent = lead(routing, "1")
    for client in (await caller(PrincipalKind.SERVICE, source="web"), await caller(PrincipalKind.ADMIN)):
        answer = await shown(client, sent.id)
        assert answer.keys() == RECEIPT
        assert {name: value for name, value in answer.items() if value is not None} == {
            **{"id": sent.id, "state": "received"}
        }


async def test_what_was_never_given_is_not_found_by_anybody(routing: Routing, caller: Callers) -> None:
    real = lead(routing, "1")
    made_up = ["ld_" + "0" * 32, real.id[:-1] + ("0" if real.id[-1] != "0" else "1"), "ld_x", "nonsense"]
    of_nobody = routing.edge.keyring.lead_id(SourceName("elsewhere"), "1")
    for client in (
        await caller(PrincipalKind.SERVICE, source="web"),
        await caller(PrincipalKind.ADMIN),
        await caller(PrincipalKind.MANAGER),
        await caller(PrincipalKind.REP),
    ):
        for id_ in [*made_up, of_nobody]:
            response = await client.get(f"/v1/leads/{id_}", params={"wait": 30})
            assert response.status_code == 404
            assert response.json()["code"] == "not_found"


async def test_waiting_ends_as_soon_as_it_is_decided(routing: Routing, caller: Callers) -> None:
    sent = lead(routing, "1")
    client = await caller(PrincipalKind.SERVICE, source="web")
    waiting = asyncio.create_task(client.get(f"/v1/leads/{sent.id}", params={"wait": 30}))
    with routing.edge.wake.waiting(f"lead:{sent.id}") as waiter:
        await routing.batch(sent)
        assert await waiter.wait(timedelta(seconds=5))
    answer = (await waiting).json()
    assert answer["state"] == "queued"


async def test_waiting_ends_with_received_when_the_time_is_over(routing: Routing, caller: Callers) -> None:
    client = await caller(PrincipalKind.SERVICE, source="web")
    response = await client.get(f"/v1/leads/{lead(routing, '1').id}", params={"wait": 1})
    assert response.json()["state"] == "received"


@pytest.mark.parametrize("wait", ["31", "-1", "x"])
async def test_a_wait_that_is_no_number_from_0_to_30_is_refused(routing: Routing, caller: Callers, wait: str) -> None:
    client = await caller(PrincipalKind.ADMIN)
    response = await client.get(f"/v1/leads/{lead(routing, '1').id}", params={"wait": wait})
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == "wait"


async def test_a_rep_sees_a_lead_and_what_is_merged_into_it_while_holding_it(routing: Routing, caller: Callers) -> None:
    floor = Floor(routing.edge)
    ann, bob = await floor.rep(MAIN), await floor.rep(MAIN)
    sent, merged = lead(routing, "1", email=ANN), lead(routing, "2", email=ANN)
    await routing.batch(sent, merged)
    (item,) = await routing.items(sent.id)
    as_ann, as_bob = await caller(PrincipalKind.REP, rep_id=ann), await caller(PrincipalKind.REP, rep_id=bob)
    assert (await as_ann.get(f"/v1/leads/{sent.id}")).status_code == 404
    await floor.claim(item["id"], ann)
    for id_ in (sent.id, merged.id):
        assert (await shown(as_ann, id_))["contact"]["email"] == ANN
        assert (await as_ann.get(f"/v1/leads/{id_}/timeline")).status_code == 200
        for path in (f"/v1/leads/{id_}", f"/v1/leads/{id_}/timeline"):
            assert (await as_bob.get(path)).status_code == 404

    claims = await routing.rows(t.claims.select())
    await floor.change(t.claims, claims[0]["id"], state="returned")
    assert (await as_ann.get(f"/v1/leads/{sent.id}")).status_code == 404


async def test_a_rep_sees_a_lead_that_is_reserved_for_them_but_not_its_timeline(
    routing: Routing, caller: Callers
) -> None:

    floor = Floor(routing.edge)
    ann = await floor.rep(MAIN)
    sent = lead(routing, "1")
    await routing.batch(sent)
    (item,) = await routing.items(sent.id)
    soon = routing.edge.clock.now() + timedelta(days=1)
    await floor.change(t.items, item["id"], reserved_for=ann, reserved_until=soon)
    client = await caller(PrincipalKind.REP, rep_id=ann)
    assert (await shown(client, sent.id))["state"] == "queued"
    assert (await client.get(f"/v1/leads/{sent.id}/timeline")).status_code == 404
    await floor.change(t.items, item["id"], reserved_until=routing.edge.clock.now())
    assert (await client.get(f"/v1/leads/{sent.id}")).status_code == 404


async def test_a_manager_sees_leads_with_a_place_at_their_desks(routing: Routing, caller: Callers) -> None:
    inbound, outbound = lead(routing, "1", email=ANN), lead(routing, "2", email=BOB, direction=Direction.OUTBOUND)
    merged, nowhere = lead(routing, "3", email=ANN), lead(routing, "4", email="c@example.com", flag="spam")
    await routing.batch(inbound, outbound, merged, nowhere)
    of_inbound = await caller(PrincipalKind.MANAGER, desks=["inbound"], name="Ida")
    of_all = await caller(PrincipalKind.MANAGER)
    for client, sees in (
        (of_inbound, {inbound.id, merged.id}),
        (of_all, {inbound.id, outbound.id, merged.id, nowhere.id}),
    ):
        listed = (await client.get("/v1/leads")).json()["data"]
        assert {one["id"] for one in listed} == sees
        for one in (inbound, outbound, merged, nowhere):
            status = 200 if one.id in sees else 404
            assert (await client.get(f"/v1/leads/{one.id}")).status_code == status
            assert (await client.get(f"/v1/leads/{one.id}/timeline")).status_code == status


async def test_the_list_is_newest_first_and_comes_in_pages(
    routing: Routing, caller: Callers, clock: ManualClock
) -> None:
    sent = []
    for number in range(7):
        sent.append(lead(routing, f"{number}", email=f"p{number}@example.com"))
        if number % 2:
            clock.move(timedelta(milliseconds=1))
    await routing.batch(*sent)
    client = await caller(PrincipalKind.MANAGER)
    pages, cursor = [], ""
    while cursor is not None:
        page = (await client.get("/v1/leads", params={"limit": 3, "cursor": cursor})).json()
        pages.append([one["id"] for one in page["data"]])
        cursor = page["next_cursor"]
    assert [len(page) for page in pages] == [3, 3, 1]
    wanted = sorted(sent, key=lambda one: (one.received_at, one.id), reverse=True)
    assert [id_ for page in pages for id_ in page] == [one.id for one in wanted]


async def test_the_list_is_filtered(routing: Routing, caller: Callers, clock: ManualClock) -> None:
    early = lead(routing, "1", email=ANN)
    clock.move(timedelta(hours=1))
    late = lead(routing, "2", email=BOB, direction=Direction.OUTBOUND, source="crm")
    spam = lead(routing, "3", email="c@example.com", flag="spam")
    await routing.batch(early, late, spam)
    client = await caller(PrincipalKind.ADMIN)

    async def found(**query: str) -> set[str]:
        response = await client.get("/v1/leads", params=query)
        assert response.status_code == 200, response.text
        return {one["id"] for one in response.json()["data"]}

    assert await found(state="rejected") == {spam.id}
    assert await found(source="crm") == {late.id}
    assert await found(queue="outbound/main") == {late.id}
    assert await found(direction="inbound") == {early.id, spam.id}
    assert await found(**{"from": "2026-07-06T10:00:00Z"}) == {late.id, spam.id}
    assert await found(**{"to": "2026-07-06T12:00:00+02:00"}) == {early.id}
    assert await found(state="queued", source="web") == {early.id}
    for wrong in ({"state": "lost"}, {"from": "yesterday"}, {"colour": "red"}, {"direction": "up"}):
        assert (await client.get("/v1/leads", params=wrong)).status_code == 422


@pytest.mark.parametrize("kind", [PrincipalKind.SERVICE, PrincipalKind.REP])
async def test_only_managers_list(caller: Callers, kind: PrincipalKind) -> None:
    assert (await (await caller(kind)).get("/v1/leads")).status_code == 403


async def test_a_source_may_never_read_a_timeline(routing: Routing, caller: Callers) -> None:
    client = await caller(PrincipalKind.SERVICE, source="web")
    assert (await client.get(f"/v1/leads/{lead(routing, '1').id}/timeline")).status_code == 403


async def test_a_timeline_is_told_oldest_first_in_pages(routing: Routing, caller: Callers) -> None:
    sent = lead(routing, "1", intent="buy")
    await routing.batch(sent)
    client = await caller(PrincipalKind.MANAGER)
    first = (await client.get(f"/v1/leads/{sent.id}/timeline", params={"limit": 3})).json()
    second = (
        await client.get(f"/v1/leads/{sent.id}/timeline", params={"limit": 3, "cursor": first["next_cursor"]})
    ).json()
    assert second["next_cursor"] is None
    told = [*first["data"], *second["data"]]
    names = ["lead.received", "lead.decided", "opportunity.created", "item.queued"]
    assert [(one["seq"], one["name"]) for one in told] == list(enumerate(names, start=1))
    assert told[0]["actor"] == {"kind": "system", "id": None}
    assert told[0]["captured_at"] == "2026-07-06T09:00:00.000Z"
    assert (told[3]["lead_id"], told[3]["queue"]) == (sent.id, "closing/uk")


async def test_a_conflict_shows_both_submissions(routing: Routing, caller: Callers, clock: ManualClock) -> None:
    first = lead(routing, "1", message="one")
    clock.move(timedelta(seconds=1))
    other = lead(routing, "1", message="two")
    await routing.batch(first, other)
    answer = await shown(await caller(PrincipalKind.ADMIN), first.id)
    assert answer["conflict"] is True
    assert [(one["id"], one["applied"]) for one in answer["submissions"]] == [
        (first.submission_id, True),
        (other.submission_id, False),
    ]
