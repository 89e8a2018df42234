"""A person tries a trigger with a payload of their own, and follows the run."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.models import Trigger

from .browsing import MARKS, SIZES, follow, forbid_inline_code, log_in, open_page
from .engines import background_engine

__all__ = ["background_engine"]

pytestmark = MARKS

FIRING = ".iii-firing"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", SIZES)
def test_a_trigger_is_fired_with_an_edited_payload(live_server: Any, size: str) -> None:
    User.objects.create_superuser("ada", password="secret")
    config = {"api_path": "hello/:who", "http_method": "POST"}
    trigger = Trigger.objects.create(
        trigger_id="hello", trigger_type="http", function_id="greet", config=config, enabled=False
    )
    width, height = SIZES[size]
    with open_page(width=width, height=height) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        page.goto(f"{live_server.url}/admin/iii_triggers/trigger/{trigger.pk}/change/")
        page.click(f"{FIRING} summary")
        prefilled = page.input_value(f"{FIRING} textarea")
        assert '"who": "1"' in prefilled
        fire(page, "{'name': 'Grace'}")
        assert "line 1 column 2" in page.inner_text(f"{FIRING} .errorlist")
        assert page.evaluate("document.activeElement.matches('textarea')")
        fire(page, prefilled.replace('"Ada"', '"<b>Grace</b>"'))
        page.wait_for_selector(f"{FIRING} .iii-answer")
        assert page.evaluate("document.activeElement.matches('.iii-answer')")
        assert "Hello, <b>Grace</b>!" in page.inner_text(f"{FIRING} pre")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        follow(page, f"{FIRING} .iii-answer a")
        assert "succeeded" in page.inner_text("#content .iii-badge")
        page.goto(f"{live_server.url}/admin/iii_triggers/trigger/")
        assert page.inner_text(".field-last_day a") == "1"
        if size == "desktop":
            results = page.locator("#changelist .results").bounding_box()
            last = page.locator("td.field-next_fire").first.bounding_box()
            assert last["x"] + last["width"] <= results["x"] + results["width"]


def fire(page: Any, payload: str) -> None:
    """Fire, and wait for the answer of the site."""
    page.fill(f"{FIRING} textarea", payload)
    with page.expect_response(lambda response: response.url.endswith("/test-fire/")):
        page.click(f"{FIRING} button[type=submit]")
    page.wait_for_selector(".iii-firing-piece:not([aria-busy])")
