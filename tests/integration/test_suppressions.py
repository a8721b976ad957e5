"""Opt-outs: for the whole person, under every identity; what they close, and who is turned away afterwards."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.floor import UK, Floor
from kit.routing import Routing
from kit.submissions import submission
from sqlalchemy import select

from schemas.events.intake import LeadSubmitted
from schemas.words import Channel, ItemId, LeadId, PersonId, QueueName
from services.runtime.edge import Edge
from services.store import suppressions
from services.store import tables as t
from services.store.story import telling

ANN, ANNS_PHONE, PROFILE = "ann@example.com", "+442079460123", "https://linkedin.com/in/ann"
MAIN = QueueName("inbound/main")


@pytest.fixture
async def routing(edge: Edge) -> Routing:
    routing = Routing(edge)
    await routing.publish()
    return routing


def lead(routing: Routing, key: str, **said: Any) -> LeadSubmitted:
    return submission(routing.edge.keyring, routing.edge.clock.now(), key, **{"intent": "demo", **said})


async def suppress(routing: Routing, sent: LeadSubmitted, channel: Channel | None) -> None:
    """The person of this lead opts out, and what that leaves unreachable is closed."""
    person = PersonId((await routing.lead(sent.id))["person_id"])
    async with routing.edge.database.tx() as tx, telling(tx) as stories:
        await suppressions.suppress(tx, person, channel, "opted_out")
        await suppressions.close_person(tx, stories, person)


async def left(routing: Routing, sent: LeadSubmitted) -> list[str]:
    async with routing.edge.database.read() as tx:
        return [channel.value for channel in await suppressions.channels(tx, sent.id)]


async def test_the_channels_left_are_those_of_the_contact_less_the_closed_ones(routing: Routing) -> None:
    sent = lead(routing, "1", email=ANN, phone=ANNS_PHONE, profile=PROFILE)
    await routing.batch(sent)
    assert await left(routing, sent) == ["phone", "sms", "email", "social"]
    await suppress(routing, sent, Channel.SMS)
    assert await left(routing, sent) == ["phone", "email", "social"]
    await suppress(routing, sent, Channel.EMAIL)
    assert await left(routing, sent) == ["phone", "social"]
    assert (await routing.lead(sent.id))["state"] == "queued"


@pytest.mark.parametrize("channel", [None, Channel.CHAT, Channel.VIDEO, Channel.IN_PERSON])
async def test_who_opts_out_of_all_or_face_to_face_is_left_no_channel(
    routing: Routing, channel: Channel | None
) -> None:
    sent = lead(routing, "1", email=ANN, phone=ANNS_PHONE)
    await routing.batch(sent)
    await suppress(routing, sent, channel)
    assert await left(routing, sent) == []


@pytest.mark.parametrize(
    "again", [{"email": ANN}, {"email": None, "phone": ANNS_PHONE}], ids=["by e-mail", "by the phone alone"]
)
async def test_a_new_lead_of_whom_no_channel_reaches_is_rejected(routing: Routing, again: dict[str, Any]) -> None:
    sent = lead(routing, "1", email=ANN, phone=ANNS_PHONE)
    await routing.batch(sent)
    await suppress(routing, sent, None)
    new = lead(routing, "2", **again)
    await routing.batch(new)
    row = await routing.lead(new.id)
    assert (row["state"], row["reason"]) == ("rejected", "suppressed")
    assert await routing.names(new.id) == ["lead.received", "lead.decided", "lead.rejected"]


async def test_a_new_lead_with_a_channel_left_is_taken(routing: Routing) -> None:
    sent = lead(routing, "1", email=ANN)
    await routing.batch(sent)
    await suppress(routing, sent, Channel.EMAIL)
    new = lead(routing, "2", email=ANN, phone=ANNS_PHONE)
    await routing.batch(new)
    assert (await routing.lead(new.id))["state"] == "queued"
    assert await left(routing, new) == ["phone", "sms"]


async def test_an_opt_out_of_a_test_is_nobodys(routing: Routing) -> None:
    trial = lead(routing, "1", email=ANN, test=True)
    await routing.batch(trial)
    await suppress(routing, trial, None)
    real, again = lead(routing, "2", email=ANN), lead(routing, "3", email=ANN, test=True)
    await routing.batch(real, again)
    assert (await routing.lead(real.id))["state"] == "queued"
    assert (await routing.lead(again.id))["reason"] == "suppressed"


async def test_a_held_enquiry_is_revoked_cancelled_and_its_lead_closed(routing: Routing) -> None:
    floor, sent = Floor(routing.edge), lead(routing, "1", email=ANN)
    await routing.batch(sent)
    (item,) = await routing.items(sent.id)
    claim = await floor.claim(item["id"], await floor.rep(MAIN))
    await suppress(routing, sent, None)
    row = await routing.lead(sent.id)
    assert (row["state"], row["outcome"], row["reason"]) == ("closed", "disqualified", "suppressed")
    assert await floor.states([item["id"]]) == ["cancelled"]
    assert (await floor.row(t.claims, claim))["state"] == "revoked"
    assert (await routing.names(sent.id))[-3:] == ["item.revoked", "item.cancelled", "lead.closed"]


async def test_a_broken_promise_is_told_of_before_its_claim_is_revoked(routing: Routing, clock: ManualClock) -> None:
    floor, sent = Floor(routing.edge), lead(routing, "1", email=ANN)
    await routing.batch(sent)
    (item,) = await routing.items(sent.id)
    step = {"next_at": clock.now() + timedelta(minutes=5), "next_promise": True}
    await floor.claim(item["id"], await floor.rep(MAIN), **step)
    clock.move(timedelta(minutes=21))
    await suppress(routing, sent, None)
    assert (await routing.names(sent.id))[-5:] == [
        "item.overdue",
        "item.promise_broken",
        "item.revoked",
        "item.cancelled",
        "lead.closed",
    ]


async def test_an_opportunity_in_the_pool_is_lost(routing: Routing) -> None:
    sent = lead(routing, "1", email=ANN, intent="trial")
    await routing.batch(sent)
    await suppress(routing, sent, None)
    (opportunity,) = await routing.rows(select(t.opportunities))
    assert (opportunity["state"], opportunity["reason"]) == ("lost", "suppressed")
    assert (await routing.names(sent.id))[-3:] == ["item.cancelled", "opportunity.lost", "lead.closed"]


async def test_a_nurtured_lead_is_closed(routing: Routing) -> None:
    sent = lead(routing, "1", email=ANN, contact={"country": "FR"})
    await routing.batch(sent)
    await suppress(routing, sent, None)
    row = await routing.lead(sent.id)
    assert (row["state"], row["reason"], row["nurture_until"]) == ("closed", "suppressed", None)


async def test_closing_again_changes_nothing(routing: Routing) -> None:
    sent = lead(routing, "1", email=ANN)
    await routing.batch(sent)
    await suppress(routing, sent, None)
    before = await routing.events(sent.id), await routing.rows(select(t.suppressions))
    await suppress(routing, sent, None)
    assert (await routing.events(sent.id), await routing.rows(select(t.suppressions))) == before


async def test_a_release_passes_over_whoever_may_not_be_reached(routing: Routing) -> None:
    floor = Floor(routing.edge)
    first, second = await floor.leads(2, UK)
    one = await floor.item(first)
    async with routing.edge.database.tx() as tx:
        person = PersonId((await floor.row(t.leads, one.lead_id))["person_id"])
        await suppressions.suppress(tx, person, None, "by letter")
    async with routing.edge.database.tx() as tx, telling(tx) as stories:
        leads = [LeadId(one.lead_id), LeadId((await floor.item(second)).lead_id)]
        assert await suppressions.close_suppressed(tx, stories, leads) == {one.lead_id}
    assert await floor.states([first, ItemId(second)]) == ["cancelled", "pooled"]


async def test_a_lead_that_comes_while_its_person_opts_out_is_not_merged_into_what_is_closed(routing: Routing) -> None:
    sent, again = lead(routing, "1", email=ANN), lead(routing, "2", email=ANN)
    await routing.batch(sent)
    person = PersonId((await routing.lead(sent.id))["person_id"])
    async with routing.edge.database.tx() as tx, telling(tx) as stories:
        await stories.lock(sent.id)
        meanwhile = asyncio.create_task(routing.batch(again))
        await routing.until_blocked(meanwhile)
        await suppressions.suppress(tx, person, None, "opted_out")
        await suppressions.close_person(tx, stories, person)
    await meanwhile
    row = await routing.lead(again.id)
    assert (row["state"], row["reason"], row["merged_into"]) == ("rejected", "suppressed", None)
