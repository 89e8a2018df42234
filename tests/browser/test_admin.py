"""A person adds a trigger in a real browser, on a desktop and on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.models import Trigger

from .browsing import MARKS, SIZES, assert_fits, follow, log_in, open_page

pytestmark = MARKS


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
        assert_listed(page)
    assert Trigger.objects.get().config == {"api_path": "hello", "http_method": "POST"}


def add_trigger_with_wrong_config(page: Any, url: str) -> None:
    page.goto(f"{url}/admin/iii_triggers/trigger/add/")
    page.select_option("#id_trigger_type", "http")
    page.select_option("[name='config.http_method']", "POST")
    page.fill("#id_function_id", "demo.hello")
    page.click("button:text-is('JSON')")
    page.fill("#id_config", '{"http_method": "POST"}')
    follow(page, "input[name=_save]")
    assert "api_path is required" in page.inner_text("#id_config_error")
    assert page.is_visible(".iii-help details[open] code:text-is('api_path')")


def correct_config(page: Any) -> None:
    page.click("button:text-is('Form')")
    page.fill("[name='config.api_path']", "hello")
    follow(page, "input[name=_continue]")
    assert "curl -X POST" in page.inner_text(".iii-addresses")
    follow(page, "input[name=_save]")


def assert_listed(page: Any) -> None:
    badge = page.locator("#result_list .iii-badge")
    assert badge.inner_text().split()[-1] in {"parked", "active"}
    assert_fits(page)
