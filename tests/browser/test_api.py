"""A person makes a trigger on the pages of the REST API and disables it, under a strict policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.models import Trigger

from .browsing import MARKS, SIZES, follow, forbid_inline_code, log_in, open_page

pytestmark = MARKS

TRIGGER = {"trigger_type": "http", "function_id": "f", "config": {"api_path": "<b>"}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", SIZES)
def test_the_pages_of_the_api_work(live_server: Any, size: str) -> None:
    User.objects.create_superuser("ada", password="secret")
    width, height = SIZES[size]
    with open_page(width=width, height=height) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        page.goto(f"{live_server.url}/iii/api/v1/")
        follow(page, "a[href$='/triggers/']")
        page.fill("textarea[name=_content]", "{")
        send(page, "POST")
        assert "line 1 column 2" in page.inner_text(".response-info")
        page.goto(f"{live_server.url}/iii/api/v1/triggers/")
        page.fill("textarea[name=_content]", json.dumps(TRIGGER))
        send(page, "POST")
        assert "HTTP 201 Created" in page.inner_text(".response-info")
        follow(page, ".response-info a[href*='/triggers/']")
        follow(page, "a[href$='/disable/']")
        send(page, "POST")
        assert '"state": "disabled"' in page.inner_text(".response-info")
    assert not Trigger.objects.get().enabled


def send(page: Any, method: str) -> None:
    """Press the button that sends what was typed, and wait for the page with the answer."""
    page.click(f".form-actions button:text('{method}')")
    page.wait_for_selector(f".request-info:has-text('{method}')")
