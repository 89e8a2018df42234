"""A person looks at a worker in a real browser, and goes on to what it offers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from iii_triggers.models import Function, Node, Trigger, Worker

from .browsing import MARKS, SIZES, follow, forbid_inline_code, log_in, open_page

pytestmark = MARKS

NAME = "a-worker-with-a-rather-long-name.internal.example.org:12345"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_worker_leads_to_its_functions_and_triggers(
    live_server: Any, size: str, color_scheme: str
) -> None:
    User.objects.create_superuser("ada", password="secret")
    trigger = make_worker()
    width, height = SIZES[size]
    with open_page(width=width, height=height, color_scheme=color_scheme) as page:
        forbid_inline_code(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/iii_triggers/worker/")
        assert_fits(page)
        follow(page, f"a:text-is('{NAME}')")
        assert "python 0.25.0" in page.inner_text(".field-sdk")
        assert page.inner_text(".field-invocations .readonly") == "42"
        assert_fits(page)
        assert_reads(page)
        follow(page, ".field-functions a:text-is('orders.total')")
        assert "active" in page.inner_text(".field-triggers .iii-badge")
        assert_fits(page)
        follow(page, ".field-triggers a")
        assert page.url.endswith(f"/trigger/{trigger.pk}/change/")


def make_worker() -> Trigger:
    now = timezone.now()
    node = Node.objects.create(node_id="n", host="web", pid=7, started_at=now, heartbeat_at=now)
    worker = Worker.objects.create(
        worker_id="6f1c0000-0000-4000-8000-000000000000",
        node=node,
        name=NAME,
        description="Takes orders, ships them and tells the customer." * 3,
        runtime="python",
        version="0.25.0",
        os="linux 6.8.0-45-generic x86_64",
        connected_at=now,
        last_seen=now,
        metrics={"invocations_total": 42, "failures_total": 1, "malformed_frames": 0},
    )
    for name in ("orders.total", "orders." + "very_long_" * 15):
        Function.objects.create(function_id=name, worker=worker, description="Adds up. " * 20)
    return Trigger.objects.create(
        trigger_type="http",
        function_id="orders.total",
        worker=worker,
        source="worker",
        state="active",
        config={"api_path": "orders/total", "http_method": "POST"},
    )


def assert_fits(page: Any) -> None:
    """Check that nothing makes the page scroll sideways."""
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def assert_reads(page: Any) -> None:
    """Check that links stand at the edge of the column, as all other values do."""
    links = page.locator(".field-functions .iii-links").bounding_box()
    value = page.locator(".field-description .readonly").bounding_box()
    assert abs(links["x"] - value["x"]) < 2
