"""A person keeps the dashboard open in a real browser and sees what happens without reloading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from iii_triggers.admin.dashboard import page as dashboard
from iii_triggers.models import Invocation, Node
from tests.admin.deliveries import make as make_delivery
from tests.support.history import count_runs, make_run
from tests.support.threads import race

from .browsing import MARKS, forbid_inline_code, log_in, open_page

pytestmark = MARKS

PATH = "/admin/iii_triggers/dashboard/"
FUNCTION = "orders." + "very_long_" * 12


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "REFRESH_MS", 100)


@contextmanager
def looking(live_server: Any, **size: Any) -> Iterator[Any]:
    """Open the dashboard under a policy that forbids inline code."""
    User.objects.create_superuser("ada", password="secret")
    with open_page(**size) as page:
        forbid_inline_code(page)
        log_in(page, live_server.url)
        page.goto(live_server.url + PATH)
        yield page


def happens(function_id: str) -> None:
    """Let a run fail, from a thread: playwright has an event loop in this one."""
    race(partial(make_run, status="failed", function_id=function_id))


def make_busy() -> Invocation:
    now = timezone.now()
    Node.objects.create(
        node_id="n", kind="engine", host="web-1", pid=1, started_at=now, heartbeat_at=now
    )
    for minutes in (0, 1, 2, 3, 5, 8):
        at = now - timedelta(minutes=minutes)
        count_runs(10 + minutes, at=at)
        count_runs(2, type_id="cron", ms=1500, failed=minutes == 2, at=at)
    make_delivery(state="dead")
    return make_run(status="failed", function_id=FUNCTION, error="It went wrong. " * 20)


@pytest.mark.django_db(transaction=True)
def test_the_page_follows_what_happens_and_keeps_what_one_did(live_server: Any) -> None:
    run = make_busy()
    with looking(live_server, width=1280, height=800) as page:
        page.click("#iii-rate-data summary")
        page.focus(f"#iii-failures a[href*='{run.pk}']")
        assert page.get_attribute("#iii-plots svg", "role") == "img"

        happens("just.now")
        race(partial(count_runs, 7, type_id="queue"))
        page.wait_for_selector("#iii-failures th:text-is('just.now')")
        page.wait_for_selector("#iii-plots .iii-legend li:has-text('queue')")
        assert page.evaluate("document.getElementById('iii-rate-data').open")
        assert str(run.pk) in focused(page)

        page.click("text=Pause")
        assert page.inner_text("#iii-live-note") == "Paused."
        happens("while.paused")
        page.click("text=Resume")
        page.wait_for_selector("#iii-failures th:text-is('while.paused')")

        page.click("text=Last day")
        page.wait_for_selector("a[aria-current='page']:text-is('Last day')")
        happens("on.the.day")
        page.wait_for_selector("#iii-failures th:text-is('on.the.day')")


@pytest.mark.django_db(transaction=True)
def test_the_page_says_when_it_cannot_be_up_to_date(live_server: Any) -> None:
    make_busy()
    with looking(live_server, width=390, height=800, color_scheme="dark") as page:
        assert_fits(page)
        background = page.locator(".iii-tile").first.evaluate(
            "node => getComputedStyle(node).backgroundColor"
        )
        assert background == "rgb(33, 33, 33)", "the page is not dark"

        page.route("**/live/*", lambda route: route.fulfill(status=502, body="away"))
        page.wait_for_selector("#iii-live-note:has-text('does not answer')")
        assert page.locator("#iii-plots").is_visible()
        page.unroute("**/live/*")
        page.wait_for_selector("#iii-live-note:empty", state="attached")

        page.context.clear_cookies()
        page.wait_for_selector("#iii-live-note:has-text('logged out')")
        assert page.locator("#iii-live-pause").is_hidden()
        assert_fits(page)


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.href || ''"))


def assert_fits(page: Any) -> None:
    """Check that nothing makes the page scroll sideways."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
