"""From a web form in a real browser to a customer at the customer desk, by people with keyboards and mice."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kit.browser import browser, sign_in
from kit.whole import Whole, command, until, whole
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with whole(tmp_path_factory.mktemp("browser") / "data", "--demo") as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser in which nobody is signed in. A script's error fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said) else None)
    yield page
    context.close()
    assert not wrong


def _is_wrong(said: ConsoleMessage) -> bool:
    return said.type == "error" and not said.text.startswith("Failed to load resource")  # a problem is an answer


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Whole]:
    """A store in which nobody else's leads wait."""
    with whole(tmp_path / "data", "--demo") as running:
        yield running


@pytest.fixture
def site(alone: Whole) -> Iterator[str]:
    """A company's own page, on another origin, with the form that `keys create` printed, and its thank-you page."""
    pages: dict[str, str] = {"/thanks": "<h1>Thank you</h1>"}

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()  # the browser also asks for an icon
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    origin = f"http://127.0.0.1:{server.server_port}"
    flags = ("--source", "site", "--origin", origin, "--thank-you", f"{origin}/thanks", "--json")
    made = json.loads(command("keys", "create", "--kind", "form", *flags, data_dir=alone.data_dir).stdout)
    snippet = made["snippet"].replace("http://127.0.0.1:8080", alone.url)
    pages["/"] = f"<!doctype html><html lang=en><title>Example</title>{snippet}"
    try:
        yield origin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_form_post_becomes_a_customer(alone: Whole, page: Page, chromium: Browser, site: str) -> None:
    page.goto(site)
    page.get_by_label("E-mail").fill("grace@analytical.example")
    page.get_by_label("Name").first.fill("Grace Hopper")
    page.get_by_role("button").click()
    page.wait_for_url(f"{site}/thanks")

    sign_in(page, f"{alone.url}/work", alone.rep("inbound/main")["key"])
    page.keyboard.press("p")
    expect(page.locator("#who")).to_have_text("Grace Hopper")
    _choose(page, "Phone", "Conversation")
    page.get_by_label("Note").first.fill("Wants it before October.")
    page.get_by_role("button", name="Record the attempt").click()
    expect(page.locator(".story")).to_contain_text("Wants it before October.")
    page.get_by_text("Qualified: hand it to sales").click()
    page.get_by_label("What do they need?").fill("An hour a day back")
    page.get_by_role("button", name="Hand it over").click()
    expect(page.get_by_text("Nothing in hand.")).to_be_visible()

    closer = chromium.new_context().new_page()
    sign_in(closer, f"{alone.url}/work", alone.rep("closing/uk")["key"])
    closer.get_by_role("button", name="Pull next").click()
    expect(closer.locator("#who")).to_have_text("Grace Hopper")
    expect(closer.locator("#chosen")).to_contain_text("An hour a day back")
    closer.get_by_text("Book a meeting").click()
    closer.locator("form[data-path$='/meetings'] input[name=at]").fill("2031-03-04T10:00")
    closer.locator("form[data-path$='/meetings']").get_by_label("In person").check()
    closer.get_by_role("button", name="Book it").click()
    closer.get_by_role("button", name="Held").click()
    expect(closer.locator("#chosen")).to_contain_text("accepted")
    closer.locator("summary", has_text="Proposal").click()
    closer.get_by_role("button", name="A proposal was requested").click()
    expect(closer.locator(".story")).to_contain_text("proposal requested")
    closer.locator("summary", has_text="Proposal").click()
    closer.locator("form[data-path$='/proposals'] input[name=value]").fill("12500.50")
    closer.get_by_role("button", name="A proposal was presented").click()
    expect(closer.locator("data.money")).to_contain_text("12,500")
    closer.locator("summary", has_text="Won").click()
    closer.locator("form[data-path$='/won'] input[name=value]").fill("12500.50")
    closer.get_by_role("button", name="Won").click()
    expect(closer.get_by_text("Nothing in hand.")).to_be_visible()
    closer.context.close()

    with alone.client(alone.rep("customer/main")["key"]) as client:
        pulled = client.post("/v1/desks/customer/pull", json={"wait": 5}).json()
    assert pulled["item"]["customer"]["value"] == {"amount": 1250050, "currency": "GBP"}
    with alone.client(alone.key("manager")) as client:
        counts = client.get("/v1/metrics/funnel?source=site").json()["rows"][0]["counts"]
    steps = ("leads", "attempted", "conversed", "qualified", "meetings", "meetings_face_to_face")
    assert {name: counts[name] for name in steps} == dict.fromkeys(steps, 1)
    assert (counts["proposals_requested"], counts["proposals_presented"], counts["won"]) == (1, 1, 1)


def test_a_mistake_is_told_beside_the_form_and_nothing_is_lost(running: Whole, page: Page) -> None:
    with running.client(running.key("service")) as client:
        client.post("/v1/leads/inbound", json={"contact": {"email": "linus@example.com", "name": "Linus"}})
    sign_in(page, f"{running.url}/work", running.rep("inbound/main")["key"])
    page.get_by_role("button", name="Pull next").click()
    expect(page.locator("#who")).to_be_visible()  # whoever is first in line
    page.get_by_text("Give it back").first.click()
    page.locator("form[data-path$='/return']").get_by_label("Other", exact=True).check()
    page.get_by_role("button", name="Give it back").click()
    expect(page.locator("form[data-path$='/return'] .alert")).to_contain_text("note")


def test_a_rep_hands_over_a_booked_meeting_and_goes_away_with_a_cover_by_keyboard_alone(
    alone: Whole, page: Page
) -> None:
    with alone.client(alone.key("service")) as client:
        client.post("/v1/leads/inbound", json={"contact": {"email": "ada@example.com", "name": "Ada"}})
    with alone.client(alone.key("manager")) as client:
        client.post("/v1/reps", json={"name": "Bea", "queues": ["inbound/main"]})
    sign_in(page, f"{alone.url}/work", alone.rep("inbound/main")["key"])
    page.keyboard.press("p")
    expect(page.locator("#who")).to_have_text("Ada")
    complete = page.locator("form[data-path$='/complete']").first
    page.locator("summary", has_text="Qualified").press("Enter")
    expect(complete.locator("input[name='booked.at']")).to_be_hidden()
    complete.locator("input[name='handover'][value='booked']").press("Space")
    complete.locator("input[name='booked.at']").fill("2031-03-04T10:00")
    complete.locator("input[name='booked.mode'][value='video']").press("Space")
    complete.locator("input[name='booked.mode'][value='video']").press("Enter")
    expect(page.get_by_text("Nothing in hand.")).to_be_visible()

    page.locator("summary", has_text="Go away").press("Enter")
    page.get_by_label("Who covers").select_option("Bea")
    page.get_by_role("button", name="Set me away").press("Enter")
    expect(page.get_by_text("Covered by Bea.")).to_be_visible()
    expect(page.locator("button.pull").first).to_be_disabled()
    page.get_by_role("button", name="I am back").press("Enter")
    expect(page.locator("button.pull").first).to_be_enabled()


def test_nobody_sees_a_page_without_a_key_and_a_wrong_one_is_refused(running: Whole, page: Page) -> None:
    page.goto(f"{running.url}/ops")
    assert page.url.startswith(f"{running.url}/sign-in")
    page.get_by_label("Your key").fill("lgm_" + "0" * 32)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not known")


def test_a_manager_sees_the_funnel_move_without_reloading(running: Whole, page: Page) -> None:
    sign_in(page, f"{running.url}/ops", running.key("manager"))
    before = page.locator("#content").inner_text()
    with running.client(running.key("service")) as client:
        for n in range(3):
            client.post("/v1/leads/inbound", json={"contact": {"email": f"live{n}@example.com"}})
    until(lambda: page.locator("#content").inner_text() != before, within=15)


def _choose(page: Page, *labels: str) -> None:
    for label in labels:
        page.get_by_label(label, exact=True).first.check()
