"""Pulls of many at once, pulls that wait, pulls of who has left."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from kit.desks import POLICY, Caller, Desks, ok, refused
from sqlalchemy import func, select

from schemas.words import RepId
from services import policies
from services.desk.api import pull
from services.runtime import memory
from services.store import claims
from services.store import tables as t
from services.store.pulled import Busy, Empty
from services.store.story import telling

ENOUGH = 20
"""Seconds to wait for what must come at once."""


async def waiting(pulling: "asyncio.Task[httpx.Response]", desks: Desks, channel: str) -> None:
    """Go on once the pull has looked, and waits."""
    while not desks.edge.wake._waiters.get(channel):
        assert not pulling.done(), pulling.result().text
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)


async def test_two_hundred_pulls_of_a_hundred_items_give_each_to_one_rep_and_no_rep_too_many(desks: Desks) -> None:
    reps = [await desks.rep("inbound/main") for _ in range(40)]
    leads = [await desks.lead() for _ in range(100)]
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(rep.pull("inbound") for rep in reps * 5))
    codes = Counter(answer.status_code for answer in answers)
    assert (codes[200], codes[204] + codes[409]) == (100, 100), codes
    given = [answer.json() for answer in answers if answer.status_code == 200]
    assert {each["item"]["lead"]["id"] for each in given} == set(leads)
    assert {each["claim"]["token"] for each in given} == {1}
    held = Counter(each["claim"]["rep_id"] for each in given)
    assert max(held.values()) == 3
    full = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(each["code"], each["current"]) for each in full} <= {("limit_reached", 3)}
    active = (
        select(t.claims.c.item_id, func.count().label("holders"))
        .where(t.claims.c.state == "active")
        .group_by(t.claims.c.item_id)
    )
    assert {row["holders"] for row in await desks.routing.rows(active)} == {1}


async def test_pulls_at_once_take_the_heads_and_empty_the_pool_to_the_last(desks: Desks) -> None:
    reps = [await desks.rep("closing/uk", "closing/field") for _ in range(12)]
    for number in range(12):
        await desks.lead("visit" if number % 2 else "trial")
    answers = await asyncio.gather(*(rep.pull("closing") for rep in reps))
    assert [answer.status_code for answer in answers] == [200] * 12
    assert len({answer.json()["item"]["id"] for answer in answers}) == 12


async def test_what_is_returned_is_next_again_for_the_others_whatever_floor_was_remembered(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_LASTS", 3600)
    ann, bob, cid = [await desks.rep("inbound/main") for _ in range(3)]
    for _ in range(4):
        await desks.lead()
    oldest = await ann.take("inbound")
    await bob.take("inbound")
    assert desks.edge.wake.memory.recall("floor:inbound/main") is not None
    ok(await oldest.act("return", {"reason": "shift_over"}))
    assert (await cid.take("inbound")).item == oldest.item
    queued = t.items.c.state == "queued"
    first = (await desks.routing.rows(select(t.items.c.rank_at).where(queued).order_by(t.items.c.rank_at)))[0]
    await cid.pull("inbound")
    assert desks.edge.wake.memory.recall("floor:inbound/main") == first["rank_at"]


async def test_one_rep_who_pulls_many_times_at_once_never_passes_the_limit(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    for _ in range(8):
        await desks.lead()
    answers = await asyncio.gather(*(ann.pull("inbound") for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 409: 5}


async def test_the_same_key_at_once_gives_one_claim(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    for _ in range(3):
        await desks.lead()
    answers = await asyncio.gather(*(ann.pull("inbound", key="k") for _ in range(6)))
    assert len({ok(answer)["claim"]["id"] for answer in answers}) == 1


async def test_what_is_locked_just_now_is_waited_for_and_not_denied(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead()
    async with desks.edge.database.tx() as tx:
        await tx.fetch(select(t.leads).where(t.leads.c.id == lead).with_for_update())
        pulling = asyncio.create_task(ann.pull("inbound"))
        await asyncio.sleep(0.2)
        assert not pulling.done()
    async with asyncio.timeout(ENOUGH):
        assert ok(await pulling)["item"]["lead"]["id"] == lead


@pytest.mark.parametrize(
    ("intent", "desk", "queue"), [("demo", "inbound", "inbound/main"), ("trial", "closing", "closing/uk")]
)
async def test_a_pull_keeps_no_lock_on_what_is_of_a_lead_that_another_holds(
    desks: Desks, intent: str, desk: str, queue: str
) -> None:
    ann, lead = await desks.rep(queue), await desks.lead(intent)
    async with desks.edge.database.tx() as holder:
        await holder.fetch(select(t.leads).where(t.leads.c.id == lead).with_for_update())
        async with desks.edge.database.tx() as tx, telling(tx) as stories:
            found = await claims.pull(tx, stories, await policies.active(tx), RepId(str(ann.id)), desk)
            assert isinstance(found, Busy)
            await holder.fetch(select(t.items).where(t.items.c.lead_id == lead).with_for_update(nowait=True))


async def test_a_pull_keeps_no_lock_on_a_promise_whose_lead_another_holds(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    await hold.attempt("callback", next_at="2026-07-06T09:30:00Z", promise=True)
    desks.later(minutes=30)
    async with desks.edge.database.tx() as holder:
        await holder.fetch(select(t.leads).where(t.leads.c.id == hold.lead).with_for_update())
        async with desks.edge.database.tx() as tx, telling(tx) as stories:
            found = await claims.pull(tx, stories, await policies.active(tx), RepId(str(ann.id)), "inbound")
            assert isinstance(found, Empty)
            for table, id_ in ((t.items, hold.item), (t.claims, hold.claim)):
                await holder.fetch(select(table).where(table.c.id == id_).with_for_update(nowait=True))
    assert ok(await ann.pull("inbound"))["why"] == "promise_due"


@pytest.mark.parametrize(
    ("intent", "desk", "queue"), [("demo", "inbound", "inbound/main"), ("trial", "closing", "closing/uk")]
)
async def test_a_pull_that_waits_is_woken_within_a_second(
    desks: Desks, monkeypatch: pytest.MonkeyPatch, intent: str, desk: str, queue: str
) -> None:
    monkeypatch.setattr(pull, "LOOK_AGAIN", timedelta(seconds=50))
    rep = await desks.rep(queue)
    pulling = asyncio.create_task(rep.pull(desk, wait=60))
    await waiting(pulling, desks, f"queue:{queue}")
    lead = await desks.lead(intent)
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(ENOUGH):
        said = ok(await pulling)
    assert said["item"]["lead"]["id"] == lead
    assert asyncio.get_running_loop().time() - began < 1


async def test_of_many_who_wait_one_gets_it_and_the_others_wait_on(desks: Desks) -> None:
    reps = [await desks.rep("inbound/main") for _ in range(5)]
    pulls = [asyncio.create_task(rep.pull("inbound", wait=3)) for rep in reps]
    for pulling in pulls:
        await waiting(pulling, desks, "queue:inbound/main")
    await desks.lead()
    async with asyncio.timeout(ENOUGH):
        answers = await asyncio.gather(*pulls)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 204: 4}


async def test_a_promise_that_comes_due_is_given_to_who_waits(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead()
    hold = await ann.take("inbound")
    await hold.attempt("callback", next_at="2026-07-06T09:30:00Z", promise=True)
    pulling = asyncio.create_task(ann.pull("inbound", wait=30))
    await waiting(pulling, desks, "queue:inbound/main")
    desks.later(hours=1)
    async with asyncio.timeout(ENOUGH):
        assert ok(await pulling)["why"] == "promise_due"


async def test_after_its_wait_a_pull_is_204_and_no_sooner(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(ENOUGH):
        assert (await ann.pull("inbound", wait=1)).status_code == 204
    assert asyncio.get_running_loop().time() - began >= 1


async def test_who_goes_away_while_waiting_is_told(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    pulling = asyncio.create_task(ann.pull("inbound", wait=30))
    await waiting(pulling, desks, "queue:inbound/main")
    ok(await ann.put("/v1/reps/me/presence", {"status": "away"}))
    async with asyncio.timeout(ENOUGH):
        refused(await pulling, 409, "rep_away")


async def test_as_the_process_stops_who_waits_is_let_go(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    pulling = asyncio.create_task(ann.pull("inbound", wait=60))
    await waiting(pulling, desks, "queue:inbound/main")
    desks.edge.stopping.set()
    desks.edge.wake.tell_all()
    async with asyncio.timeout(ENOUGH):
        assert (await pulling).status_code == 204


async def test_who_hung_up_while_waiting_is_given_nothing(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    gone = asyncio.Event()
    left = asyncio.create_task(_raw_pull(desks, ann, {"wait": 60}, gone))
    while not desks.edge.wake._waiters.get("queue:inbound/main"):
        await asyncio.sleep(0.005)
    gone.set()
    await asyncio.sleep(0.05)
    lead = await desks.lead()
    async with asyncio.timeout(ENOUGH):
        await left
    assert (await desks.item_of(lead))["state"] == "queued"
    assert (await ann.take("inbound")).lead == lead


async def _raw_pull(desks: Desks, rep: Caller, body: dict[str, Any], gone: asyncio.Event) -> None:
    """A pull whose caller hangs up once `gone` is set."""
    headers = [(b"authorization", rep.client.headers["Authorization"].encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/desks/inbound/pull",
        "raw_path": b"/v1/desks/inbound/pull",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    sent = iter([{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}])

    async def receive() -> dict[str, Any]:
        if (message := next(sent, None)) is not None:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        """Nobody listens."""

    with suppress(asyncio.CancelledError):
        await desks.app(scope, receive, send)  # type: ignore[arg-type]


async def test_a_wait_of_a_rep_whose_every_queue_is_full_ends_at_once(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    for _ in range(3):
        await desks.lead()
        await ann.take("inbound")
    async with asyncio.timeout(ENOUGH):
        refused(await ann.pull("inbound", wait=60), 409, "limit_reached")


async def test_pulls_at_once_that_find_the_desk_empty_never_pass_the_limits_of_where_they_look_then(
    desks: Desks,
) -> None:
    field, main = "field: {calendar: always, lease: 4h, grace: 2h", "outbound: {queues: {main: {calendar: always,"
    text = POLICY.replace(field, f"{field}, when_empty: outbound/main").replace(main, f"{main} in_hand: 2,")
    assert text.count("when_empty") == text.count("in_hand: 2, lease: 1h") == 1
    await desks.routing.publish(text)
    ann, bob = [await desks.rep("closing/field", "outbound/main") for _ in range(2)]
    for _ in range(6):
        await desks.prospect()
    answers = await asyncio.gather(*(rep.pull("closing") for rep in (ann, bob) for _ in range(6)))
    held = Counter(answer.json()["claim"]["rep_id"] for answer in answers if answer.status_code == 200)
    assert held == {ann.id: 2, bob.id: 2}
    assert {answer.status_code for answer in answers} == {200, 204}
