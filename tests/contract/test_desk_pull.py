"""Pull: what it gives, in which order, and what refuses it."""

from datetime import timedelta
from typing import Any

from kit.desks import POLICY, Desks, mistakes, ok, refused
from sqlalchemy import select, update

from schemas.words import Exempt
from services.store import tables as t

RELEASE = """grace: 2 working days,
         release: {at: "08:30", buffer: {fixed: 2}}}"""
"""As the policy of these tests gives `closing/uk` its pool."""


async def test_it_gives_the_item_with_all_that_is_known_and_the_claim(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead(email="ann.lee@example.com", phone="+442079460123", message="Forty vans", custom={"n": 4})
    desks.later(seconds=5)
    response = await ann.pull("inbound")
    said = ok(response)
    item, claim = said["item"], said["claim"]
    assert said["why"] == "next"
    assert {name: item[name] for name in ("kind", "queue", "state", "priority", "claims", "test", "channels")} == {
        "kind": "enquiry",
        "queue": "inbound/main",
        "state": "claimed",
        "priority": "normal",
        "claims": 1,
        "test": False,
        "channels": ["phone", "sms", "email"],
    }
    assert (item["queued_at"], item["due_at"], item["rank_at"]) == (
        "2026-07-06T09:00:00.000Z",
        "2026-07-06T09:05:00.000Z",
        "2026-07-06T08:00:00.000Z",
    )
    assert (item["next_step"], item["opportunity"], item["customer"], item["task"]) == (None, None, None, None)
    about = item["lead"]
    assert (about["id"], about["message"], about["custom"]) == (lead, "Forty vans", {"n": 4})
    assert about["contact"]["email"] == "ann.lee@example.com"
    assert about["contact"]["phone"] == "+442079460123"
    assert about["contact"]["job_title"] is None
    assert [entry["what"] for entry in item["history"]] == [
        "lead.received",
        "lead.decided",
        "item.queued",
        "item.claimed",
    ]
    assert item["history"][-1]["by"] == ann.id
    assert claim == {
        "id": claim["id"],
        "token": 1,
        "state": "active",
        "rep_id": ann.id,
        "exception": None,
        "granted_at": "2026-07-06T09:00:05.001Z",
        "expires_at": "2026-07-06T09:15:05.001Z",
        "heartbeat_every_ms": 300000,
    }
    assert response.headers["Leadgate-Claim-Token"] == "1"
    assert response.headers["Cache-Control"] == "no-store"
    row = await desks.lead_row(lead)
    assert (row["state"], row["milestones"]["pulled"]) == ("claimed", "2026-07-06T09:00:05.001Z")


async def test_an_opportunity_comes_with_its_deal_and_needs_no_heartbeat(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    await desks.lead("buy", product="fleet")
    said = (await bob.take("closing")).said
    deal = said["item"]["opportunity"]
    assert (deal["state"], deal["stage"], deal["product"], deal["qualified_by"]) == (
        "open",
        "qualified",
        "fleet",
        "auto",
    )
    assert (deal["accepted_at"], deal["qualification"], deal["estimate"]) == (None, None, None)
    assert (deal["meetings"], deal["proposals"], deal["tasks"]) == ([], [], [])
    assert deal["closer"] == bob.id
    assert said["claim"]["heartbeat_every_ms"] is None
    assert said["claim"]["expires_at"] == "2026-07-09T09:00:00.001Z"


async def test_rank_is_the_order_and_a_bounded_credit_lets_age_win_in_the_end(desks: Desks) -> None:
    ann = await desks.rep("inbound/main", "inbound/second")
    old = await desks.lead()
    desks.later(hours=22)
    normal = await desks.lead()
    urgent = await desks.lead("urgent")
    desks.later(hours=2)
    late = await desks.lead("urgent")
    given = [(await ann.take("inbound", test=False)).lead for _ in range(3)]
    assert given == [urgent, old, late]
    assert (await desks.item_of(normal))["state"] == "queued"


async def test_the_first_in_order_is_taken_over_all_queues_of_the_desk_and_their_pools(desks: Desks) -> None:
    bob = await desks.rep("closing/uk", "closing/field")
    pooled = await desks.lead("trial")
    desks.later(minutes=1)
    queued = await desks.lead("visit")
    assert (await desks.item_of(pooled))["state"] == "pooled"
    assert [(await bob.take("closing")).lead for _ in range(2)] == [pooled, queued]
    told = await desks.told(pooled, "opportunity.released")
    assert [(each["cause"], each["actor"]["id"]) for each in told] == [("pull", bob.id)]


async def test_a_younger_pool_waits_for_an_older_queue(desks: Desks) -> None:
    bob = await desks.rep("closing/uk", "closing/field")
    queued = await desks.lead("visit")
    desks.later(minutes=1)
    pooled = await desks.lead("trial")
    assert (await bob.take("closing")).lead == queued
    assert (await desks.item_of(pooled))["state"] == "pooled"


async def test_what_lies_in_a_pool_that_the_policy_took_away_is_nothing_until_it_is_rehomed(desks: Desks) -> None:
    bob = await desks.rep("closing/uk", "closing/field")
    await desks.lead("trial")
    await desks.routing.publish(POLICY.replace(RELEASE, "grace: 2 working days}"))
    assert (await bob.pull("closing")).status_code == 204
    desks.later(minutes=1)
    field = await desks.lead("visit")
    assert (await bob.take("closing")).lead == field


async def test_nothing_is_204_without_a_body(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    response = await ann.pull("inbound")
    assert (response.status_code, response.content) == (204, b"")


async def test_a_desk_where_the_rep_has_no_queue_is_not_found(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead("buy")
    for desk in ("closing", "nowhere", "coordination"):
        refused(await ann.pull(desk), 404, "not_found")


async def test_a_queue_that_the_policy_does_not_have_is_no_queue(desks: Desks) -> None:
    ann = await desks.rep("inbound/gone")
    refused(await ann.pull("inbound"), 404, "not_found")


async def test_only_reps_pull(desks: Desks) -> None:
    mo = await desks.manager()
    refused(await mo.pull("inbound"), 403, "forbidden")


MISTAKEN: list[tuple[dict[str, Any], list[Any]]] = [
    ({"wait": 61}, [("#/wait", "out_of_range")]),
    ({"wait": -1}, [("#/wait", "out_of_range")]),
    ({"wait": "25", "test": 1}, [("#/wait", "wrong_type"), ("#/test", "wrong_type")]),
    ({"queue": "inbound/main"}, [("#/queue", "unknown_field")]),
]


async def test_a_mistaken_body_takes_nothing(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    for body, wrong in MISTAKEN:
        assert mistakes(await ann.post("/v1/desks/inbound/pull", body)) == wrong, body
    assert (await desks.item_of(lead))["state"] == "queued"


async def test_in_hand_is_a_limit_of_what_is_due_now(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    for _ in range(5):
        await desks.lead()
    holds = [await ann.take("inbound") for _ in range(3)]
    refused(await ann.pull("inbound"), 409, "limit_reached", limit="in_hand", max=3, current=3)
    await holds[0].attempt("callback", next_at="2026-07-06T15:00:00Z", promise=True)
    await ann.take("inbound")
    refused(await ann.pull("inbound", wait=60), 409, "limit_reached")


async def test_open_is_a_limit_of_all_that_is_held(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    for _ in range(4):
        await desks.lead("buy")
    for _ in range(3):
        hold = await bob.take("closing")
        await hold.attempt("conversation", next_at="2026-07-07T09:00:00Z")
    refused(await bob.pull("closing"), 409, "limit_reached", limit="open", max=3, current=3)


async def test_a_queue_at_its_limit_is_passed_over_for_one_that_is_not(desks: Desks) -> None:
    bob = await desks.rep("closing/uk", "closing/field")
    for _ in range(3):
        await desks.lead("buy")
    field = await desks.lead("visit")
    assert [(await bob.take("closing")).said["item"]["queue"] for _ in range(2)] == ["closing/uk"] * 2
    assert (await bob.take("closing")).lead == field
    assert (await bob.pull("closing")).status_code == 204


async def test_who_is_away_pulls_nothing_until_they_are_back(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    ok(await ann.put("/v1/reps/me/presence", {"status": "away", "until": "2026-07-06T12:00:00Z"}))
    refused(await ann.pull("inbound"), 409, "rep_away", state="away")
    desks.later(hours=3)
    await ann.take("inbound")


async def test_a_key_gives_the_same_live_claim_again_whatever_the_body(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    first, second = await desks.lead(), await desks.lead()
    given = ok(await ann.pull("inbound", key="k1"))
    again = ok(await ann.pull("inbound", key="k1", test=True))
    assert given["item"]["lead"]["id"] == again["item"]["lead"]["id"] == first
    assert given["claim"] == again["claim"]
    assert ok(await bob.pull("inbound", key="k1"))["item"]["lead"]["id"] == second


async def test_a_key_whose_claim_has_ended_is_409(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    await desks.lead()
    hold_said = ok(await ann.pull("inbound", key="k1"))
    path = f"/v1/claims/{hold_said['claim']['id']}/complete"
    ok(await ann.post(path, {"outcome": "unreached"}, token=1))
    refused(await ann.pull("inbound", key="k1"), 409, "claim_lost", state="completed")


async def test_a_key_that_got_nothing_asks_anew(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    assert (await ann.pull("inbound", key="k1")).status_code == 204
    lead = await desks.lead()
    assert ok(await ann.pull("inbound", key="k1"))["item"]["lead"]["id"] == lead


async def test_what_a_rep_returned_is_not_offered_to_them_again(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    ok(await hold.act("return", {"reason": "no_capacity"}))
    assert (await ann.pull("inbound")).status_code == 204
    again = await bob.take("inbound")
    assert (again.lead, again.token) == (lead, 2)
    assert again.said["item"]["queued_at"] == hold.said["item"]["queued_at"]
    assert again.said["item"]["rank_at"] == hold.said["item"]["rank_at"]


async def test_what_is_reserved_comes_first_to_its_rep_alone_and_after_its_time_to_anyone(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    older, lead = await desks.lead(), await desks.lead()
    until = desks.clock.now() + timedelta(days=1)
    reserved = {"reserved_for": ann.id, "reserved_until": until, "reserved_why": Exempt.CONTINUITY.value}
    async with desks.edge.database.tx() as tx:
        await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(reserved))
    assert (await bob.take("inbound")).lead == older
    assert (await bob.pull("inbound")).status_code == 204
    desks.later(hours=1)
    third = await desks.lead()
    hold = await ann.take("inbound")
    assert (hold.lead, hold.said["claim"]["exception"]) == (lead, "continuity")
    assert (await desks.told(lead, "item.claimed"))[0]["exception"] == "continuity"
    assert (await ann.take("inbound")).lead == third
    ok(await hold.act("return", {"reason": "no_capacity"}))
    assert (await bob.take("inbound")).said["claim"]["exception"] is None


async def test_a_reservation_that_ran_out_is_none(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    lead = await desks.lead()
    reserved = {"reserved_for": ann.id, "reserved_until": desks.clock.now(), "reserved_why": Exempt.CONTINUITY.value}
    async with desks.edge.database.tx() as tx:
        await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(reserved))
    assert (await bob.take("inbound")).said["claim"]["exception"] is None


async def test_test_leads_go_to_test_pulls_alone_without_limits(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("closing/uk")
    tests = [await desks.lead(test=True) for _ in range(4)]
    assert (await ann.pull("inbound")).status_code == 204
    real = await desks.lead()
    holds = [await ann.take("inbound", test=True) for _ in range(4)]
    assert [hold.lead for hold in holds] == tests
    assert (await ann.pull("inbound", test=True)).status_code == 204
    assert (await ann.take("inbound")).lead == real
    await holds[0].qualify()
    assert (await bob.pull("closing")).status_code == 204
    assert (await bob.take("closing", test=True)).lead == tests[0]


async def test_a_person_who_opted_out_meanwhile_is_cancelled_and_the_next_one_given(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    gone, there = await desks.lead(email="gone@example.com"), await desks.lead()
    async with desks.edge.database.tx() as tx:
        rows = select(t.identity_persons).join(t.leads, t.leads.c.person_id == t.identity_persons.c.person_id)
        for row in await tx.fetch(rows.where(t.leads.c.id == gone)):
            sup = {"kind": row["kind"], "digest": row["digest"], "channel": "all", "reason": "by letter"}
            await tx.execute(t.suppressions.insert().values(id="sup_1", created_at=tx.now, **sup))
    assert (await ann.take("inbound")).lead == there
    row = await desks.lead_row(gone)
    assert (row["state"], row["outcome"], row["reason"]) == ("closed", "disqualified", "suppressed")
    assert (await desks.item_of(gone))["state"] == "cancelled"


async def test_a_promise_that_is_due_comes_first_once_whatever_the_limits_at_any_desk(desks: Desks) -> None:
    ann = await desks.rep("inbound/main", "outbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    for _ in range(4):
        await desks.lead()
    await hold.attempt("callback", next_at="2026-07-06T09:30:00Z", promise=True)
    holds = [await ann.take("inbound") for _ in range(3)]
    desks.later(minutes=29)
    for each in holds:
        ok(await each.act("heartbeat"))
    refused(await ann.pull("inbound"), 409, "limit_reached")
    desks.later(minutes=1)
    said = ok(await ann.pull("outbound"))
    assert (said["why"], said["claim"]["id"], said["claim"]["token"]) == ("promise_due", hold.claim, hold.token)
    assert said["claim"]["exception"] == "promise"
    assert said["item"]["next_step"] == {
        "what": "follow_up",
        "at": "2026-07-06T09:30:00.000Z",
        "side": "ours",
        "promise": True,
    }
    refused(await ann.pull("inbound"), 409, "limit_reached", current=4)
    claimed = await desks.told(hold.lead, "item.claimed")
    assert [(each["why"], each["exception"], each["token"]) for each in claimed] == [
        ("next", None, 1),
        ("promise_due", "promise", 1),
    ]


async def test_a_rep_whose_queues_are_dry_takes_from_the_pool_and_leaves_the_depth_as_it_is(desks: Desks) -> None:
    ann, bob = await desks.rep("closing/uk"), await desks.rep("closing/uk")
    first, second = await desks.lead("buy"), await desks.lead("buy")
    pooled = await desks.lead("trial")
    for lead in (first, second):
        hold = await ann.take("closing")
        assert hold.lead == lead
        ok(await hold.act("return", {"reason": "wrong_queue"}))
    assert (await ann.take("closing")).lead == pooled
    depth = select(t.items.c.id).where(t.items.c.state == "queued")
    assert len(await desks.routing.rows(depth)) == 2
    assert (await desks.told(pooled, "opportunity.released"))[0]["depth_after"] == 2
    assert (await bob.take("closing")).lead == first
