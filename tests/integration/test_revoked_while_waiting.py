"""A key that is revoked while a call of its own waits is refused like one that was revoked before."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from kit.desks import Caller, Desks, ok, refused
from kit.tiny import calling
from kit.waiting import until

from schemas.words import PrincipalKind, SourceName
from services import receipt
from services.desk.api import pull
from services.runtime import keys
from services.runtime.edge import Edge
from services.runtime.http import session

Call = Callable[[], Awaitable[httpx.Response]]
ENOUGH = 20
CHANNELS = ("queue:inbound/main", "lead:")


@pytest.fixture(autouse=True)
def _woken_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits looks again when woken, and not before: so that each test says when."""
    for feature in (pull, receipt):
        monkeypatch.setattr(feature, "LOOK_AGAIN", timedelta(seconds=50))


async def held(edge: Edge, call: Call) -> "asyncio.Task[httpx.Response]":
    """A call that has begun to wait."""
    answering = asyncio.ensure_future(call())

    async def waits() -> bool:
        assert not answering.done(), answering.result().text
        return any(channel.startswith(CHANNELS) for channel in edge.wake._waiters)

    await until(waits)
    await asyncio.sleep(0.05)
    return answering


async def key_id_of(edge: Edge, caller: Caller) -> str:
    principal = await edge.access.of_key(caller.client.headers["Authorization"].removeprefix("Bearer "))
    assert principal is not None
    return principal.key_id


async def revoke(desks: Desks, key_id: str) -> None:
    admin = await desks.caller(PrincipalKind.ADMIN, name="ops")
    assert (await admin.client.delete(f"/v1/keys/{key_id}")).status_code == 204


async def test_a_pull_that_waits_is_given_nothing_once_its_key_is_revoked(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    pulling = await held(desks.edge, lambda: ann.pull("inbound", wait=60))
    await revoke(desks, await key_id_of(desks.edge, ann))
    lead = await desks.lead()
    async with asyncio.timeout(ENOUGH):
        refused(await pulling, 401, "unauthenticated")
    assert (await pulling).headers["WWW-Authenticate"] == "Bearer"
    assert (await desks.item_of(lead))["state"] == "queued"
    assert (await bob.take("inbound")).lead == lead


async def test_so_is_one_whose_key_was_revoked_elsewhere(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.edge.access.refresh()
    pulling = await held(desks.edge, lambda: ann.pull("inbound", wait=60))
    async with desks.edge.database.tx() as tx:
        assert await keys.revoke(tx, await key_id_of(desks.edge, ann))
    await desks.edge.access.refresh()  # as `run` does, woken
    lead = await desks.lead()
    async with asyncio.timeout(ENOUGH):
        refused(await pulling, 401, "unauthenticated")
    assert (await desks.item_of(lead))["state"] == "queued"


async def test_so_is_one_of_a_browser_whose_key_was_revoked(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    edge, key_id = desks.edge, await key_id_of(desks.edge, ann)
    async with calling(desks.app) as browser:
        cookie = session.begin(edge.keyring, key_id, edge.clock.now())
        browser.cookies.set(session.COOKIE, cookie)
        csrf = session._mark(edge.keyring, "csrf", cookie.rpartition(".")[0])
        pulling = await held(
            edge,
            lambda: browser.post("/v1/desks/inbound/pull", json={"wait": 60}, headers={"X-CSRF-Token": csrf}),
        )
        await revoke(desks, key_id)
        lead = await desks.lead()
        async with asyncio.timeout(ENOUGH):
            refused(await pulling, 401, "unauthenticated")
    assert (await desks.item_of(lead))["state"] == "queued"


async def test_a_key_revoked_between_the_look_and_the_claim_claims_nothing(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await desks.rep("inbound/main")
    key_id = await key_id_of(desks.edge, ann)
    look = pull.claims.worth_a_pull

    async def revoked_meanwhile(*given: object, **more: object) -> bool:
        desks.edge.access.forget(key_id)
        return await look(*given, **more)  # type: ignore[arg-type]

    pulling = await held(desks.edge, lambda: ann.pull("inbound", wait=60))
    monkeypatch.setattr(pull.claims, "worth_a_pull", revoked_meanwhile)
    lead = await desks.lead()
    async with asyncio.timeout(ENOUGH):
        refused(await pulling, 401, "unauthenticated")
    assert (await desks.item_of(lead))["state"] == "queued"


async def test_a_receipt_that_is_waited_for_is_not_given_to_a_key_revoked_meanwhile(desks: Desks) -> None:
    crm = await desks.caller(PrincipalKind.SERVICE, source=SourceName("crm"))
    lead = str(desks.edge.keyring.lead_id("crm", "k"))
    assert ok(await crm.get(f"/v1/leads/{lead}"))["state"] == "received"
    waiting = await held(desks.edge, lambda: crm.get(f"/v1/leads/{lead}", wait=30))
    await revoke(desks, await key_id_of(desks.edge, crm))
    desks.edge.wake.tell({f"lead:{lead}"})
    async with asyncio.timeout(ENOUGH):
        refused(await waiting, 401, "unauthenticated")
