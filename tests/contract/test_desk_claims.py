"""Claims: the token, what keeps one alive, how it ends, and what is answered afterwards."""

from typing import Any

import pytest
from kit.desks import GBP, POLICY, Desks, Hold, mistakes, ok, refused
from sqlalchemy import update

from router.lifecycle import Act
from schemas.events.stamp import SYSTEM
from services import policies
from services.store import holding, items, work
from services.store import tables as t
from services.store.story import telling

ACTS: list[tuple[str, dict[str, Any]]] = [
    ("heartbeat", {}),
    ("attempts", {"channel": "phone", "outcome": "no_answer"}),
    ("next-step", {"what": "call", "at": "2026-07-08T10:00:00Z", "side": "ours"}),
    ("complete", {"outcome": "unreached"}),
    ("return", {"reason": "wrong_queue"}),
]


async def expire(desks: Desks, hold: Hold, act: Act = Act.EXPIRE) -> None:
    """End a claim as the system does."""
    async with desks.edge.database.tx() as tx, telling(tx) as stories:
        claim = await holding.find(tx, hold.claim)
        assert claim is not None
        policy = await policies.active(tx)
        found = await work.lock(tx, stories, policy, SYSTEM, claim.lead_id, claim.item_id)
        detail = {"reason": "suppressed"} if act is Act.REVOKE else {}
        await items.apply(tx, found.story, found.item, act, claim=found.claim, detail=detail)


async def test_each_write_needs_the_token_of_the_present_claim(desks: Desks) -> None:
    ann, bob, mo = await desks.rep("inbound/main"), await desks.rep("inbound/main"), await desks.manager()
    lead = await desks.lead()
    hold = await ann.take("inbound")
    before = await desks.told(lead)
    for act, body in ACTS:
        path = f"/v1/claims/{hold.claim}/{act}"
        refused(await ann.post(path, body), 428, "claim_token_required")
        refused(await ann.post(path, body, token=2), 409, "claim_lost", state="active")
        refused(await bob.post(path, body, token=1), 404, "not_found")
        refused(await ann.post(f"/v1/claims/clm_{'0' * 26}/{act}", body), 404, "not_found")
        refused(await mo.post(path, body), 403, "forbidden")
    assert await desks.told(lead) == before


@pytest.mark.parametrize(("how", "state"), [(Act.EXPIRE, "expired"), (Act.REVOKE, "revoked")])
async def test_a_claim_that_was_taken_back_is_lost(desks: Desks, how: Act, state: str) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    await expire(desks, hold, how)
    for act, body in ACTS:
        refused(await hold.act(act, body), 409, "claim_lost", state=state)
    again = await ann.take("inbound")
    for act, body in ACTS:
        refused(await hold.act(act, body), 409, "claim_lost", state=state)
    assert again.token == 2


async def test_a_claim_that_its_holder_ended_is_closed(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    await hold.act("complete", {"outcome": "disqualified", "reason": "spam"})
    for act, body in ACTS:
        refused(await hold.act(act, body), 409, "claim_closed", state="completed")


async def test_a_heartbeat_keeps_a_claim_for_another_lease(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    desks.later(minutes=10)
    response = await hold.act("heartbeat")
    claim = ok(response)["claim"]
    assert (claim["expires_at"], claim["state"]) == ("2026-07-06T09:25:00.001Z", "active")
    assert response.headers["Leadgate-Claim-Token"] == "1"


async def test_the_token_is_truth_and_not_the_time(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    desks.later(hours=5)
    await hold.attempt("no_answer")


async def test_with_a_next_step_a_claim_runs_until_that_is_overdue_by_the_grace(desks: Desks) -> None:
    bob = await desks.rep("closing/field")
    await desks.lead("visit")
    hold = await bob.take("closing")
    assert hold.said["claim"]["expires_at"] == "2026-07-06T13:00:00.001Z"
    step = {"what": "send the contract", "at": "2026-07-08T10:00:00Z", "side": "theirs", "promise": False}
    said = ok(await hold.act("next-step", step))
    assert said["item"]["next_step"] == {**step, "at": "2026-07-08T10:00:00.000Z"}
    assert said["claim"]["expires_at"] == "2026-07-08T12:00:00.000Z"
    assert ok(await hold.act("heartbeat"))["claim"]["expires_at"] == "2026-07-08T12:00:00.000Z"
    again = ok(await hold.act("next-step", {**step, "at": "2026-07-07T10:00:00Z"}))
    assert again["claim"]["expires_at"] == "2026-07-07T12:00:00.000Z"


async def test_a_booked_meeting_keeps_a_claim_until_it_is_over(desks: Desks) -> None:
    bob = await desks.rep("closing/field")
    await desks.lead("visit")
    hold = await bob.take("closing")
    meeting = ok(await hold.deal("meetings", {"at": "2026-07-16T10:00:00Z", "mode": "video"}), 201)

    async def ends() -> str:
        return str(ok(await bob.get("/v1/claims"))["data"][0]["claim"]["expires_at"])

    assert await ends() == "2026-07-16T12:00:00.000Z"
    ok(await hold.meeting(meeting["id"], {"state": "moved", "at": "2026-07-17T10:00:00Z"}))
    assert await ends() == "2026-07-17T12:00:00.000Z"
    desks.later(days=11)
    ok(await hold.meeting(meeting["id"], {"state": "no_show"}))
    assert await ends() == "2026-07-17T13:00:00.001Z"


async def test_a_next_step_is_for_what_stays_with_its_rep(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    step = {"what": "call", "at": "2026-07-08T10:00:00Z", "side": "ours"}
    refused(await hold.act("next-step", step), 409, "wrong_state", state="claimed")


MISTAKEN_STEPS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"at": "2026-07-06T09:00:00Z"}, [("#/at", "out_of_range")]),
    ({"at": "2026-07-08T10:00:00"}, [("#/at", "invalid_time")]),
    ({"side": "mine"}, [("#/side", "not_allowed")]),
    ({"what": ""}, [("#/what", "required")]),
    ({"what": None, "at": None}, [("#/what", "wrong_type"), ("#/at", "wrong_type")]),
]


async def test_a_mistaken_next_step_is_refused(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    await desks.lead("buy")
    hold = await bob.take("closing")
    whole = {"what": "call", "at": "2026-07-08T10:00:00Z", "side": "ours"}
    for body, wrong in MISTAKEN_STEPS:
        assert mistakes(await hold.act("next-step", {**whole, **body})) == wrong, body


async def test_what_is_held_is_listed_the_soonest_next_step_first(desks: Desks) -> None:
    bob = await desks.rep("closing/uk", "closing/field")
    for intent in ("buy", "buy", "visit"):
        await desks.lead(intent)
    late, none, soon = [await bob.take("closing") for _ in range(3)]
    await late.attempt("conversation", next_at="2026-07-09T09:00:00Z")
    await soon.attempt("conversation", next_at="2026-07-07T09:00:00Z")
    page = ok(await bob.get("/v1/claims", limit=2))
    assert [held["claim"]["id"] for held in page["data"]] == [soon.claim, late.claim]
    rest = ok(await bob.get("/v1/claims", limit=2, cursor=page["next_cursor"]))
    assert [held["claim"]["id"] for held in rest["data"]] == [none.claim]
    assert (rest["next_cursor"], rest["data"][0]["item"]["id"]) == (None, none.item)
    await none.deal("lost", {"reason": "price"})
    assert len(ok(await bob.get("/v1/claims"))["data"]) == 2
    refused(await (await desks.manager()).get("/v1/claims"), 403, "forbidden")


async def test_qualified_it_goes_to_the_pool_of_the_queue_that_the_handover_names(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead(product="fleet")
    hold = await ann.take("inbound")
    desks.later(minutes=1)
    said = await hold.qualify(estimate=GBP, qualification={"influence": "decides"})
    assert said["handed"] == {"queue": "closing/uk", "to": "pool", "taken_by": None}
    assert (said["claim"]["state"], said["item"]["state"], said["lead"]["state"]) == ("completed", "done", "pooled")
    deal = await desks.row(t.opportunities, said["opportunity_id"])
    assert (deal["qualified_by"], deal["product"], deal["qualification"]) == (ann.id, "fleet", {"influence": "decides"})
    assert (deal["estimate_amount"], deal["accepted_at"]) == (1250000, None)
    assert (await desks.told(lead))[-4:] == ["item.claimed", "item.completed", "lead.decided", "opportunity.created"]
    created = (await desks.told(lead, "opportunity.created"))[0]
    assert (created["qualified_by"], created["handover"], created["acceptance"]) == (ann.id, "pool", "none")
    assert said["lead"]["milestones"]["qualified"] == "2026-07-06T09:01:00.001Z"


async def test_nothing_is_handed_over_without_the_answers_that_the_policy_asks_for(desks: Desks) -> None:
    inbound = "  inbound:\n"
    assert inbound in POLICY
    await desks.routing.publish(POLICY.replace(inbound, inbound + "    asks: [need, willing_to_meet]\n"))
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    half = {"outcome": "qualified", "qualification": {"need": "speed"}}
    assert mistakes(await hold.act("complete", {"outcome": "qualified"})) == [
        ("#/qualification/need", "required"),
        ("#/qualification/willing_to_meet", "required"),
    ]
    assert mistakes(await hold.act("complete", half)) == [("#/qualification/willing_to_meet", "required")]
    half["qualification"]["willing_to_meet"] = False  # type: ignore[index]
    assert ok(await hold.act("complete", half))["handed"]["queue"] == "closing/uk"
    await desks.lead(email="bob@example.com")
    ok(await (await ann.take("inbound")).act("complete", {"outcome": "unreached"}))


async def test_what_is_known_better_decides_where_it_goes(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("closing/field")
    lead = await desks.lead(contact={"job_title": "COO"}, custom={"vans": 3})
    hold = await ann.take("inbound")
    better = {"company": {"country": "FR", "name": " Exemple "}, "contact": {"job_title": None}, "custom": {"vans": 40}}
    said = await hold.qualify(product="lite", lead=better)
    assert said["handed"] == {"queue": "closing/field", "to": "queue", "taken_by": None}
    shown = (await bob.take("closing")).said["item"]
    assert (shown["lead"]["id"], shown["opportunity"]["product"]) == (lead, "lite")
    about = shown["lead"]
    assert (about["company"]["country"], about["company"]["name"]) == ("FR", "Exemple")
    assert (about["contact"]["job_title"], about["contact"]["name"], about["custom"]) == (None, "Ann Lee", {"vans": 40})


async def test_disqualified_and_unreached_close_the_lead(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    first, second = await desks.lead(), await desks.lead()
    said = ok(await (await ann.take("inbound")).act("complete", {"outcome": "disqualified", "reason": "no_need"}))
    assert (said["lead"]["state"], said["lead"]["outcome"], said["lead"]["reason"]) == (
        "closed",
        "disqualified",
        "no_need",
    )
    assert (said["opportunity_id"], said["handed"]) == (None, None)
    ok(await (await ann.take("inbound")).act("complete", {"outcome": "unreached"}))
    row = await desks.lead_row(second)
    assert (row["state"], row["outcome"], row["reason"]) == ("closed", "unreached", None)
    assert (await desks.told(first))[-2:] == ["item.completed", "lead.closed"]


@pytest.mark.parametrize(
    ("until", "at"),
    [
        ("2026-10-01", "2026-09-30T23:00:00.000Z"),
        ("2026-10-01T12:00:00+02:00", "2026-10-01T10:00:00.000Z"),
        (None, "2026-10-04T09:00:00.001Z"),
    ],
)
async def test_nurtured_it_sleeps_until_then(desks: Desks, until: str | None, at: str) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    said = ok(await (await ann.take("inbound")).act("complete", {"outcome": "nurture", "until": until}))
    assert (said["lead"]["state"], said["lead"]["nurture_until"]) == ("nurturing", at)


BOOKED = {"at": "2026-07-08T10:00:00Z", "mode": "video"}
MISTAKEN_COMPLETIONS: list[tuple[dict[str, Any], list[Any]]] = [
    ({}, [("#/outcome", "required")]),
    ({"outcome": "done"}, [("#/outcome", "not_allowed")]),
    ({"outcome": "disqualified"}, [("#/reason", "required")]),
    ({"outcome": "disqualified", "reason": "price"}, [("#/reason", "not_allowed")]),
    ({"outcome": "unreached", "reason": "no_need"}, [("#/reason", "unknown_field")]),
    ({"outcome": "nurture", "until": "2026-07-06"}, [("#/until", "out_of_range")]),
    ({"outcome": "nurture", "until": "2026-07-06T09:00:00Z"}, [("#/until", "out_of_range")]),
    ({"outcome": "nurture", "until": "soon"}, [("#/until", "invalid_time")]),
    ({"outcome": "qualified", "handover": "later"}, [("#/handover", "not_allowed")]),
    ({"outcome": "qualified", "booked": BOOKED}, [("#/booked", "not_allowed")]),
    ({"outcome": "qualified", "handover": "live", "booked": BOOKED}, [("#/booked", "not_allowed")]),
    ({"outcome": "qualified", "handover": "booked"}, [("#/booked", "required")]),
    (
        {"outcome": "qualified", "handover": "booked", "booked": {"at": "2026-07-05T10:00:00Z"}},
        [("#/booked/at", "out_of_range"), ("#/booked/mode", "required")],
    ),
    (
        {"outcome": "qualified", "estimate": {"amount": -1, "currency": "GBX"}},
        [
            ("#/estimate/amount", "out_of_range"),
            ("#/estimate/currency", "invalid_currency"),
        ],
    ),
    (
        {"outcome": "qualified", "qualification": {"influence": "some"}},
        [("#/qualification/influence", "not_allowed")],
    ),
    ({"outcome": "qualified", "lead": {"company": {"contry": "GB"}}}, [("#/lead/company/contry", "unknown_field")]),
    (
        {"outcome": "qualified", "lead": {"contact": {"email": "b@example.com"}}},
        [("#/lead/contact/email", "unknown_field")],
    ),
    ({"outcome": "qualified", "product": "Fleet!"}, [("#/product", "bad_format")]),
]


async def test_a_mistaken_completion_is_refused(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    for body, wrong in MISTAKEN_COMPLETIONS:
        assert mistakes(await hold.act("complete", body)) == wrong, body
    assert (await desks.lead_row(lead))["state"] == "claimed"


async def test_an_opportunity_is_not_completed_but_won_or_lost(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    await desks.lead("buy")
    hold = await bob.take("closing")
    assert mistakes(await hold.act("complete", {"outcome": "qualified"})) == [("#/outcome", "not_allowed")]


@pytest.mark.parametrize(
    ("act", "body", "other"),
    [
        ("complete", {"outcome": "qualified", "estimate": GBP}, {"outcome": "qualified"}),
        ("complete", {"outcome": "disqualified", "reason": "no_need"}, {"outcome": "disqualified", "reason": "other"}),
        ("complete", {"outcome": "nurture", "until": "2026-10-01"}, {"outcome": "unreached"}),
        ("return", {"reason": "other", "note": "they are family"}, {"reason": "wrong_queue"}),
    ],
)
async def test_the_same_again_after_it_ended_is_answered_as_before(
    desks: Desks, act: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    ann = await desks.rep("inbound/main")
    await desks.rep("inbound/main")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    first = ok(await hold.act(act, body))
    told = await desks.told(lead)
    desks.later(minutes=10)
    assert ok(await hold.act(act, body)) == first
    assert await desks.told(lead) == told
    refused(await hold.act(act, other), 409, "claim_closed")
    refused(
        await hold.act(
            "return" if act == "complete" else "complete",
            {"complete": {"reason": "wrong_queue"}, "return": {"outcome": "unreached"}}[act],
        ),
        409,
        "claim_closed",
    )


async def test_under_an_idempotency_key_a_completion_is_replayed(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    first = await hold.act("complete", {"outcome": "qualified"}, key="c1")
    again = await hold.act("complete", {"outcome": "qualified"}, key="c1")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    refused(await hold.act("complete", {"outcome": "unreached"}, key="c1"), 422, "idempotency_key_reused")


MISTAKEN_RETURNS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"reason": "bored"}, [("#/reason", "not_allowed")]),
    ({"reason": "other"}, [("#/note", "required")]),
    ({"reason": "other", "note": "  "}, [("#/note", "required")]),
    ({"reason": "wrong_queue", "note": "x" * 2001}, [("#/note", "too_long")]),
]


async def test_a_mistaken_return_is_refused(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    for body, wrong in MISTAKEN_RETURNS:
        assert mistakes(await hold.act("return", body)) == wrong, body


async def test_what_each_rep_of_the_queue_returned_is_parked(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main", "inbound/second")
    await desks.rep("inbound/second")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    ok(await bob.put("/v1/reps/me/presence", {"status": "away"}))
    first = ok(await hold.act("return", {"reason": "wrong_language"}))
    assert (first["item"]["state"], first["claim"]["state"]) == ("queued", "returned")
    ok(await bob.put("/v1/reps/me/presence", {"status": "present"}))
    ok(await ann.put("/v1/reps/me/presence", {"status": "away"}))
    last = ok(await (await bob.take("inbound")).act("return", {"reason": "missing_skill", "note": "it is in Welsh"}))
    assert last["item"]["state"] == "parked"
    assert (await desks.told(lead))[-3:] == ["item.claimed", "item.returned", "item.parked"]
    assert (await desks.lead_row(lead))["state"] == "queued"
    assert last["item"]["history"][-2]["note"] == "it is in Welsh"
    assert "Welsh" not in str(await desks.told(lead, "item.returned"))


async def test_the_lease_of_a_queue_that_the_policy_dropped_stays_as_it_was(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    async with desks.edge.database.tx() as tx:
        gone = {"queue": "inbound/gone"}
        await tx.execute(update(t.claims).where(t.claims.c.id == hold.claim).values(gone))
    desks.later(minutes=1)
    claim = ok(await hold.act("heartbeat"))["claim"]
    assert (claim["expires_at"], claim["heartbeat_every_ms"]) == (hold.said["claim"]["expires_at"], None)
