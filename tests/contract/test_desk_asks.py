"""Meetings of which nobody says what came: asked for, then let lapse, and no trap for whoever has them next."""

from kit.desks import Caller, Desks, Hold, ok
from kit.floor import settle

from services.worker import absence, ended

VIDEO = {"at": "2026-07-06T10:00:00Z", "mode": "video"}


async def met(desks: Desks) -> tuple[Caller, Hold, str]:
    """A rep, an opportunity in their hand, and a meeting that they booked."""
    ann = await desks.rep("closing/field")
    await desks.lead("visit")
    hold = await ann.take("closing")
    return ann, hold, ok(await hold.deal("meetings", VIDEO), 201)["id"]


async def asks(rep: Caller) -> list[str]:
    (held,) = ok(await rep.get("/v1/claims"))["data"]
    assert {ask["what"] for ask in held["asks"]} <= {"meeting_outcome"}
    return [ask["meeting_id"] for ask in held["asks"]]


async def test_what_came_of_a_meeting_is_asked_for_an_hour_after_its_end_until_it_is_said(desks: Desks) -> None:
    ann, hold, meeting = await met(desks)
    desks.later(hours=2, minutes=59)
    assert await asks(ann) == []
    desks.later(minutes=1)
    assert await asks(ann) == [meeting]
    for _ in range(2):
        await settle(absence.duty(desks.edge))
    (overdue,) = await desks.told(hold.lead, "item.overdue")
    assert (overdue["rep_id"], overdue["due_at"]) == (ann.id, "2026-07-06T10:00:00.000Z")
    ok(await hold.meeting(meeting, {"state": "moved", "at": "2026-07-07T10:00:00Z"}))
    assert await asks(ann) == []
    desks.later(days=1)
    await settle(absence.duty(desks.edge))
    assert len(await desks.told(hold.lead, "item.overdue")) == 2
    ok(await hold.meeting(meeting, {"state": "held"}))
    assert await asks(ann) == []


async def test_who_has_it_after_a_meeting_was_let_lapse_has_a_whole_lease(desks: Desks) -> None:
    ann, hold, meeting = await met(desks)
    desks.later(hours=3)
    await settle(absence.duty(desks.edge))
    await settle(ended.duty(desks.edge))
    names = await desks.told(hold.lead)
    assert names.index("item.overdue") < names.index("item.expired")
    taken = await ann.take("closing")
    assert (taken.item, taken.said["claim"]["expires_at"]) == (hold.item, "2026-07-06T16:00:00.001Z")
    assert await asks(ann) == [meeting]
