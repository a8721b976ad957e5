"""The whole life of a lead at the desks, from an enquiry to a customer."""

from collections.abc import AsyncIterator

import pytest
from kit.desks import GBP, Desks, desks_of, ok

from services.runtime.clock import ManualClock
from services.runtime.edge import Edge


@pytest.fixture
async def desks(edge: Edge, clock: ManualClock) -> AsyncIterator[Desks]:
    async with desks_of(edge, clock) as desks:
        yield desks


async def test_an_enquiry_is_qualified_closed_and_looked_after(desks: Desks) -> None:
    ann, bob, eve = await desks.rep("inbound/main"), await desks.rep("closing/uk"), await desks.rep("customer/main")
    lead = await desks.lead()
    desks.later(seconds=40)
    hold = await ann.take("inbound")
    assert hold.lead == lead
    desks.later(minutes=1)
    await hold.attempt("voicemail")
    desks.later(minutes=5)
    await hold.attempt("conversation", note="wants forty")
    done = await hold.qualify(estimate=GBP, qualification={"need": "vans", "willing_to_meet": True})
    assert done["handed"] == {"queue": "closing/uk", "to": "pool", "taken_by": None}
    assert (done["item"]["state"], done["claim"]["state"], done["lead"]["state"]) == ("done", "completed", "pooled")
    desks.later(minutes=30)
    deal = await bob.take("closing")
    assert deal.opportunity == done["opportunity_id"]
    assert deal.said["item"]["opportunity"]["qualification"]["need"] == "vans"
    desks.later(minutes=5)
    made = await deal.attempt("conversation")
    assert made["first_conversation"]
    booked = ok(await deal.deal("meetings", {"at": "2026-07-08T10:00:00Z", "mode": "in_person"}), 201)
    desks.later(days=2, hours=2)
    held = ok(await deal.meeting(booked["id"], {"state": "held"}))
    assert held["state"] == "held"
    asked = ok(await deal.deal("proposal-requests", {"note": "two depots"}), 201)
    ok(await deal.deal("proposals", {"request_id": asked["id"], "value": GBP}), 201)
    won = ok(await deal.deal("won", {"value": GBP}))
    assert won["opportunity"]["state"] == "won"
    kept = await eve.take("customer")
    assert kept.said["item"]["customer"]["id"] == won["customer_id"]
    assert kept.said["item"]["customer"]["closer"] == bob.id
    print(await desks.told(lead))
    print((await desks.lead_row(lead))["milestones"])
    print([(e["what"], e["note"]) for e in kept.said["item"]["history"]])
