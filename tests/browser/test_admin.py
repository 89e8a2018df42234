"""A person adds a trigger in a real browser, on a desktop and on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.models import Trigger

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
SIZES = {"desktop": (1280, 800), "phone": (390, 800)}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@contextmanager
def open_page(*, width: int, height: int, color_scheme: str) -> Iterator[Any]:
    """Open a page in a fresh browser; every error of the page fails the test."""
    reason = "playwright is not installed"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        size = {"width": width, "height": height}
        page = browser.new_page(viewport=size, color_scheme=color_scheme)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
        browser.close()
        assert problems == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_config_is_corrected_and_the_trigger_listed(
    live_server: Any, size: str, color_scheme: str
) -> None:
    User.objects.create_superuser("ada", password="secret")
    width, height = SIZES[size]
    with open_page(width=width, height=height, color_scheme=color_scheme) as page:
        log_in(page, live_server.url)
        add_trigger_with_wrong_config(page, live_server.url)
        correct_config(page)
        assert_listed(page, width)
    assert Trigger.objects.get().config == {"api_path": "hello", "http_method": "POST"}


def log_in(page: Any, url: str) -> None:
    page.goto(f"{url}/admin/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", "secret")
    page.click("input[type=submit]")


def add_trigger_with_wrong_config(page: Any, url: str) -> None:
    page.goto(f"{url}/admin/iii_triggers/trigger/add/")
    page.select_option("#id_trigger_type", "http")
    page.fill("#id_function_id", "demo.hello")
    page.fill("#id_config", '{"http_method": "POST"}')
    page.click("input[name=_save]")
    assert "api_path is required" in page.inner_text(".field-config .errorlist")
    assert page.is_visible(".iii-help details[open] code:text-is('api_path')")


def correct_config(page: Any) -> None:
    page.fill("#id_config", '{"api_path": "hello", "http_method": "POST"}')
    page.click("input[name=_continue]")
    assert "curl -X POST" in page.inner_text(".iii-addresses")
    page.click("input[name=_save]")


def assert_listed(page: Any, width: int) -> None:
    badge = page.locator("#result_list .iii-badge")
    assert badge.inner_text().split()[-1] in {"parked", "active"}
    background = badge.evaluate("node => getComputedStyle(node).backgroundColor")
    assert background != "rgba(0, 0, 0, 0)", "the style sheet is missing"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
