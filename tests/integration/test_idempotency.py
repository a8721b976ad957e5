"""A POST repeated under its Idempotency-Key has its effect once, and the same answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from kit.clock import ManualClock
from kit.tiny import TARGET, calling, key_of, tiny, written
from sqlalchemy import func, select

from schemas.words import PrincipalKind
from services.runtime.edge import Edge
from services.runtime.http import idempotency
from services.runtime.tables import idempotency as stored

KEY = {"Idempotency-Key": "one", "Leadgate-Claim-Token": "7"}


@pytest.fixture
def app(edge: Edge) -> FastAPI:
    return tiny(edge)


@pytest.fixture
async def rep(edge: Edge, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app, await key_of(edge, PrincipalKind.REP)) as client:
        yield client


async def kept(edge: Edge) -> int:
    async with edge.database.read() as tx:
        return int(await tx.value(select(func.count()).select_from(stored)))


async def test_the_same_request_again_has_the_first_answer_and_no_effect(edge: Edge, rep: httpx.AsyncClient) -> None:
    first = await rep.post(TARGET, json={"text": "a", "employees": 3}, headers=KEY)
    again = await rep.post(
        TARGET,
        content=b'{ "employees": 3, "text":"a" }',
        headers={**KEY, "Content-Type": "application/json", "Idempotency-Key": '"one"'},
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["cache-control"] == "no-store"
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await written(edge, "a") == 1


async def test_the_key_with_another_body_is_refused(edge: Edge, rep: httpx.AsyncClient) -> None:
    await rep.post(TARGET, json={"text": "a"}, headers=KEY)
    other = await rep.post(TARGET, json={"text": "b"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await written(edge, "b") == 0


async def test_two_at_once_have_one_effect(edge: Edge, rep: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(rep.post(TARGET, json={"text": "a"}, headers=KEY) for _ in range(8)))
    assert await written(edge, "a") == 1
    codes = [answer.json().get("code", answer.headers.get("idempotent-replayed", "first")) for answer in answers]
    assert codes.count("first") == 1
    assert set(codes) <= {"first", "true", "request_in_progress"}


async def test_while_the_first_runs_the_second_is_told_so(edge: Edge, rep: httpx.AsyncClient) -> None:
    identity = "rep_" + "0" * 26
    first = idempotency.Request(identity, "POST", TARGET, "one", b"")
    async with edge.database.tx() as tx:
        assert await idempotency.replay(tx, first) is None  # it holds the name until this ends
        second = await rep.post(TARGET, json={"text": "a"}, headers=KEY)
    assert (second.status_code, second.json()["code"]) == (409, "request_in_progress")
    assert (await rep.post(TARGET, json={"text": "a"}, headers=KEY)).status_code == 201


async def test_the_key_counts_for_one_principal_method_and_path(
    edge: Edge, app: FastAPI, rep: httpx.AsyncClient
) -> None:
    await rep.post(TARGET, json={"text": "a"}, headers=KEY)
    other = await key_of(edge, PrincipalKind.REP, rep_id="rep_" + "1" * 26)
    async with calling(app, other) as colleague:
        theirs = await colleague.post(TARGET, json={"text": "b"}, headers=KEY)
        assert (theirs.status_code, theirs.json()["text"]) == (201, "b")
    assert (await rep.post("/v1/things/x/heartbeat", headers=KEY)).status_code == 200
    async with calling(app, await key_of(edge, PrincipalKind.REP)) as same_rep_with_another_key:
        again = await same_rep_with_another_key.post(TARGET, json={"text": "a"}, headers=KEY)
    assert again.headers["idempotent-replayed"] == "true"


async def test_errors_and_204_are_not_stored(edge: Edge, rep: httpx.AsyncClient) -> None:
    without_token = {"Idempotency-Key": "one"}
    assert (await rep.post(TARGET, json={"text": "a"}, headers=without_token)).status_code == 428
    assert (await rep.post(TARGET, json={"text": "a"}, headers=KEY)).status_code == 201
    nothing = {"outcome": "lost", "reason": "nothing"}
    for _ in range(2):
        answer = await rep.post("/v1/things/x/end", json=nothing, headers={"Idempotency-Key": "two"})
        assert answer.status_code == 204
        assert "idempotent-replayed" not in answer.headers
    assert await kept(edge) == 1


async def test_it_is_kept_for_a_day(edge: Edge, rep: httpx.AsyncClient, clock: ManualClock) -> None:
    await rep.post(TARGET, json={"text": "a"}, headers=KEY)
    clock.move(timedelta(hours=24) - timedelta(milliseconds=1))
    assert (await rep.post(TARGET, json={"text": "a"}, headers=KEY)).headers["idempotent-replayed"] == "true"
    clock.move(timedelta(milliseconds=1))
    later = await rep.post(TARGET, json={"text": "b"}, headers=KEY)
    assert (later.status_code, later.json()["text"]) == (201, "b")
    again = await rep.post(TARGET, json={"text": "b"}, headers=KEY)
    assert again.headers["idempotent-replayed"] == "true"
    clock.move(timedelta(hours=24))
    async with edge.database.tx() as tx:
        assert await idempotency.forget(tx) == 1
    assert await kept(edge) == 0


async def test_unkeyed_requests_each_have_their_effect(edge: Edge, rep: httpx.AsyncClient) -> None:
    for _ in range(2):
        await rep.post(TARGET, json={"text": "a"}, headers={"Leadgate-Claim-Token": "7"})
    assert (await written(edge, "a"), await kept(edge)) == (2, 0)


async def test_the_secret_of_a_key_is_stored_with_no_answer(edge: Edge, app: FastAPI) -> None:
    async with calling(app, await key_of(edge, PrincipalKind.ADMIN)) as admin:
        keys = [await admin.post("/v1/keys", json={"kind": "service", "source": "crm"}, headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in keys] == [201, 201]
    assert keys[0].json()["key"] != keys[1].json()["key"]
    assert await kept(edge) == 0
