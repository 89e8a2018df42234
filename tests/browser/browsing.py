"""What the browser tests share: a fresh browser, logging in, moving by keyboard."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCK = Path(tempfile.gettempdir()) / "iii-tests-chromium.lock"
SIZES = {"desktop": (1280, 800), "phone": (390, 800)}
MAX_TABS = 200

MARKS = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@contextmanager
def open_page(*, width: int, height: int, color_scheme: str = "light") -> Iterator[Any]:
    """Open a page in a fresh browser; every error of the page fails the test."""
    reason = "playwright is not installed"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    with LOCK.open("w") as lock, playwright.sync_playwright() as driver:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one browser at a time, whatever else runs
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        size = {"width": width, "height": height}
        page = browser.new_page(viewport=size, color_scheme=color_scheme)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.extend(_violations(message)))
        yield page
        browser.close()
        assert problems == []


def log_in(page: Any, url: str) -> None:
    """Log in as the superuser ``ada``."""
    page.goto(f"{url}/admin/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", "secret")
    follow(page, "input[type=submit]")


def forbid_inline_code(page: Any) -> None:
    """Serve everything from now on with a policy that allows files of the site only."""
    policy = {"content-security-policy": "default-src 'self'; img-src 'self' data:"}

    def serve(route: Any) -> None:
        response = route.fetch(max_redirects=0)
        route.fulfill(response=response, headers={**response.headers, **policy})

    page.route("**/*", serve)


def follow(page: Any, selector: str) -> None:
    """Click what leads to another page, and wait for that."""
    with page.expect_navigation():
        page.click(selector)


def tab_to(page: Any, selector: str) -> None:
    """Press the tab key until an element has the focus."""
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    pytest.fail(f"The keyboard does not reach {selector}.")


def assert_fits(page: Any) -> None:
    """Check that nothing makes the page scroll sideways, and that the style sheet is there."""
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.locator(".iii-badge").first.evaluate(
        "node => getComputedStyle(node).backgroundColor"
    )
    assert background != "rgba(0, 0, 0, 0)", "the style sheet is missing"


def _violations(message: Any) -> list[str]:
    return [message.text] if "Content Security Policy" in message.text else []
