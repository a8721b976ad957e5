"""Signing in and out in a real browser, by keyboard, without a complaint of the page's own policy."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from kit import tiny
from kit.browser import CHROMIUM
from kit.tiny import key_of
from playwright.async_api import Page, async_playwright, expect

from schemas.words import PrincipalKind
from services.runtime.edge import Edge
from services.runtime.http.app import build_app
from services.runtime.process import Process
from services.runtime.run import bind, url_of
from services.web import site

pytestmark = pytest.mark.browser


@pytest.fixture
async def url(edge: Edge) -> AsyncIterator[str]:
    """Where the pages are served."""
    app = build_app(edge, [Process("tiny", routes=[tiny.routes, site.routes])])
    listening = bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve([listening]))
    yield url_of(listening)
    server.should_exit = True
    await serving
    listening.close()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of a new profile. What the console complains of, but for the 401 that is asked for, fails the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        yield page
        await browser.close()
    assert [text for text in wrong if "401" not in text] == []


async def test_one_signs_in_by_keyboard_is_told_what_is_wrong_and_signs_out(edge: Edge, url: str, page: Page) -> None:
    key = await key_of(edge, PrincipalKind.MANAGER)
    await page.goto(f"{url}/sign-in?next=/docs%3F")
    await expect(page.get_by_label("Your key")).to_be_focused()
    await page.keyboard.type("lgm_nobody")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("not known, or was revoked")
    await expect(page.get_by_label("Your key")).to_be_focused()
    await page.keyboard.type(key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="API reference")).to_be_visible()
    await expect(page.get_by_text("Mo manager")).to_be_visible()
    [cookie] = await page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("leadgate_session", True, "Lax")
    written = await page.evaluate(WRITE, tiny.TARGET)
    assert written["status"] == 201, written
    await page.get_by_role("button", name="Sign out").press("Enter")
    await expect(page.get_by_label("Your key")).to_be_visible()
    assert await page.context.cookies() == []


WRITE = """async (path) => {
  const { call } = await import(document.querySelector('script[type="module"]').src.replace("page.js", "api.js"));
  return { status: (await call("POST", path, { text: "from a page" })).id === "note_1" ? 201 : 0 };
}"""
"""Write as a page's script does: with the session and its token."""
