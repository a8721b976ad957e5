"""A real browser: Debian's Chromium, headless, with a new profile, that talks to loopback alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser() -> Iterator[Browser]:
    """It runs while this is open."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield made
        finally:
            made.close()


def sign_in(page: Page, url: str, key: str) -> None:
    """As a person does: go there, paste the key, press Enter."""
    page.goto(url)
    page.get_by_label("Your key").fill(key)
    page.keyboard.press("Enter")
    page.wait_for_url(url + "*")
