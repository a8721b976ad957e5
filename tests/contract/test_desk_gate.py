"""The pull's finer rules: hours of persons, skills, where to look when there is nothing, returns in a week."""

import asyncio

from kit.desks import POLICY, Desks, ok, refused
from kit.floor import settle
from sqlalchemy import select

from services import policies
from services.store import measures
from services.store import tables as t
from services.worker import due, rehome, release

MAIN = "main: {calendar: always, in_hand: 3, lease: 15m"
SECOND = "second: {calendar: always, lease: 15m"
NEW_YORK, LONDON = {"phone": "+12125550123"}, {"phone": "+442079460123"}


async def under(desks: Desks, queue: str, more: str) -> None:
    """Publish the desks' policy with more settings of a queue; to the second one, if it is that, go all enquiries."""
    assert queue in POLICY
    text = POLICY.replace(queue, f"{queue}, {more}")
    await desks.routing.publish(
        text.replace("queue: inbound/main, sla", "queue: inbound/second, sla") if queue == SECOND else text
    )


async def run(desks: Desks) -> None:
    for duty in (rehome.duty, due.duty, release.duty):
        await settle(duty(desks.edge))


# --- hours of persons ------------------------------------------------------------------------------------------------


async def test_whose_day_it_is_not_is_passed_over_until_it_is(desks: Desks) -> None:
    await under(desks, MAIN, 'person_hours: "08:00-20:00"')
    ann = await desks.rep("inbound/main")
    asleep = [await desks.lead(**NEW_YORK) for _ in range(3)]
    awake = await desks.lead(**LONDON)
    assert (await ann.take("inbound")).lead == awake, "nine in the morning in London, four in New York"
    assert (await ann.pull("inbound")).status_code == 204
    desks.later(hours=9)  # eight in Honolulu: it is day in every zone of theirs
    assert (await ann.pull("inbound")).status_code == 204
    await run(desks)
    assert (await ann.take("inbound")).lead == asleep[0]
    desks.later(hours=6)  # eight in the evening in New York
    assert (await ann.pull("inbound")).status_code == 204, "the pull looks itself, whenever a sweep comes"


async def test_why_it_waits_says_what_hour_it_is_there_and_who_lacks_the_skills(desks: Desks) -> None:
    await under(desks, MAIN, 'skills: [de], person_hours: "08:00-20:00"')
    await desks.rep("inbound/main", skills=["fr"])
    mo = await desks.manager()
    lead = await desks.lead(**NEW_YORK)
    await run(desks)
    waiting = ok(await mo.get(f"/v1/leads/{lead}/why"))["waiting"]
    assert waiting["because"]["code"] == "out_of_hours"
    assert "2026-07-06T18:00:00.000Z" in waiting["because"]["detail"]
    (rep,) = waiting["reps"]
    assert [bar["code"] for bar in rep["bars"]] == ["skills"]


async def test_what_lies_a_month_in_a_pool_waits_no_longer_behind_what_skips_it(desks: Desks) -> None:
    """Hand-raisers come and come, and keep the buffer full: the list still moves."""
    await under(desks, MAIN, 'release: {at: "08:30", buffer: {fixed: 1}}')
    ann = await desks.rep("inbound/main")
    listed = await desks.lead(list=True)
    desks.later(days=30)
    for _ in range(2):
        await desks.lead()
    first = await ann.take("inbound")
    assert first.lead != listed, "an hour of credit: not yet a month older than the head of the queue"
    desks.later(hours=2)
    await desks.lead()
    await first.act("complete", {"outcome": "unreached"})
    await (await ann.take("inbound")).act("complete", {"outcome": "unreached"})
    await run(desks)
    assert (await desks.item_of(listed))["state"] == "pooled", "the buffer is full"
    assert (await ann.take("inbound")).lead == listed
    assert await desks.told(listed, "item.queued") != []


async def test_what_is_out_of_hours_is_measured_with_when_the_first_of_it_opens(desks: Desks) -> None:
    await under(desks, MAIN, 'person_hours: "08:00-20:00"')
    for _ in range(2):
        await desks.lead(**NEW_YORK)
    await desks.lead(**LONDON)
    await run(desks)
    async with desks.edge.database.read() as tx:
        (measured,) = await measures.measure(tx, await policies.active(tx), ["inbound/main"])
    assert (measured.depth, measured.out_of_hours) == (3, 2)
    assert measured.opens_at is not None
    assert measured.opens_at.isoformat() == "2026-07-06T18:00:00+00:00"


async def test_a_pool_gives_and_releases_none_whose_day_it_is_not(desks: Desks) -> None:
    await under(desks, MAIN, 'person_hours: "08:00-20:00", release: {at: "08:30", buffer: {fixed: 1}}')
    ann = await desks.rep("inbound/main")
    asleep, awake = await desks.lead(list=True, **NEW_YORK), await desks.lead(list=True, **LONDON)
    assert (await desks.item_of(asleep))["state"] == "pooled"
    assert (await ann.take("inbound")).lead == awake, "out of the pool, past the one before it"
    await run(desks)
    assert (await desks.item_of(asleep))["state"] == "pooled"
    desks.later(hours=9)
    await run(desks)
    assert (await desks.item_of(asleep))["state"] == "queued"
    assert (await ann.take("inbound")).lead == asleep


async def test_hours_that_the_policy_changes_or_takes_away_are_looked_at_anew(desks: Desks) -> None:
    await under(desks, MAIN, 'person_hours: "08:00-20:00"')
    ann = await desks.rep("inbound/main")
    lead = await desks.lead(**NEW_YORK)
    await run(desks)
    for hours, asleep in (('"04:00-23:00"', True), ('"00:00-23:59"', False), (None, False), ('"08:00-20:00"', True)):
        if hours is None:
            await desks.routing.publish(POLICY)
        else:
            await under(desks, MAIN, f"person_hours: {hours}")
        await run(desks)
        assert (await desks.item_of(lead))["out_of_hours"] == asleep, hours
    await desks.routing.publish(POLICY)
    await run(desks)
    assert (await ann.take("inbound")).lead == lead


async def test_a_promise_is_kept_at_whatever_hour(desks: Desks) -> None:
    await under(desks, MAIN, 'person_hours: "08:00-20:00"')
    ann = await desks.rep("inbound/main")
    desks.later(hours=10)
    await desks.lead(**NEW_YORK)
    hold = await ann.take("inbound")
    await hold.attempt("callback", next_at="2026-07-07T01:00:00Z", promise=True)
    desks.later(hours=7)
    assert (await ann.take("inbound")).said["why"] == "promise_due"


# --- skills ----------------------------------------------------------------------------------------------------------


async def test_a_queue_gives_only_to_who_has_its_skills(desks: Desks) -> None:
    await under(desks, SECOND, "skills: [de, demo]")
    both = [await desks.rep("inbound/second", skills=skills) for skills in (["de"], ["de", "demo", "fr"])]
    lead = await desks.lead()
    assert (await both[0].pull("inbound")).status_code == 204
    hold = await both[1].take("inbound")
    assert hold.lead == lead
    async with desks.edge.database.read() as tx:
        (measured,) = await measures.measure(tx, await policies.active(tx), ["inbound/second"])
    assert measured.reps_present == 1
    said = ok(await hold.act("return", {"reason": "no_capacity"}))
    assert said["item"]["state"] == "parked", "nobody else may have it"
    mo = await desks.manager()
    (parked,) = ok(await mo.get("/v1/items", state="parked"))["data"]
    assert parked["id"] == hold.item
    refused(await mo.post(f"/v1/items/{hold.item}/assign", {"rep_id": both[0].id, "reason": "manager"}), 422, "invalid")


async def test_who_lost_the_skill_leaves_what_others_returned_to_the_manager(desks: Desks) -> None:
    await under(desks, MAIN, "skills: [de]")
    ann, bob = await desks.rep("inbound/main", skills=["de"]), await desks.rep("inbound/main", skills=["de"])
    await desks.lead()
    hold = await ann.take("inbound")
    assert ok(await hold.act("return", {"reason": "no_capacity"}))["item"]["state"] == "queued"
    ok(await (await desks.manager()).patch(f"/v1/reps/{bob.id}", {"skills": []}))
    await run(desks)
    assert (await desks.item_of(hold.lead))["state"] == "parked"


# --- when there is nothing -------------------------------------------------------------------------------------------


async def test_an_empty_desk_gives_the_head_of_where_it_says_to_look_to_who_has_that(desks: Desks) -> None:
    field = "field: {calendar: always, lease: 4h, grace: 2h"
    await under(desks, field, "when_empty: outbound/main")
    both, closer = await desks.rep("closing/field", "outbound/main"), await desks.rep("closing/field")
    prospect = await desks.prospect()
    deal = await desks.lead("visit")
    assert (await both.take("closing")).lead == deal
    assert (await closer.pull("closing")).status_code == 204
    hold = await both.take("closing")
    assert (hold.lead, hold.said["item"]["queue"], hold.said["why"]) == (prospect, "outbound/main", "next")
    assert (await both.pull("closing")).status_code == 204


async def test_a_desk_at_its_limits_is_not_empty(desks: Desks) -> None:
    await under(desks, MAIN, "when_empty: outbound/main")
    ann = await desks.rep("inbound/main", "outbound/main")
    await desks.prospect()
    for _ in range(3):
        await desks.lead()
        await ann.take("inbound")
    refused(await ann.pull("inbound"), 409, "limit_reached", limit="in_hand")


# --- returns ---------------------------------------------------------------------------------------------------------


async def test_returns_are_bounded_in_the_reps_week_but_for_reasons_that_are_free(desks: Desks) -> None:
    await under(desks, MAIN, "returns_per_week: 2")
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    reasons = ["wrong_language", "no_capacity", "missing_skill", "wrong_queue", "conflict_of_interest"]
    for reason in reasons:
        await desks.lead()
        hold = await ann.take("inbound")
        ok(await hold.act("return", {"reason": reason}))
    ok(await hold.act("return", {"reason": "conflict_of_interest"}))  # the same again
    await desks.lead()
    hold = await ann.take("inbound")
    refused(await hold.act("return", {"reason": "shift_over"}), 409, "limit_reached", limit="returns", max=2, current=2)
    ok(await hold.act("heartbeat"))
    ok(await (await bob.take("inbound")).act("return", {"reason": "shift_over"}))
    kept = await desks.routing.rows(select(t.claims.c.returned_because).where(t.claims.c.state == "returned"))
    assert sorted(row["returned_because"] for row in kept) == sorted([*reasons, "shift_over"])
    at = desks.clock.now()
    sunday = at.replace(day=12, hour=22, minute=59)  # one minute to Monday in London
    desks.later(seconds=(sunday - at).total_seconds())
    refused(await hold.act("return", {"reason": "shift_over"}), 409, "limit_reached")
    desks.later(minutes=1)
    ok(await hold.act("return", {"reason": "shift_over"}))


async def test_returns_at_once_never_pass_the_limit(desks: Desks) -> None:
    await under(desks, SECOND, "returns_per_week: 1")
    ann = await desks.rep("inbound/second")
    await desks.rep("inbound/second")
    for _ in range(4):
        await desks.lead()
    holds = [await ann.take("inbound") for _ in range(4)]
    answers = await asyncio.gather(*(hold.act("return", {"reason": "shift_over"}) for hold in holds))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 3
