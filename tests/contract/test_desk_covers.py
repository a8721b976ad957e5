"""Covers: who is away, or leaves, or lets something lapse, has others who go on with it."""

from typing import Any

import pytest
from kit.desks import POLICY, Caller, Desks, Hold, mistakes, ok, refused
from kit.floor import settle

from schemas.words import RepId
from services.store import reps
from services.worker import absence, due, ended, rehome

STEP = {"what": "send it", "side": "ours", "promise": False}


async def worked(desks: Desks) -> None:
    """Let the worker do what there is to do."""
    for duty in (ended.duty, due.duty, absence.duty, rehome.duty):
        await settle(duty(desks.edge))


async def team(desks: Desks, *queues: str) -> tuple[Caller, Caller, Caller]:
    """Three reps of the same queues."""
    ann, bob, eve = [await desks.rep(*queues, name=name) for name in ("Ann", "Bob", "Eve")]
    return ann, bob, eve


async def away(rep: Caller, *covers: Caller, until: str | None = "2026-07-10T09:00:00Z") -> list[dict[str, Any]]:
    body = {"status": "away", "until": until, "covers": [cover.id for cover in covers]}
    said = ok(await rep.put("/v1/reps/me/presence", body))
    assert said["rep"]["covers"] == body["covers"]
    return list(said["falls_due"])


async def promised(desks: Desks, rep: Caller, at: str = "2026-07-06T14:00:00Z") -> Hold:
    """An enquiry whose person was promised a call."""
    await desks.lead()
    hold = await rep.take("inbound")
    await hold.attempt("callback", next_at=at, promise=True)
    return hold


async def visited(desks: Desks, rep: Caller) -> Hold:
    """An opportunity in a rep's hand."""
    await desks.lead("visit")
    return await rep.take("closing")


async def test_the_answer_tells_what_falls_due_before_one_is_back_and_whose_it_is(desks: Desks) -> None:
    ann, bob, eve = await team(desks, "inbound/main", "closing/field")
    callback, later = await promised(desks, ann), await promised(desks, ann, "2026-07-10T10:00:00Z")
    deal = await visited(desks, ann)
    ok(await deal.act("next-step", {**STEP, "at": "2026-07-08T10:00:00Z"}))
    ok(await deal.deal("meetings", {"at": "2026-07-07T10:00:00Z", "mode": "video"}), 201)
    await away(bob)
    falling = await away(ann, bob, eve)
    assert falling == [
        {"item_id": callback.item, "what": "promise", "at": "2026-07-06T14:00:00.000Z", "cover": eve.id},
        {"item_id": deal.item, "what": "meeting", "at": "2026-07-07T10:00:00.000Z", "cover": eve.id},
        {"item_id": deal.item, "what": "next_step", "at": "2026-07-08T10:00:00.000Z", "cover": eve.id},
    ]
    assert later.item in [each["item_id"] for each in await away(ann, until=None)]
    assert {each["cover"] for each in await away(ann)} == {None}
    present = ok(await ann.put("/v1/reps/me/presence", {"status": "present"}))
    assert (present["falls_due"], present["rep"]["covers"]) == ([], [])


async def test_only_others_of_the_same_queues_can_cover(desks: Desks) -> None:
    ann, other = await desks.rep("inbound/main"), await desks.rep("closing/field")
    for name in (ann.id, other.id, f"rep_{'0' * 26}"):
        body = {"status": "away", "covers": [name]}
        assert mistakes(await ann.put("/v1/reps/me/presence", body)) == [("#/covers/0", "not_allowed")], name


async def test_a_promise_that_is_due_is_the_covers_by_a_claim_of_their_own_and_kept_by_their_call(
    desks: Desks,
) -> None:
    ann, bob, eve = await team(desks, "inbound/main")
    hold = await promised(desks, ann)
    await away(ann, bob, eve)
    assert (await bob.pull("inbound")).status_code == 204
    desks.later(hours=5)
    assert (await eve.pull("inbound")).status_code == 204  # Bob is there, and was named before
    taken = await bob.take("inbound")
    assert (taken.said["why"], taken.item, taken.token) == ("promise_due", hold.item, hold.token + 1)
    assert taken.said["claim"]["exception"] == "promise"
    assert taken.said["item"]["next_step"]["promise"] is True
    assert (await bob.pull("inbound")).status_code == 204
    desks.later(minutes=5)
    await taken.attempt("conversation")
    (kept,) = await desks.told(hold.lead, "item.promise_kept")
    assert (kept["rep_id"], kept["due_at"]) == (bob.id, "2026-07-06T14:00:00.000Z")
    (revoked,) = await desks.told(hold.lead, "item.revoked")
    assert (revoked["rep_id"], revoked["reason"]) == (ann.id, "covered")
    refused(await hold.act("heartbeat"), 409, "claim_lost", state="revoked")


async def test_a_pull_that_waits_is_woken_by_a_covered_promise(desks: Desks) -> None:
    ann, bob, _ = await team(desks, "inbound/main")
    hold = await promised(desks, ann, "2026-07-06T09:00:00.500Z")
    await away(ann, bob)
    desks.later(seconds=1)
    assert (await bob.take("inbound", wait=5)).item == hold.item


async def test_who_is_back_keeps_their_own_promises(desks: Desks) -> None:
    ann, bob, _ = await team(desks, "inbound/main")
    hold = await promised(desks, ann)
    await away(ann, bob, until="2026-07-06T13:00:00Z")
    desks.later(hours=5)
    assert (await bob.pull("inbound")).status_code == 204
    assert (await ann.take("inbound")).claim == hold.claim


async def test_a_promise_in_a_queue_that_the_policy_dropped_bars_no_pull_of_a_cover(desks: Desks) -> None:
    ann, bob, _ = await team(desks, "inbound/second")
    await desks.routing.publish(POLICY.replace("queue: inbound/main, sla", "queue: inbound/second, sla"))
    await promised(desks, ann)
    await away(ann, bob)
    await desks.routing.publish(POLICY.replace("      second: {calendar: always, lease: 15m}\n", ""))
    desks.later(hours=5)
    refused(await bob.pull("inbound"), 404, "not_found")
    mo = await desks.manager()
    ok(await mo.patch(f"/v1/reps/{bob.id}", {"queues": ["inbound/main"]}))
    assert (await bob.pull("inbound")).status_code == 204


async def test_a_next_step_that_is_due_and_a_meeting_a_day_ahead_fall_to_the_cover(desks: Desks) -> None:
    ann, bob, _ = await team(desks, "closing/field")
    step, meeting = await visited(desks, ann), await visited(desks, ann)
    ok(await step.act("next-step", {**STEP, "at": "2026-07-07T12:00:00Z"}))
    ok(await meeting.act("next-step", {**STEP, "at": "2026-07-09T12:00:00Z"}))
    ok(await meeting.deal("meetings", {"at": "2026-07-08T10:00:00Z", "mode": "in_person"}), 201)
    await away(ann, bob, until=None)
    await worked(desks)
    assert (await bob.pull("closing")).status_code == 204
    desks.later(days=1, hours=1)
    await worked(desks)
    first = await bob.take("closing")
    assert (first.item, first.said["why"], first.said["claim"]["exception"]) == (meeting.item, "next", "continuity")
    assert first.said["item"]["next_step"]["at"] == "2026-07-09T12:00:00.000Z"
    assert first.said["claim"]["expires_at"] == "2026-07-09T14:00:00.000Z"
    desks.later(hours=2)
    await worked(desks)
    second = await bob.take("closing")
    assert (second.item, second.said["item"]["next_step"]) == (step.item, None)
    queued = (await desks.told(step.lead, "item.queued"))[-1]
    assert (queued["cause"], queued["reserved_for"]) == ("cover", bob.id)


async def test_what_is_let_lapse_after_an_attempt_goes_to_the_cover_else_to_the_managers_list(desks: Desks) -> None:
    ann, bob, eve = await team(desks, "closing/field")
    hold = await visited(desks, ann)
    await hold.attempt("callback", next_at="2026-07-06T12:00:00Z", promise=True)
    ok(await ann.put("/v1/reps/me/presence", {"status": "present", "covers": [bob.id]}))
    desks.later(hours=5)
    await worked(desks)
    names = ["item.overdue", "item.promise_broken", "item.expired", "item.queued"]
    assert [name for name in await desks.told(hold.lead) if name in names][-4:] == names
    assert (await eve.pull("closing")).status_code == 204
    taken = await bob.take("closing")
    assert (taken.item, taken.said["claim"]["exception"], taken.said["item"]["next_step"]) == (
        hold.item,
        "promise",
        None,
    )
    await taken.attempt("no_answer")
    desks.later(hours=5)
    await worked(desks)
    assert (await desks.item_of(hold.lead))["state"] == "parked"


# --- who leaves ------------------------------------------------------------------------------------------------------


async def test_who_leaves_gives_promises_and_meetings_to_covers_and_the_rest_back_through_the_pool(
    desks: Desks,
) -> None:
    ann = await desks.rep("inbound/main", "closing/field", "closing/uk", name="Ann")
    bob = await desks.rep("inbound/main", "closing/field", "closing/uk", name="Bob")
    mo = await desks.manager()
    callback, meeting = await promised(desks, ann), await visited(desks, ann)
    ok(await meeting.deal("meetings", {"at": "2026-07-20T10:00:00Z", "mode": "video"}), 201)
    await desks.lead()
    enquiry = await ann.take("inbound")
    await desks.lead("trial")
    trial = await ann.take("closing")
    await desks.lead("buy")
    hot = await ann.take("closing")
    before = [await desks.item_of(hold.lead) for hold in (enquiry, trial, hot)]
    path = f"/v1/reps/{ann.id}/leave"
    assert ok(await mo.post(path, {"covers": [bob.id]})) == {"moved": 2, "returned": 3}
    assert ok(await mo.post(path, {"covers": [bob.id]})) == {"moved": 0, "returned": 0}
    after = [await desks.item_of(hold.lead) for hold in (enquiry, trial, hot)]
    assert [row["state"] for row in after] == ["queued", "pooled", "queued"]
    assert [row["rank_at"] for row in after] == [row["rank_at"] for row in before]
    assert (await desks.lead_row(trial.lead))["state"] == "pooled"
    said = ok(await mo.get(f"/v1/reps/{ann.id}"))
    assert (said["status"], said["until"], said["queues"]) == ("left", None, [])
    refused(await ann.pull("inbound"), 401, "unauthenticated")
    refused(await mo.put(f"/v1/reps/{ann.id}/presence", {"status": "present"}), 409, "wrong_state", state="left")
    kept = await bob.take("inbound")
    assert (kept.item, kept.said["claim"]["exception"]) == (callback.item, "promise")
    assert kept.said["item"]["next_step"]["at"] == "2026-07-06T14:00:00.000Z"
    assert (await bob.take("closing")).item == meeting.item
    desks.later(hours=5, minutes=10)
    assert (await bob.take("inbound")).said["why"] == "promise_due"
    await kept.attempt("conversation")
    assert len(await desks.told(callback.lead, "item.promise_kept")) == 1


async def test_a_promise_that_nobody_takes_over_is_broken_and_with_nobody_to_cover_it_is_anyones(desks: Desks) -> None:
    ann, bob, _ = await team(desks, "inbound/main")
    mo = await desks.manager()
    hold = await promised(desks, ann)
    assert ok(await mo.post(f"/v1/reps/{ann.id}/leave")) == {"moved": 0, "returned": 1}
    desks.later(hours=5, minutes=14)
    await worked(desks)
    assert not await desks.told(hold.lead, "item.promise_broken")
    desks.later(minutes=2)
    for _ in range(2):
        await worked(desks)
    (broken,) = await desks.told(hold.lead, "item.promise_broken")
    assert (broken["rep_id"], broken["due_at"]) == (ann.id, "2026-07-06T14:00:00.000Z")
    assert (await bob.take("inbound")).item == hold.item
    await worked(desks)
    assert len(await desks.told(hold.lead, "item.promise_broken")) == 1


async def test_what_a_pull_gives_in_the_moment_of_leaving_the_worker_gives_on(desks: Desks) -> None:
    ann, bob, _ = await team(desks, "inbound/main")
    hold = await promised(desks, ann)
    async with desks.edge.database.tx() as tx:
        gone = await reps.lock(tx, RepId(str(ann.id)))
        assert gone is not None
        await reps.change(tx, gone, status="left", queues=[], covers=[bob.id])
    await worked(desks)
    assert (await bob.take("inbound")).item == hold.item


@pytest.mark.parametrize("who", ["rep", "stranger"])
async def test_only_a_manager_of_theirs_says_that_a_rep_leaves(desks: Desks, who: str) -> None:
    ann, bob, _ = await team(desks, "inbound/main")
    path = f"/v1/reps/{ann.id}/leave"
    if who == "rep":
        refused(await bob.post(path), 403, "forbidden")
    else:
        refused(await (await desks.manager("closing")).post(path), 404, "not_found")
    assert (await ann.pull("inbound")).status_code == 204
