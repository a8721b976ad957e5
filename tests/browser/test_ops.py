"""The ops page in a real browser: rendered by the server, then live, and worked by keyboard."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import uvicorn
from kit.browser import CHROMIUM
from kit.clock import ManualClock
from kit.counting import Metrics, measured, metrics_of
from kit.tales import MONDAY, Tale, all_told
from kit.tiny import key_of
from playwright.async_api import Browser, Page, async_playwright, expect

from schemas.words import PrincipalKind
from services.runtime.edge import Edge
from services.runtime.run import bind, url_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
async def metrics(edge: Edge, clock: ManualClock) -> AsyncIterator[Metrics]:
    clock.set(MONDAY + timedelta(hours=1))
    async with metrics_of(edge) as metrics:
        yield metrics


@pytest.fixture
async def url(metrics: Metrics) -> AsyncIterator[str]:
    listening = bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(metrics.app, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve([listening]))
    yield url_of(listening)
    metrics.edge.stopping.set()
    metrics.edge.wake.tell_all()
    server.should_exit = True
    await serving
    listening.close()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        await browser.close()


async def signed_in(chromium: Browser, url: str, key: str, *, scripts: bool = True) -> Page:
    page = await (await chromium.new_context(java_script_enabled=scripts)).new_page()
    page.set_default_timeout(15_000)
    await page.goto(f"{url}/ops")
    await page.get_by_label("Your key").fill(key)
    await page.get_by_label("Your key").press("Enter")
    await expect(page.get_by_role("heading", name="Operations")).to_be_visible()
    return page


def answered(n: int, source: str = "web") -> Tale:
    return Tale(n).enquiry(source=source).claimed().attempted("conversation", seconds=94)


async def test_it_shows_all_without_a_script(metrics: Metrics, edge: Edge, url: str, chromium: Browser) -> None:
    await metrics.tell(*all_told([answered(1), Tale(2).enquiry()]), measured(depth=1, target=4, zone="red"))
    page = await signed_in(chromium, url, await key_of(edge, PrincipalKind.MANAGER), scripts=False)
    rows = page.get_by_role("row")
    await expect(rows.filter(has_text="Conversed")).to_contain_text("1")
    await expect(rows.filter(has_text="First attempt")).to_contain_text("1 min 34 s")
    await expect(rows.filter(has_text="First attempt").get_by_text("not yet")).to_have_count(3)
    await expect(rows.filter(has_text="closing/uk")).to_contain_text("red")
    fair = page.locator("section", has=page.get_by_role("heading", name="Fairness and promises"))
    await expect(fair.get_by_role("row").filter(has_text="rep_ann")).to_contain_text("inbound")
    await page.get_by_label("Source").select_option("web")
    await page.get_by_label("What became of its leads").check(force=True)
    await page.get_by_role("button", name="Show").click()
    assert page.url.endswith("/ops?period=today&source=web&queue=&basis=cohort")
    await expect(rows.filter(has_text="Conversed")).to_contain_text("1 of 2")
    await expect(page.get_by_text("still ripening")).to_be_visible()


async def test_it_follows_what_happens_and_leaves_the_focus_alone(
    metrics: Metrics, edge: Edge, url: str, chromium: Browser
) -> None:
    await metrics.tell(*answered(1).told)
    page = await signed_in(chromium, url, await key_of(edge, PrincipalKind.MANAGER))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    leads = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Leads", exact=True))
    await expect(leads).to_contain_text("1")
    source = page.get_by_label("Source")
    await source.focus()
    await metrics.tell(
        *all_told([answered(2, "fair"), answered(3, "fair")]), measured(depth=2, target=4, zone="yellow")
    )
    await expect(leads).to_contain_text("3")
    await expect(page.get_by_role("row").filter(has_text="closing/uk")).to_contain_text("yellow")
    await expect(source).to_be_focused()

    await page.keyboard.press("w")  # the option that begins so
    await expect(leads).to_contain_text("1")
    assert page.url.endswith("source=web&basis=event")
    await expect(source).to_be_focused()
    await metrics.tell(*all_told([answered(4, "fair"), answered(5)]))
    await expect(leads).to_contain_text("2")


async def test_on_a_phone_a_table_that_is_scrolled_stays_so_when_the_numbers_change(
    metrics: Metrics, edge: Edge, url: str, chromium: Browser
) -> None:
    await metrics.tell(*answered(1).told, measured(depth=1, target=4, zone="red"))
    page = await signed_in(chromium, url, await key_of(edge, PrincipalKind.MANAGER))
    await page.set_viewport_size({"width": 390, "height": 844})
    queues = page.locator("[data-table=queues]")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await queues.evaluate("table => table.scrollLeft = 200")
    await metrics.tell(measured(depth=2, target=4, zone="yellow"))
    await expect(queues).to_contain_text("yellow")
    assert await queues.evaluate("table => table.scrollLeft") == 200
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself does not scroll"
    name = queues.get_by_role("rowheader", name="closing/uk")
    assert await name.evaluate("cell => cell.getBoundingClientRect().left >= 0"), "and one sees of which queue it is"


async def test_one_reaches_each_control_by_keyboard(edge: Edge, url: str, chromium: Browser) -> None:
    page = await signed_in(chromium, url, await key_of(edge, PrincipalKind.MANAGER))
    await expect(page.get_by_text("no time was up yet")).to_be_visible()
    await page.get_by_label("Period").focus()
    reached = []
    for _ in range(5):
        reached.append(await page.evaluate("document.activeElement.name || document.activeElement.textContent"))
        await page.keyboard.press("Tab")
    assert reached == ["period", "source", "queue", "basis", "Show"]
