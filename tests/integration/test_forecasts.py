"""What closing will need is seen upstream, and the next day graded against what came."""

from datetime import timedelta

from kit.desks import Caller, Desks, ok, refused
from kit.floor import settle
from sqlalchemy import update

from services.store import tables as t
from services.worker import forecast

PATH = "/v1/queues/closing/uk/forecast"


async def came_before(desks: Desks, *weeks: int) -> None:
    """Weeks ago, at this time, one each came to `closing/uk`; they are gone since."""
    for week in weeks:
        lead = await desks.lead("trial")
        at = desks.clock.now() - timedelta(weeks=week) + timedelta(hours=1)
        async with desks.edge.database.tx() as tx:
            await tx.execute(update(t.leads).where(t.leads.c.id == lead).values(received_at=at - timedelta(days=7)))
            await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(queued_at=at, state="done"))


async def seen(desks: Desks, who: Caller) -> dict[str, object]:
    return ok(await who.get(PATH))


async def test_what_the_next_day_start_needs_and_has_is_told_upstream(desks: Desks) -> None:
    ida, cleo = await desks.manager("inbound"), await desks.manager("closing")
    await came_before(desks, 1, 2)
    said = await seen(desks, cleo)
    figures = ("day", "by", "needs", "depth", "pool", "expected", "short")
    assert {name: said[name] for name in figures} == {
        "day": "2026-07-07",
        "by": "2026-07-07T07:30:00.000Z",
        "needs": 2,
        "depth": 0,
        "pool": 0,
        "expected": 1,
        "short": 1,
    }
    assert said["says"] == "closing/uk, Tuesday at 08:30 (Europe/London): needs 2; the pool has 0, 1 expected: 1 short"
    await desks.lead("trial")
    again = await seen(desks, ida)
    assert (again["pool"], again["short"]) == (1, 0)
    await desks.lead("trial", test=True)
    assert (await seen(desks, ida))["pool"] == 1


async def test_only_managers_of_it_and_upstream_see_it_and_only_of_a_pool(desks: Desks) -> None:
    for who in (await desks.manager("customer"), await desks.manager("service")):
        refused(await who.get(PATH), 404, "not_found")
    mo = await desks.manager()
    for queue in ("closing/field", "closing/gone", "nowhere/uk"):
        refused(await mo.get(f"/v1/queues/{queue}/forecast"), 404, "not_found")
    refused(await (await desks.rep("closing/uk")).get(PATH), 403, "forbidden")


async def test_the_next_day_it_is_graded_against_what_came(desks: Desks) -> None:
    mo = await desks.manager()
    duty = forecast.duty(desks.edge)
    await settle(duty)
    (kept,) = (await seen(desks, mo))["graded"]
    assert (kept["day"], kept["needs"], kept["expected"], kept["short"], kept["came"]) == ("2026-07-07", 2, 0, 2, None)
    await desks.lead("trial")
    await settle(duty)
    assert len((await seen(desks, mo))["graded"]) == 1, "it stands as it was made"
    desks.later(hours=22, minutes=29)
    await desks.lead("trial")
    desks.later(minutes=2)
    await desks.lead("trial")
    await settle(duty)
    ahead, before = (await seen(desks, mo))["graded"]
    assert (before["day"], before["came"], before["pool"]) == ("2026-07-07", 2, 0)
    assert (ahead["day"], ahead["came"], ahead["pool"]) == ("2026-07-08", None, 3)


async def test_the_work_page_of_the_upstream_desks_shows_what_closing_needs(desks: Desks) -> None:
    needs = "closing/uk, Tuesday at 08:30 (Europe/London): needs 2; the pool has 0, 0 expected: 2 short"
    for queue, shown in (("inbound/main", True), ("outbound/main", True), ("closing/uk", False)):
        response = await (await desks.rep(queue)).get("/work")
        assert response.status_code == 200
        assert (needs in response.text) == shown, queue
