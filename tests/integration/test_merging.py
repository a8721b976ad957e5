"""Returning persons: a new lead of one with an open lead is merged into it, in whatever batches they come."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.routing import POLICY, Routing
from kit.submissions import submission
from sqlalchemy import select, update

from router.world import World
from schemas.events.intake import Company, LeadSubmitted
from schemas.words import Channel
from services.runtime.edge import Edge
from services.store import details, itemviews, leads, suppressions, timeline
from services.store import tables as t
from services.store.story import telling

ANN, ANNS_PHONE, BOB = "ann@example.com", "+442079460123", "bob@example.com"
FRENCH = {"country": "FR"}
"""Far away: nurtured."""


@pytest.fixture
async def routing(edge: Edge) -> Routing:
    routing = Routing(edge)
    await routing.publish()
    return routing


def lead(routing: Routing, key: str, **said: Any) -> LeadSubmitted:
    return submission(routing.edge.keyring, routing.edge.clock.now(), key, **{"intent": "demo", **said})


async def merged_into(routing: Routing, *sent: LeadSubmitted) -> list[str | None]:
    return [(await routing.lead(each.id))["merged_into"] for each in sent]


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two"])
async def test_the_second_lead_of_a_person_is_merged(routing: Routing, together: bool) -> None:
    first = lead(routing, "1", email=ANN, phone=ANNS_PHONE)
    second = lead(routing, "2", email="ANN@example.com", message="Please call")
    for batch in [(first, second)] if together else [(first,), (second,)]:
        await routing.batch(*batch)
    row = await routing.lead(second.id)
    assert (row["state"], row["merged_into"], row["matched_by"]) == ("merged", first.id, "email")
    assert row["person_id"] == (await routing.lead(first.id))["person_id"]
    assert await routing.names(second.id) == ["lead.received", "lead.decided", "lead.merged"]
    told = dict(await routing.events(second.id))["lead.merged"]
    assert (told["into_lead_id"], told["matched_by"]) == (first.id, "email")
    assert await routing.items(second.id) == []
    assert len(await routing.items(first.id)) == 1
    assert len(await routing.rows(select(t.persons))) == 1


async def test_a_merged_leads_message_stands_in_the_history_of_the_one_that_is_worked(
    routing: Routing, clock: ManualClock
) -> None:
    first = lead(routing, "1", email=ANN, phone="+442079460000")
    await routing.batch(first)
    clock.move(timedelta(minutes=1))
    second = lead(routing, "2", email=ANN, phone=ANNS_PHONE, message="I am still waiting")
    await routing.batch(second)
    async with routing.edge.database.read() as tx:
        histories = await timeline.histories(tx, [first.id, second.id])
    history, own = histories[first.id], histories[second.id]
    said = [(entry.what, entry.note) for entry in history]
    assert said == [
        ("lead.received", None),
        ("lead.decided", None),
        ("item.queued", None),
        ("lead.received", f"I am still waiting\n{ANNS_PHONE}"),
        ("lead.decided", None),
        ("lead.merged", None),
    ]
    assert [entry.at for entry in history] == sorted(entry.at for entry in history)
    assert own == []


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two"])
async def test_a_merged_lead_adds_to_the_contact_of_the_one_that_is_worked_what_that_lacks(
    routing: Routing, together: bool
) -> None:
    first = lead(routing, "1", email=None, phone=ANNS_PHONE, contact={"name": "A. Lee"})
    adds = lead(routing, "2", email=ANN, phone=ANNS_PHONE, contact={"job_title": "COO"}, message="And by mail")
    other = lead(routing, "3", email=ANN, phone="+442079460999", contact={"name": "Somebody else"})
    for batch in [(first, adds, other)] if together else [(first,), (adds,), (other,)]:
        await routing.batch(*batch)
    assert await merged_into(routing, first, adds, other) == [None, first.id, first.id]
    (item,) = await routing.items(first.id)
    async with routing.edge.database.read() as tx:
        shown = await itemviews.one(tx, item["id"])
    contact = shown.lead.contact
    assert (contact.email, contact.email_kind, contact.phone) == (ANN, "business", ANNS_PHONE)
    assert (contact.name, contact.job_title) == ("A. Lee", "COO")
    assert shown.lead.message is None
    assert shown.channels == ["phone", "sms", "email"]
    assert {entry.note for entry in shown.history} == {None, "And by mail", "+442079460999"}


async def test_a_contact_detail_that_is_added_is_no_way_round_an_opt_out(routing: Routing) -> None:
    first = lead(routing, "1", email=None, phone=ANNS_PHONE)
    await routing.batch(first)
    async with routing.edge.database.tx() as tx:
        await suppressions.suppress(tx, (await routing.lead(first.id))["person_id"], Channel.EMAIL, "by letter")
    await routing.batch(lead(routing, "2", email=ANN, phone=ANNS_PHONE))
    async with routing.edge.database.read() as tx:
        assert await suppressions.channels(tx, first.id) == (Channel.PHONE, Channel.SMS)
        assert (await details.of(tx, [first.id]))[first.id].contact.email == ANN


async def test_a_phone_matches_where_one_side_has_no_email_and_never_two_emails(routing: Routing) -> None:
    first = lead(routing, "1", email=ANN, phone=ANNS_PHONE)
    by_phone = lead(routing, "2", email=None, phone=ANNS_PHONE)
    other = lead(routing, "3", email=BOB, phone=ANNS_PHONE)
    await routing.batch(first, by_phone, other)
    assert await merged_into(routing, first, by_phone, other) == [None, first.id, None]
    assert (await routing.lead(by_phone.id))["matched_by"] == "phone"


async def test_what_a_merged_lead_adds_identifies_the_person_from_then_on(routing: Routing) -> None:
    first, adds = lead(routing, "1", email=ANN), lead(routing, "2", email=ANN, phone=ANNS_PHONE)
    by_phone = lead(routing, "3", email=None, phone=ANNS_PHONE)
    await routing.batch(first)
    await routing.batch(adds)
    await routing.batch(by_phone)
    assert await merged_into(routing, adds, by_phone) == [first.id, first.id]


async def test_a_test_lead_meets_test_leads_only(routing: Routing) -> None:
    real, trial = lead(routing, "1", email=ANN), lead(routing, "2", email=ANN, test=True)
    again = lead(routing, "3", email=ANN, test=True)
    await routing.batch(real, trial)
    await routing.batch(again)
    assert await merged_into(routing, real, trial, again) == [None, None, trial.id]
    persons = [(await routing.lead(each.id))["person_id"] for each in (real, trial, again)]
    assert persons[0] != persons[1] == persons[2]
    (item,) = await routing.items(trial.id)
    assert item["test"] is True
    assert all(event["test"] for _, event in await routing.events(again.id))


async def test_after_a_lead_is_closed_the_next_one_is_new_of_the_same_person(routing: Routing) -> None:
    first, second = lead(routing, "1", email=ANN), lead(routing, "2", email=ANN)
    await routing.batch(first)
    async with routing.edge.database.tx() as tx:
        await tx.execute(update(t.leads).values(state="closed", outcome="disqualified"))
    await routing.batch(second)
    row = await routing.lead(second.id)
    assert (row["state"], row["person_id"]) == ("queued", (await routing.lead(first.id))["person_id"])


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two"])
async def test_a_nurtured_lead_is_decided_anew_when_its_person_comes(routing: Routing, together: bool) -> None:
    first = lead(routing, "1", email=ANN, contact=FRENCH, message="Bonjour")
    again = lead(
        routing, "2", email=ANN, contact={"country": "GB"}, company=Company(domain="example.com"), phone=ANNS_PHONE
    )
    for batch in [(first, again)] if together else [(first,), (again,)]:
        await routing.batch(*batch)
    root = await routing.lead(first.id)
    assert (root["state"], root["nurture_until"]) == ("queued", None)
    assert root["account_id"] is not None
    assert await merged_into(routing, again) == [first.id]
    assert await routing.names(first.id) == [
        *["lead.received", "lead.decided", "lead.nurtured"],
        *["lead.decided", "item.queued"],
    ]
    assert [row["rule"] for row in await routing.decisions(first.id)].count("enquiry") == 1
    async with routing.edge.database.read() as tx:
        known = (await leads.details.of(tx, [first.id]))[first.id]
    assert (known.contact.country, known.contact.phone, known.message) == ("GB", ANNS_PHONE, "Bonjour")


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in three"])
async def test_a_nurtured_lead_whose_person_comes_twice_gets_one_item(routing: Routing, together: bool) -> None:
    sent = [lead(routing, "1", email=ANN, contact=FRENCH)]
    sent += [lead(routing, key, email=ANN, contact={"country": "GB"}, message=key) for key in ("2", "3")]
    for batch in [sent] if together else [[each] for each in sent]:
        await routing.batch(*batch)
    assert len(await routing.items(sent[0].id)) == 1
    assert await merged_into(routing, *sent[1:]) == [sent[0].id] * 2


async def test_a_nurtured_lead_may_be_nurtured_again(routing: Routing, clock: ManualClock) -> None:
    first = lead(routing, "1", email=ANN, contact=FRENCH)
    await routing.batch(first)
    clock.move(timedelta(days=1))
    await routing.batch(lead(routing, "2", email=ANN, contact=FRENCH))
    root = await routing.lead(first.id)
    assert (root["state"], root["nurture_until"]) == ("nurturing", clock.now() + timedelta(days=90))


async def test_a_nurtured_lead_is_decided_anew_on_its_day(routing: Routing, clock: ManualClock) -> None:
    first = lead(routing, "1", email=ANN, contact=FRENCH)
    await routing.batch(first)
    nearer = await routing.publish(POLICY.replace("[GB, IE]", "[GB, IE, FR]"))
    clock.move(timedelta(days=90))
    async with routing.edge.database.tx() as tx, telling(tx) as stories:
        await leads.decide_again(tx, stories, await stories.lock(first.id), nearer, World.of())
    assert (await routing.lead(first.id))["state"] == "queued"
    (item,) = await routing.items(first.id)
    assert item["queued_at"] == clock.now()


async def test_leads_of_one_person_at_once_in_two_transactions_end_as_one(routing: Routing) -> None:
    """Twenty persons, known by phone to one batch and by e-mail and phone to the other, in opposite orders."""
    one = [lead(routing, f"a{n}", email=f"p{n}@example.com", phone=f"+44207946{n:04d}") for n in range(20)]
    two = [lead(routing, f"b{n}", email=None, phone=f"+44207946{n:04d}") for n in reversed(range(20))]
    await asyncio.gather(routing.batch(*one), routing.batch(*two))
    rows = await routing.rows(select(t.leads))
    assert sorted(row["state"] for row in rows) == ["merged"] * 20 + ["queued"] * 20
    assert len({row["person_id"] for row in rows}) == 20
    roots = {row["id"] for row in rows if row["state"] == "queued"}
    assert {row["merged_into"] for row in rows if row["state"] == "merged"} == roots


async def test_two_new_leads_of_a_person_in_two_transactions_meet(routing: Routing) -> None:
    first, second = lead(routing, "1", email=ANN), lead(routing, "2", email=ANN)
    await routing.at_once([first], [second])
    assert await merged_into(routing, first, second) == [None, first.id]


async def test_an_identity_that_nobody_has_yet_is_waited_for(routing: Routing) -> None:
    """It came with a conflicting body, which made nobody's identity of it."""
    await routing.batch(lead(routing, "0", email=BOB), lead(routing, "0", email=ANN))
    first, second = lead(routing, "1", email=ANN), lead(routing, "2", email=ANN)
    await routing.at_once([first], [second])
    assert await merged_into(routing, first, second) == [None, first.id]


async def test_a_person_known_by_two_identities_is_waited_for_under_each(routing: Routing) -> None:
    """The batches share no identity: it is the person that the second waits for."""
    await routing.batch(lead(routing, "0", email=ANN, phone=ANNS_PHONE))
    async with routing.edge.database.tx() as tx:
        await tx.execute(update(t.leads).values(state="closed", outcome="disqualified"))
    by_email, by_phone = lead(routing, "1", email=ANN), lead(routing, "2", email=None, phone=ANNS_PHONE)
    await routing.at_once([by_email], [by_phone])
    assert await merged_into(routing, by_email, by_phone) == [None, by_email.id]
