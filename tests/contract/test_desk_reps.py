"""Reps: added, listed, changed, away and there."""

from datetime import UTC, datetime
from typing import Any

from kit.desks import POLICY, Desks, mistakes, ok, refused

WHOLE = {
    "name": " Ann Archer ",
    "email": "ann@example.com",
    "queues": ["closing/uk", "closing/field", "closing/uk"],
    "skills": ["de"],
    "territories": ["london"],
    "zone": "Europe/Berlin",
}


async def test_a_rep_is_added_present(desks: Desks) -> None:
    mo = await desks.manager()
    response = await mo.post("/v1/reps", WHOLE)
    said = ok(response, 201)
    assert said == {
        **WHOLE,
        "id": said["id"],
        "name": "Ann Archer",
        "queues": ["closing/uk", "closing/field"],
        "status": "present",
        "until": None,
        "covers": [],
        "created_at": "2026-07-06T09:00:00.000Z",
    }
    assert response.headers["Location"] == f"/v1/reps/{said['id']}"
    assert ok(await mo.get(f"/v1/reps/{said['id']}")) == said


async def test_a_rep_needs_a_name_and_a_queue_and_has_the_policys_zone(desks: Desks) -> None:
    said = ok(await (await desks.manager()).post("/v1/reps", {"name": "Bo", "queues": ["inbound/main"]}), 201)
    assert (said["zone"], said["email"], said["skills"]) == ("Europe/London", None, [])


MISTAKEN: list[tuple[dict[str, Any], list[Any]]] = [
    ({"name": " "}, [("#/name", "required")]),
    ({"email": "ann"}, [("#/email", "invalid_email")]),
    ({"queues": []}, [("#/queues", "required")]),
    ({"queues": ["closing/uk", "closing/ukk"]}, [("#/queues/1", "not_allowed")]),
    ({"queues": "closing/uk"}, [("#/queues", "wrong_type")]),
    ({"zone": "London"}, [("#/zone", "not_allowed")]),
    ({"zone": "../etc/passwd"}, [("#/zone", "not_allowed")]),
    ({"skills": ["x"] * 101}, [("#/skills", "too_many")]),
    ({"status": "away"}, [("#/status", "unknown_field")]),
]


async def test_a_mistaken_rep_is_refused(desks: Desks) -> None:
    mo = await desks.manager()
    for body, wrong in MISTAKEN:
        response = await mo.post("/v1/reps", {**WHOLE, **body})
        assert mistakes(response) == wrong, body
        if wrong == [("#/queues/1", "not_allowed")]:
            assert response.json()["errors"][0]["remedy"] == "Did you mean closing/uk?"


async def test_a_manager_gives_only_queues_of_their_desks(desks: Desks) -> None:
    mo = await desks.manager("closing")
    body = {"name": "Bo", "queues": ["closing/uk", "inbound/main"]}
    assert mistakes(await mo.post("/v1/reps", body)) == [("#/queues/1", "not_allowed")]
    ok(await mo.post("/v1/reps", {**body, "queues": ["closing/uk"]}), 201)


async def test_reps_are_listed_newest_first_to_the_managers_of_their_desks(desks: Desks) -> None:
    reps = []
    for queues in (["inbound/main"], ["closing/uk"], ["closing/uk", "inbound/main"]):
        reps.append(await desks.rep(*queues))
        desks.later(seconds=1)
    ids = [rep.id for rep in reps][::-1]
    everyone, closing = await desks.manager(), await desks.manager("closing")
    page = ok(await everyone.get("/v1/reps", limit=2))
    rest = ok(await everyone.get("/v1/reps", limit=2, cursor=page["next_cursor"]))
    assert [rep["id"] for rep in page["data"] + rest["data"]] == ids
    assert [rep["id"] for rep in ok(await closing.get("/v1/reps"))["data"]] == ids[:2]
    refused(await reps[0].get("/v1/reps"), 403, "forbidden")


async def test_a_rep_sees_themselves_and_nobody_else(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main", name="Bob")
    assert ok(await bob.get("/v1/reps/me")) == ok(await bob.get(f"/v1/reps/{bob.id}"))
    refused(await ann.get(f"/v1/reps/{bob.id}"), 404, "not_found")
    refused(await (await desks.manager("closing")).get(f"/v1/reps/{bob.id}"), 404, "not_found")
    refused(await (await desks.manager()).get("/v1/reps/me"), 404, "not_found")
    refused(await ann.patch("/v1/reps/me", {"name": "Queen"}), 403, "forbidden")


async def test_only_what_is_named_is_changed(desks: Desks) -> None:
    ann, mo = await desks.rep("inbound/main", email="ann@example.com"), await desks.manager()
    before = ok(await mo.get(f"/v1/reps/{ann.id}"))
    said = ok(await mo.patch(f"/v1/reps/{ann.id}", {"queues": ["closing/uk"], "email": None}))
    assert said == {**before, "queues": ["closing/uk"], "email": None}
    assert ok(await mo.patch(f"/v1/reps/{ann.id}", {})) == said
    assert mistakes(await mo.patch(f"/v1/reps/{ann.id}", {"name": None, "zone": "Mars"})) == [
        ("#/name", "wrong_type"),
        ("#/zone", "not_allowed"),
    ]
    refused(await mo.patch(f"/v1/reps/rep_{'0' * 26}", {}), 404, "not_found")


async def test_a_place_once_had_is_remembered_and_those_elsewhere_are_left_alone(desks: Desks) -> None:
    ann = await desks.rep("inbound/main", "closing/uk")
    closing, inbound = await desks.manager("closing"), await desks.manager("inbound")
    path = f"/v1/reps/{ann.id}"
    assert mistakes(await closing.patch(path, {"queues": ["closing/field"]})) == [("#/queues", "not_allowed")]
    ok(await closing.patch(path, {"queues": ["closing/field", "inbound/main"]}))
    ok(await inbound.patch(path, {"queues": ["closing/field"]}))
    assert ok(await inbound.get(path))["queues"] == ["closing/field"]


async def test_a_rep_may_be_taken_off_every_queue_and_is_still_seen_by_the_managers_of_before(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    mo = await desks.manager("inbound")
    lead = await desks.lead()
    hold = await ann.take("inbound")
    assert ok(await mo.patch(f"/v1/reps/{ann.id}", {"queues": []}))["queues"] == []
    refused(await ann.pull("inbound"), 404, "not_found")
    await hold.attempt("no_answer")
    assert [rep["id"] for rep in ok(await mo.get("/v1/reps"))["data"]] == [bob.id, ann.id]
    ok(await hold.act("return", {"reason": "no_capacity"}))
    assert (await bob.take("inbound")).lead == lead


async def test_a_rep_says_when_they_are_away_and_is_back_by_then(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    said = ok(await ann.put("/v1/reps/me/presence", {"status": "away", "until": "2026-07-06T12:00:00Z"}))["rep"]
    assert (said["status"], said["until"]) == ("away", "2026-07-06T12:00:00.000Z")
    desks.later(hours=3)
    said = ok(await ann.get("/v1/reps/me"))
    assert (said["status"], said["until"]) == ("present", None)


async def test_a_manager_says_it_for_them_until_it_is_changed(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    mo = await desks.manager("inbound")
    path = f"/v1/reps/{ann.id}/presence"
    assert ok(await mo.put(path, {"status": "away"}))["rep"]["status"] == "away"
    desks.later(days=400)
    assert ok(await ann.get("/v1/reps/me"))["status"] == "away"
    assert ok(await mo.put(path, {"status": "present", "until": None}))["rep"]["status"] == "present"
    refused(await bob.put(path, {"status": "away"}), 404, "not_found")
    refused(await (await desks.manager("closing")).put(path, {"status": "away"}), 404, "not_found")


MISTAKEN_PRESENCE: list[tuple[dict[str, Any], list[Any]]] = [
    ({}, [("#/status", "required")]),
    ({"status": "left"}, [("#/status", "not_allowed")]),
    ({"status": "away", "until": "2026-07-06T09:00:00Z"}, [("#/until", "out_of_range")]),
    ({"status": "present", "until": "2026-07-07T09:00:00Z"}, [("#/until", "not_allowed")]),
    ({"status": "away", "covers": ["Bob"] * 11}, [("#/covers", "too_many")]),
    ({"status": "away", "covers": "Bob"}, [("#/covers", "wrong_type")]),
]


async def test_a_mistaken_presence_is_refused(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    for body, wrong in MISTAKEN_PRESENCE:
        assert mistakes(await ann.put("/v1/reps/me/presence", body)) == wrong, body


TARGETS = "targets: {conversations_per_day: 20, meetings_per_day: 4, meetings_per_week: 20}"


async def test_a_rep_sees_how_far_they_are_from_their_targets_which_limit_nothing(desks: Desks) -> None:
    await desks.routing.publish(POLICY.replace("lease: 4h, grace: 2h", f"lease: 4h, grace: 2h, {TARGETS}"))
    ann, mo = await desks.rep("closing/field", "inbound/main"), await desks.manager("closing")
    desks.clock.set(datetime(2026, 7, 6, 22, 30, tzinfo=UTC))  # half past eleven in the evening, in London
    for _ in range(2):
        await desks.lead("visit")
    first, second = await ann.take("closing"), await ann.take("closing")
    await first.attempt("conversation")
    await first.attempt("no_answer")
    await second.attempt("not_now")
    desks.later(hours=1)
    booked = ok(await first.deal("meetings", {"at": "2026-07-06T23:10:00Z", "mode": "video"}), 201)
    ok(await first.meeting(booked["id"], {"state": "held"}))
    said = ok(await ann.get("/v1/reps/me/targets"))
    assert ok(await mo.get(f"/v1/reps/{ann.id}/targets")) == said
    today = {"since": "2026-07-06T23:00:00.000Z", "until": "2026-07-07T23:00:00.000Z"}
    week = {"since": "2026-07-05T23:00:00.000Z", "until": "2026-07-12T23:00:00.000Z"}
    of = {"queue": "closing/field"}
    assert said == {
        "rep_id": ann.id,
        "targets": [
            {**of, "name": "conversations_per_day", "target": 20, "done": 1, **today},
            {**of, "name": "meetings_per_day", "target": 4, "done": 1, **today},
            {**of, "name": "meetings_per_week", "target": 20, "done": 1, **week},
        ],
    }
    refused(await (await desks.rep("closing/field")).get(f"/v1/reps/{ann.id}/targets"), 404, "not_found")
