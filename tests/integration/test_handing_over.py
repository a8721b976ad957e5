"""A buyer on the line goes to the one who has waited longest, in the call that qualifies them; or is booked."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
from kit.desks import Caller, Desks, ok, refused
from kit.floor import settle
from sqlalchemy import select

from services.desk.api.pull import LOOK_AGAIN, SAY_AGAIN
from services.store import tables as t
from services.store.waiting import SAID_FOR
from services.worker import ended

ENOUGH = 20
"""Seconds to wait for what must come at once."""


async def waits(desks: Desks, rep: Caller, **body: Any) -> "asyncio.Task[httpx.Response]":
    """A pull that waits, by now, behind those who waited before."""
    pulling = asyncio.create_task(rep.pull("closing", wait=60, **body))
    said = select(t.waiting_pulls).where(t.waiting_pulls.c.rep_id == rep.id)
    while not await desks.routing.rows(said):
        assert not pulling.done(), pulling.result().text
        await asyncio.sleep(0.005)
    desks.later(milliseconds=1)
    return pulling


async def hand_over(desks: Desks, *, test: bool = False, **body: Any) -> dict[str, Any]:
    """What is answered to who qualifies an enquiry."""
    ida = await desks.rep("inbound/main")
    await desks.lead(test=test)
    return await (await ida.take("inbound", test=test)).qualify(**body)


async def test_live_the_one_who_has_waited_longest_takes_them_in_this_call(desks: Desks) -> None:
    ann, bob = await desks.rep("closing/uk"), await desks.rep("closing/uk")
    first, second = await waits(desks, ann), await waits(desks, bob)
    said = await hand_over(desks, handover="live")
    assert said["handed"] == {"queue": "closing/uk", "to": "rep", "taken_by": ann.id}
    assert said["lead"]["state"] == "claimed"
    async with asyncio.timeout(ENOUGH):
        given = ok(await first)
    assert (given["why"], given["claim"]["exception"], given["claim"]["rep_id"]) == ("live", "live", ann.id)
    assert given["item"]["opportunity"]["id"] == said["opportunity_id"]
    assert given["claim"]["expires_at"] == "2026-07-09T09:00:00.003Z", "by its lease, once it was given"
    lead = given["item"]["lead"]["id"]
    assert (await desks.told(lead))[-3:] == ["opportunity.created", "item.queued", "item.claimed"]
    created, claimed = (await desks.told(lead, "opportunity.created"))[0], (await desks.told(lead, "item.claimed"))[-1]
    assert (created["handover"], claimed["why"], claimed["exception"]) == ("rep", "live", "live")
    again = await hand_over(desks, handover="live")
    assert again["handed"]["taken_by"] == bob.id
    async with asyncio.timeout(ENOUGH):
        assert ok(await second)["item"]["opportunity"]["id"] == again["opportunity_id"]
    assert (await ann.pull("closing")).status_code == 204, "who was handed over is given once"


async def test_live_with_nobody_waiting_falls_to_the_pool(desks: Desks) -> None:
    ann, away = await desks.rep("closing/uk"), await desks.rep("closing/uk")
    field = await waits(desks, await desks.rep("closing/field"))
    full = await desks.rep("closing/uk", "closing/field")
    for _ in range(2):
        await desks.lead("buy")
        await full.take("closing")
    elsewhere = await waits(desks, full)
    gone = await waits(desks, away)
    ok(await away.put("/v1/reps/me/presence", {"status": "away"}))
    said = await hand_over(desks, handover="live")
    assert said["handed"] == {"queue": "closing/uk", "to": "pool", "taken_by": None}
    assert (await ann.take("closing")).said["why"] == "next"
    refused(await gone, 409, "rep_away")
    for waiting in (field, elsewhere):
        assert not waiting.done()
        waiting.cancel()


async def test_tests_are_handed_over_to_test_pulls(desks: Desks) -> None:
    ann, bob = await desks.rep("closing/uk"), await desks.rep("closing/uk")
    real, test = await waits(desks, ann), await waits(desks, bob, test=True)
    said = await hand_over(desks, handover="live", test=True)
    assert said["handed"]["taken_by"] == bob.id
    async with asyncio.timeout(ENOUGH):
        assert ok(await test)["why"] == "live"
    assert not real.done()
    real.cancel()


async def test_a_pull_whose_process_died_is_handed_nobody_after_seconds(desks: Desks) -> None:
    ann = await desks.rep("closing/uk")
    (await waits(desks, ann)).cancel()
    desks.later(seconds=11)
    assert (await hand_over(desks, handover="live"))["handed"]["to"] == "pool"


async def test_who_is_handed_over_to_a_pull_that_has_gone_is_soon_anyones(desks: Desks) -> None:
    ann, bob = await desks.rep("closing/uk"), await desks.rep("closing/uk")
    (await waits(desks, ann)).cancel()
    said = await hand_over(desks, handover="live")
    assert said["handed"]["taken_by"] == ann.id
    assert (await bob.pull("closing")).status_code == 204
    desks.later(seconds=20)
    await settle(ended.duty(desks.edge))
    hold = await bob.take("closing")
    assert (hold.said["item"]["opportunity"]["id"], hold.said["claim"]["exception"]) == (said["opportunity_id"], None)


async def test_whose_pull_ends_as_they_are_handed_over_to_still_gets_them(desks: Desks) -> None:
    """The next pull of the one whom they were handed over to gives them, too."""
    ann = await desks.rep("closing/uk", "closing/field")
    (await waits(desks, ann)).cancel()
    said = await hand_over(desks, handover="live")
    await desks.lead("visit")
    hold = await ann.take("closing")
    assert (hold.said["why"], hold.opportunity) == ("live", said["opportunity_id"])
    assert (await ann.take("closing")).said["why"] == "next"


async def test_hand_overs_at_once_give_each_who_waits_one(desks: Desks) -> None:
    reps = [await desks.rep("closing/uk") for _ in range(3)]
    pulls = [await waits(desks, rep) for rep in reps]
    ida = await desks.rep("inbound/main", "inbound/second")
    for _ in range(3):
        await desks.lead()
    holds = [await ida.take("inbound") for _ in range(3)]
    said = await asyncio.gather(*(hold.qualify(handover="live") for hold in holds))
    taken = [each["handed"]["taken_by"] for each in said]
    assert len(set(taken) - {None}) == len([each for each in taken if each])
    async with asyncio.timeout(ENOUGH):
        given = [ok(await pull)["item"]["opportunity"]["id"] for pull in pulls]
    assert sorted(given) == sorted(each["opportunity_id"] for each in said), "those passed over took the pool's"


async def test_booked_a_meeting_comes_with_the_buyer_past_the_pool(desks: Desks) -> None:
    ann = await desks.rep("closing/uk")
    for _ in range(2):
        await desks.lead("buy")
    said = await hand_over(desks, handover="booked", booked={"at": "2026-07-13T10:00:00Z", "mode": "video"})
    assert said["handed"] == {"queue": "closing/uk", "to": "queue", "taken_by": None}
    told = (await desks.told(said["lead"]["id"], "opportunity.meeting"))[0]
    assert (told["state"], told["scheduled_for"], told["rep_id"]) == ("booked", "2026-07-13T10:00:00.000Z", None)
    for _ in range(2):
        await (await ann.take("closing")).deal("lost", {"reason": "price"})
    hold = await ann.take("closing")
    assert hold.opportunity == said["opportunity_id"]
    (meeting,) = hold.said["item"]["opportunity"]["meetings"]
    assert (meeting["state"], meeting["mode"]) == ("booked", "video")
    assert hold.said["claim"]["expires_at"] == "2026-07-15T10:00:00.000Z", "two working days after it"
    ok(await hold.meeting(meeting["id"], {"state": "held"}))


def test_it_is_said_again_that_a_pull_waits_before_it_is_forgotten() -> None:
    assert SAY_AGAIN + LOOK_AGAIN + timedelta(seconds=1) < SAID_FOR
