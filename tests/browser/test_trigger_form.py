"""A person makes triggers from generated forms: by keyboard, on a phone, without inline code."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.admin import function_field
from iii_triggers.models import Function, Trigger, TriggerType

from .browsing import MARKS, SIZES, forbid_inline_code, log_in, open_page, tab_to

pytestmark = MARKS

FUNCTION = "#id_function_id"
SLACK = {
    "required": ["channel"],
    "properties": {
        "channel": {"type": "string", "title": "Channel"},
        "events": {"title": "Events", "items": {"enum": ["message", "reaction"]}},
        "tuning": {"title": "Tuning", "properties": {"tries": {"type": "integer"}}},
    },
}


@pytest.mark.django_db(transaction=True)
def test_triggers_are_made_by_keyboard(live_server: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(function_field, "MAX_SUGGESTIONS", 0)
    Function.objects.create(function_id="demo.hello")
    User.objects.create_superuser("ada", password="secret")
    width, height = SIZES["desktop"]
    with open_page(width=width, height=height) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        add_http(page, live_server.url)
        add_cron(page, live_server.url)
    http, cron = Trigger.objects.order_by("-trigger_type")
    assert http.config == {"api_path": "hello", "http_method": "POST", "timeout_ms": 5}
    assert cron.config == {"schedule": "30 2 * * *", "timezone": "Europe/Berlin"}


def add_http(page: Any, url: str) -> None:
    choose(page, url, "h")
    type_into(page, FUNCTION, "demo")
    page.wait_for_selector("datalist option[value='demo.hello']", state="attached")
    page.keyboard.type(".hello")
    type_into(page, "[name='config.api_path']", "hello")
    type_into(page, "[name='config.http_method']", "POST")
    tab_to(page, "#iii-config button[value=json]")
    press(page, "json")
    assert focused(page, "button[value=json]")
    assert '"http_method": "POST"' in page.input_value("#id_config")
    tab_to(page, "#id_config")
    page.keyboard.press("Control+A")
    page.keyboard.type('{"api_path": "hello", "http_method": "POST", "timeout_ms": "x"}')
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert focused(page, "button[value=form]")
    press(page, "form")
    assert page.input_value("[name='config.timeout_ms']") == '"x"'
    save(page)
    assert page.get_attribute("[name='config.timeout_ms']", "aria-invalid") == "true"
    tab_to(page, "[name='config.timeout_ms']")
    page.keyboard.press("Control+A")
    page.keyboard.type("5")
    save(page)
    page.wait_for_selector("#result_list")


def add_cron(page: Any, url: str) -> None:
    choose(page, url, "c")
    page.keyboard.press("ArrowDown")  # "configuration" comes first
    page.wait_for_selector("[name='config.schedule']")
    type_into(page, FUNCTION, "report")
    type_into(page, "[name='config.schedule']", "30 2 * * *")
    type_into(page, "[name='config.timezone']", "Europe/Berlin")
    page.wait_for_selector(".iii-fire-times-shown td:has-text('02:30:00')")
    page.keyboard.press("Enter")  # in a field: saves
    page.wait_for_selector("#result_list")


@pytest.mark.django_db(transaction=True)
def test_the_fields_of_a_type_of_a_worker_fit_a_phone(live_server: Any) -> None:
    TriggerType.objects.create(type_id="slack", config_schema=SLACK, source="worker")
    User.objects.create_superuser("ada", password="secret")
    width, height = SIZES["phone"]
    with open_page(width=width, height=height, color_scheme="dark") as page:
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/iii_triggers/trigger/add/?trigger_type=slack")
        page.fill(FUNCTION, "f")
        page.get_by_label("Channel").fill("#general")
        page.get_by_role("group", name="Events").get_by_label("reaction").check()
        tries = page.get_by_role("group", name="Tuning").get_by_label("tries")
        tries.press_sequentially("2-1")  # which a browser would send as nothing
        page.click("button[value=json]")
        page.click("input[name=_save]")
        assert focused(page, "[name='config.tuning.tries']")
        tries.fill("2")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.click("input[name=_save]")
        page.wait_for_selector("#result_list")
    config = {"channel": "#general", "events": ["reaction"], "tuning": {"tries": 2}}
    assert Trigger.objects.get().config == config


def choose(page: Any, url: str, letter: str) -> None:
    """Open the page to add a trigger, and choose a type by its first letter."""
    page.goto(f"{url}/admin/iii_triggers/trigger/add/")
    tab_to(page, "#id_trigger_type")
    page.keyboard.type(letter)
    page.wait_for_selector("#iii-config button[value=form]")


def type_into(page: Any, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.type(text)


def press(page: Any, how: str) -> None:
    """Press the button that has the focus, and wait for what it shows."""
    page.keyboard.press("Enter")
    page.wait_for_selector(f"[name=config_mode][value={how}]", state="attached")
    page.wait_for_selector(f"button[value={how}][aria-pressed=true]:focus")


def save(page: Any) -> None:
    tab_to(page, "input[name=_save]")
    with page.expect_navigation():
        page.keyboard.press("Enter")


def focused(page: Any, selector: str) -> bool:
    return bool(page.evaluate(f"document.activeElement.matches({selector!r})"))
