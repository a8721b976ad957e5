"""A browser's session stands on a live key: it begins with one, and ends with it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from kit import tiny as small
from kit.clock import ManualClock
from kit.tiny import TARGET, calling, key_of

from schemas.words import PrincipalKind
from services.runtime import keys
from services.runtime.edge import Edge
from services.runtime.http.app import build_app
from services.runtime.process import Process
from services.web import site


@pytest.fixture
async def browser(edge: Edge) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has no key, on an application with pages."""
    app = build_app(edge, [Process("tiny", routes=[small.routes, site.routes])])
    async with calling(app) as client:
        yield client


async def signed_in(browser: httpx.AsyncClient, key: str, **more: str) -> httpx.Response:
    return await browser.post("/sign-in", data={"key": key, **more})


def csrf_of(page: httpx.Response) -> str:
    return page.text.partition('name="csrf-token" content="')[2].partition('"')[0]


async def test_a_pasted_key_begins_a_session_that_reads_and_with_its_token_writes(
    edge: Edge, browser: httpx.AsyncClient
) -> None:
    answer = await signed_in(browser, " " + await key_of(edge, PrincipalKind.REP) + " ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")  # there is no /work here
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/", "max-age=43200"))
    assert "secure" not in cookie  # on loopback
    assert (await browser.get("/v1/things")).status_code == 403  # known, but no manager
    for csrf in (None, "", "x", "caf\xe9"):
        headers = [] if csrf is None else [("X-CSRF-Token", csrf)]
        refused = await browser.post(
            "/v1/things/x/heartbeat", headers=[(n.encode(), v.encode("latin-1")) for n, v in headers]
        )
        assert (refused.status_code, refused.json()["errors"][0]["header"]) == (403, "X-CSRF-Token")
    token = csrf_of(await browser.get("/docs"))
    assert (await browser.post("/v1/things/x/heartbeat", headers={"X-CSRF-Token": token})).status_code == 200


async def test_the_cookie_is_secure_beyond_loopback(edge: Edge, browser: httpx.AsyncClient) -> None:
    key = await key_of(edge, PrincipalKind.REP)
    answer = await browser.post("/sign-in", data={"key": key}, headers={"Host": "leads.example.com"})
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_key_of_a_system_and_an_unknown_one_do_not_sign_in(edge: Edge, browser: httpx.AsyncClient) -> None:
    for kind in (PrincipalKind.FORM, PrincipalKind.SERVICE):
        answer = await signed_in(browser, await key_of(edge, kind))
        assert (answer.status_code, "which is for systems" in answer.text) == (403, True)
        assert "set-cookie" not in answer.headers
    for key, status in (("", 422), ("lga_" + "0" * 32, 401), ("<b>", 401), ("x" * 300, 401)):
        answer = await signed_in(browser, key)
        assert answer.status_code == status
        assert "<b>" not in answer.text


TARGETS = {
    "/docs?x=1": "/docs?x=1",
    "/%0d%0aSet-Cookie:x=1": "/%0d%0aSet-Cookie:x=1",
    "//evil.example": "/docs",
    "https://evil.example/": "/docs",
    "/\\evil.example": "/docs",
    "/\tevil": "/docs",
    "javascript:alert(1)": "/docs",
}


async def test_after_the_sign_in_one_is_where_one_wanted_to_go_if_that_is_here(
    edge: Edge, browser: httpx.AsyncClient
) -> None:
    key = await key_of(edge, PrincipalKind.MANAGER)
    for target, location in TARGETS.items():
        answer = await signed_in(browser, key, next=target)
        assert (answer.status_code, answer.headers["location"]) == (303, location)


async def test_a_sign_in_from_another_site_is_refused(edge: Edge, browser: httpx.AsyncClient) -> None:
    key = await key_of(edge, PrincipalKind.MANAGER)
    answer = await browser.post("/sign-in", data={"key": key}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_a_session_ends_with_its_key_its_time_or_a_sign_out(
    edge: Edge, browser: httpx.AsyncClient, clock: ManualClock
) -> None:
    key = await key_of(edge, PrincipalKind.MANAGER)
    await signed_in(browser, key)
    clock.move(timedelta(hours=12) - timedelta(seconds=1))
    assert (await browser.get("/v1/things")).status_code == 200
    clock.move(timedelta(seconds=1))
    assert (await browser.get("/v1/things")).status_code == 401
    await signed_in(browser, key)
    assert (await browser.get("/v1/things")).status_code == 200
    await browser.post("/sign-out", data={"csrf": "of another site"})
    assert (await browser.get("/v1/things")).status_code == 200
    await browser.post("/sign-out", data={"csrf": csrf_of(await browser.get("/docs"))})
    assert (await browser.get("/v1/things")).status_code == 401
    await signed_in(browser, key)
    principal = await edge.access.of_key(key)
    assert principal is not None
    async with edge.database.tx() as tx:
        await keys.revoke(tx, principal.key_id)
    edge.access.forget(principal.key_id)
    assert (await browser.get("/v1/things")).status_code == 401


async def test_a_forged_or_altered_session_is_none(edge: Edge, browser: httpx.AsyncClient) -> None:
    await signed_in(browser, await key_of(edge, PrincipalKind.MANAGER))
    cookie = browser.cookies["leadgate_session"]
    key_id, ends, mark = cookie.split(".")
    for forged in (
        f"{key_id}.{int(ends) + 1}.{mark}",
        f"{key_id}.{ends}.{mark[:-1]}{'0' if mark[-1] != '0' else 'z'}",
        f"{key_id}.{ends}.",
        f".{ends}.{mark}",
    ):
        browser.cookies.set("leadgate_session", forged, domain="localhost.local", path="/")
        assert (await browser.get("/v1/things")).status_code in (401,), forged


async def test_a_bearer_key_wins_over_the_session(edge: Edge, browser: httpx.AsyncClient) -> None:
    await signed_in(browser, await key_of(edge, PrincipalKind.MANAGER))
    rep = await key_of(edge, PrincipalKind.REP)
    assert (await browser.get("/v1/things", headers={"Authorization": f"Bearer {rep}"})).status_code == 403
    assert (await browser.get("/v1/things", headers={"Authorization": "Bearer nobody"})).status_code == 401
    headers = {"Authorization": f"Bearer {rep}", "Leadgate-Claim-Token": "7"}
    assert (await browser.post(TARGET, json={"text": "a"}, headers=headers)).status_code == 201  # no CSRF token needed


async def test_pages_send_strangers_to_the_sign_in_and_machines_a_problem(browser: httpx.AsyncClient) -> None:
    begin = await browser.get("/")
    assert (begin.status_code, begin.headers["location"]) == (303, "/sign-in")
    page = await browser.get("/sign-in?next=%2Fwork%22%3E")
    assert 'value="/work&#34;&gt;"' in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    html = await browser.get("/sign-in?x=1", headers={"Accept": "text/html"})
    assert (html.status_code, html.headers["content-type"]) == (422, "text/html; charset=utf-8")
    machine = await browser.get("/sign-in?x=1", headers={"Accept": "application/json"})
    assert machine.headers["content-type"] == "application/problem+json"


async def test_static_files_are_kept_for_ever_under_their_edition(browser: httpx.AsyncClient) -> None:
    address = (await browser.get("/sign-in")).text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    sheet = await browser.get(address)
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in sheet.headers["cache-control"]
    other = await browser.get("/static/another/style.css")
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")
    for path in ("../../pyproject.toml", "%2e%2e/%2e%2e/pyproject.toml", "nothing.css", "style.css%00", ""):
        assert (await browser.get(f"/static/x/{path}")).status_code == 404
