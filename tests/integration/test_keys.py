"""Keys: made by an admin, told once, good at once, revoked at once."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from kit.outage import unreachable
from kit.tiny import calling, key_of, tiny
from sqlalchemy import select

from schemas.words import PrincipalKind
from services.runtime import keys
from services.runtime.access import AT_LATEST, CHANNEL, Access
from services.runtime.edge import Edge
from services.runtime.keys import KeyLimit, NewKey
from services.runtime.run import every
from services.runtime.tables import keys as table

REP_ID = "rep_" + "0" * 26
NEW: dict[str, dict[str, object]] = {
    "form": {"source": "web", "origins": ["https://Example.com:443/"], "thank_you": ["https://example.com/thanks"]},
    "service": {"source": "crm"},
    "rep": {"rep_id": REP_ID},
    "manager": {"name": "Mo", "desks": ["closing"]},
    "admin": {"name": "ann"},
}


@pytest.fixture
def app(edge: Edge) -> FastAPI:
    return tiny(edge)


@pytest.fixture
async def admin(edge: Edge, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app, await key_of(edge, PrincipalKind.ADMIN)) as client:
        yield client


async def test_an_admin_makes_a_key_of_each_kind_and_it_is_good_at_once(edge: Edge, admin: httpx.AsyncClient) -> None:
    for kind, more in NEW.items():
        made = await admin.post("/v1/keys", json={"kind": kind, **more})
        said = made.json()
        assert (made.status_code, said["kind"], said["key"][:4]) == (201, kind, f"lg{kind[0]}_")
        assert made.headers["cache-control"] == "no-store"
        principal = await edge.access.of_key(said["key"])
        assert principal is not None
        assert (principal.key_id, principal.kind.value) == (said["id"], kind)
        assert said["hint"] == said["key"][-4:]
    listed = (await admin.get("/v1/keys")).json()["data"]
    form = next(key for key in listed if key["kind"] == "form")
    assert form["origins"] == ["https://example.com"]
    assert "key" not in form


async def test_only_a_digest_of_the_secret_is_kept(edge: Edge) -> None:
    secret = await key_of(edge, PrincipalKind.SERVICE)
    async with edge.database.read() as tx:
        row = await tx.one(select(table))
    assert row is not None
    assert secret[4:] not in repr(dict(row))
    assert len(secret) == 4 + 32


async def test_a_third_live_key_of_a_source_or_person_is_refused(edge: Edge, admin: httpx.AsyncClient) -> None:
    for kind, more in NEW.items():
        asked = {"kind": kind, **more}
        first, _ = (await admin.post("/v1/keys", json=asked), await admin.post("/v1/keys", json=asked))
        third = await admin.post("/v1/keys", json=asked)
        assert (third.status_code, third.json()["code"]) == (409, "key_limit")
        assert (await admin.delete(f"/v1/keys/{first.json()['id']}")).status_code == 204
        assert (await admin.post("/v1/keys", json=asked)).status_code == 201


async def test_of_many_made_at_once_two_are_made(edge: Edge) -> None:
    async def make() -> bool:
        try:
            async with edge.database.tx() as tx:
                await keys.create(tx, edge.keyring, NewKey(PrincipalKind.SERVICE, source="crm"))  # type: ignore[arg-type]
        except KeyLimit:
            return False
        return True

    assert sum(await asyncio.gather(*(make() for _ in range(8)))) == 2


WRONG: list[tuple[dict[str, object], str, str]] = [
    ({}, "#/kind", "required"),
    ({"kind": "repp"}, "#/kind", "not_allowed"),
    ({"kind": "form"}, "#/source", "required"),
    ({"kind": "form", "source": "a;b"}, "#/source", "bad_format"),
    ({"kind": "form", "source": "a", "origins": ["https://example.com/x"]}, "#/origins/0", "invalid_url"),
    ({"kind": "form", "source": "a", "origins": ["*"]}, "#/origins/0", "invalid_url"),
    ({"kind": "form", "source": "a", "origins": ["https://a..b"]}, "#/origins/0", "invalid_url"),
    ({"kind": "form", "source": "a", "origins": ["https://bücher.de"]}, "#/origins/0", "invalid_url"),
    ({"kind": "form", "source": "a", "thank_you": ["javascript:alert(1)"]}, "#/thank_you/0", "invalid_url"),
    ({"kind": "form", "source": "a", "thank_you": ["https://u:p@example.com"]}, "#/thank_you/0", "invalid_url"),
    ({"kind": "form", "source": "a", "error_pages": ["https://[::1"]}, "#/error_pages/0", "invalid_url"),
    ({"kind": "form", "source": "a", "error_pages": ["https://a:99999/"]}, "#/error_pages/0", "invalid_url"),
    ({"kind": "service", "source": "a", "rep_id": REP_ID}, "#/rep_id", "unknown_field"),
    ({"kind": "rep", "rep_id": "ann"}, "#/rep_id", "bad_format"),
    ({"kind": "rep", "rep_id": "rep_" + "z" * 26}, "#/rep_id", "not_allowed"),
    ({"kind": "manager", "name": "Mo", "desks": ["closng"]}, "#/desks/0", "not_allowed"),
    ({"kind": "admin", "name": ""}, "#/name", "required"),
]


async def test_a_mistake_is_told(admin: httpx.AsyncClient) -> None:
    for body, pointer, code in WRONG:
        answer = await admin.post("/v1/keys", json=body)
        assert answer.status_code == 422, answer.text
        assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [(pointer, code)]


async def test_only_an_admin_has_to_do_with_keys(edge: Edge, app: FastAPI) -> None:
    for kind in set(PrincipalKind) - {PrincipalKind.ADMIN}:
        async with calling(app, await key_of(edge, kind)) as client:
            answers = [
                await client.get("/v1/keys"),
                await client.post("/v1/keys"),
                await client.delete("/v1/keys/key_1"),
            ]
        assert {answer.status_code for answer in answers} == {403}, kind


async def test_a_revoked_key_is_refused_at_once_and_revoking_again_does_no_harm(
    edge: Edge, app: FastAPI, admin: httpx.AsyncClient
) -> None:
    await edge.access.refresh()
    made = (await admin.post("/v1/keys", json={"kind": "manager", "name": "Mo"})).json()
    await edge.access.refresh()  # it is in memory now
    async with calling(app, made["key"]) as manager:
        assert (await manager.get("/v1/things")).status_code == 200
        for _ in range(2):
            assert (await admin.delete(f"/v1/keys/{made['id']}")).status_code == 204
            assert (await manager.get("/v1/things")).status_code == 401
        await edge.access.refresh()
        assert (await manager.get("/v1/things")).status_code == 401
    listed = {key["id"]: key["revoked_at"] for key in (await admin.get("/v1/keys")).json()["data"]}
    assert listed[made["id"]] == "2026-07-06T09:00:00.000Z"
    for unknown in ("key_" + "0" * 26, "x", "%00"):
        assert (await admin.delete(f"/v1/keys/{unknown}")).status_code == 404


async def test_a_key_that_was_revoked_elsewhere_is_refused_within_a_second(edge: Edge, app: FastAPI) -> None:
    elsewhere = Access(edge.database, edge.keyring)
    keeping = asyncio.create_task(every(AT_LATEST, elsewhere.refresh, edge.wake, CHANNEL))  # as `run` does
    try:
        secret = await key_of(edge, PrincipalKind.MANAGER)
        principal = await elsewhere.of_key(secret)
        assert principal is not None
        async with edge.database.tx() as tx:
            assert await keys.revoke(tx, principal.key_id)
        async with asyncio.timeout(1):
            while await elsewhere.of_key(secret) is not None:
                await asyncio.sleep(0.01)
    finally:
        keeping.cancel()


async def test_a_refresh_under_way_does_not_bring_a_revoked_key_back(edge: Edge) -> None:
    secret = await key_of(edge, PrincipalKind.MANAGER)
    await edge.access.refresh()
    principal = await edge.access.of_key(secret)
    assert principal is not None
    fresh = Access(edge.database, edge.keyring)
    fresh.forget(principal.key_id)
    await fresh.refresh()  # it reads the row, which is still live
    assert fresh._by_id == {}


async def test_while_the_database_is_down_known_keys_are_good_and_others_are_not(
    edge: Edge, app: FastAPI, database_url: str
) -> None:
    known, unknown = await key_of(edge, PrincipalKind.MANAGER), await key_of(edge, PrincipalKind.REP)
    await edge.access.refresh()
    later = await key_of(edge, PrincipalKind.SERVICE)
    async with unreachable(database_url):
        assert await edge.access.of_key(known) is not None
        assert await edge.access.of_key(unknown) is not None
        assert await edge.access.of_key(later) is None
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the database says
            await edge.access.refresh()
    await edge.access.refresh()
    assert await edge.access.of_key(later) is not None


async def test_what_is_no_key_is_not_looked_up(edge: Edge, database_url: str) -> None:
    async with unreachable(database_url):
        for key in ("", "lga_", "lga_" + "0" * 31, "lga_" + "0" * 33, "lga_" + "u" * 32, "lgx_" + "0" * 32, "\x00"):
            assert await edge.access.of_key(key) is None
    assert edge.access._reachable


async def test_a_key_that_was_made_here_is_good_though_the_database_is_down_the_next_moment(
    edge: Edge, app: FastAPI, admin: httpx.AsyncClient, database_url: str
) -> None:
    await edge.access.refresh()
    made = (await admin.post("/v1/keys", json={"kind": "manager", "name": "Mo"})).json()
    async with unreachable(database_url):
        assert await edge.access.of_key(made["key"]) is not None
    await edge.access.refresh()
    assert await edge.access.of_key(made["key"]) is not None


async def test_a_key_that_was_looked_up_is_known_and_revoked_elsewhere_it_is_not(edge: Edge) -> None:
    await edge.access.refresh()
    secret = await key_of(edge, PrincipalKind.MANAGER)
    principal = await edge.access.of_key(secret)
    assert principal is not None
    assert edge.access.is_live(principal.key_id)
    async with edge.database.tx() as tx:
        assert await keys.revoke(tx, principal.key_id)
    await edge.access.refresh()
    assert not edge.access.is_live(principal.key_id)
    assert await edge.access.of_key(secret) is None


async def test_where_no_key_was_ever_loaded_and_the_database_is_down_nobody_is_told_that_theirs_is_bad(
    edge: Edge, app: FastAPI, database_url: str
) -> None:
    key, form = await key_of(edge, PrincipalKind.MANAGER), await key_of(edge, PrincipalKind.FORM)
    wrong = "lgm_" + "0" * 32
    async with calling(app, key) as manager, calling(app, wrong) as stranger, calling(app) as browser:
        async with unreachable(database_url):
            answers = [
                await manager.get("/v1/things"),
                await stranger.get("/v1/things"),
                await browser.post(f"/v1/forms/{form}", data={"email": "ann@example.com"}),
            ]
            for answer in answers:
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert int(answer.headers["Retry-After"]) >= 1
            assert (await browser.get("/v1/things")).status_code == 401
        await edge.access.refresh()
        async with unreachable(database_url):
            assert (await stranger.get("/v1/things")).status_code == 401
            assert (await browser.post("/v1/forms/lgf_" + "0" * 32, data={})).status_code == 404
