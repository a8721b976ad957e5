"""The whole life of a lead at the desks, from an enquiry to a customer."""

from kit.desks import GBP, Desks, ok


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
    assert await desks.told(lead) == [
        "lead.received",
        "lead.decided",
        "item.queued",
        "item.claimed",
        "item.attempted",
        "item.attempted",
        "item.completed",
        "lead.decided",
        "opportunity.created",
        "opportunity.released",
        "item.queued",
        "item.claimed",
        "item.attempted",
        "opportunity.meeting",
        "opportunity.accepted",
        "opportunity.meeting",
        "opportunity.proposal_requested",
        "opportunity.proposal_presented",
        "opportunity.won",
        "item.overdue",
        "item.completed",
        "lead.closed",
        "customer.created",
        "item.queued",
        "item.claimed",
    ]
    reached = {name: at[5:19] for name, at in (await desks.lead_row(lead))["milestones"].items()}
    assert reached == {
        "captured": "07-06T09:00:00",
        "decided": "07-06T09:00:00",
        "pullable": "07-06T09:00:00",
        "pulled": "07-06T09:00:40",
        "attempt": "07-06T09:01:40",
        "conversation": "07-06T09:06:40",
        "qualified": "07-06T09:06:40",
        "released": "07-06T09:36:40",
        "closer_pulled": "07-06T09:36:40",
        "closer_conversation": "07-06T09:41:40",
        "meeting": "07-08T10:00:00",
        "proposal_requested": "07-08T11:41:40",
        "proposal_presented": "07-08T11:41:40",
        "won": "07-08T11:41:40",
    }
    notes = [entry["note"] for entry in kept.said["item"]["history"] if entry["note"]]
    assert notes == ["wants forty", "two depots"]
