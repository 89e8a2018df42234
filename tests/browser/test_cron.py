"""A person writes a schedule, sees when it fires before saving it, and fires it by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.models import Delivery, Trigger

from .browsing import MARKS, SIZES, follow, log_in, open_page

pytestmark = MARKS

SHOWN = ".iii-fire-times-shown"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", SIZES)
def test_fire_times_are_shown_while_a_schedule_is_typed(live_server: Any, size: str) -> None:
    User.objects.create_superuser("ada", password="secret")
    width, height = SIZES[size]
    with open_page(width=width, height=height) as page:
        log_in(page, live_server.url)
        write_schedule(page, live_server.url)
        follow(page, "input[name=_continue]")
        assert "02:30:00 UTC" in page.inner_text(SHOWN)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        follow(page, "button:text-is('Fire now')")
        follow(page, "text=see the delivery")
        delivery_url = page.url
        page.goto(f"{live_server.url}/admin/iii_triggers/trigger/")
        assert page.inner_text(".field-next_fire").strip()
    assert str(Delivery.objects.get().pk) in delivery_url
    assert Trigger.objects.get().config == {"schedule": "30 2 * * *"}


def write_schedule(page: Any, url: str) -> None:
    page.goto(f"{url}/admin/iii_triggers/trigger/add/")
    assert not page.is_visible(SHOWN)
    page.select_option("#id_trigger_type", "cron")
    page.wait_for_selector(f"{SHOWN}:has-text('Cron expression is required')")
    page.fill("#id_function_id", "report")
    page.fill("[name='config.schedule']", "30 25 * * *")
    page.wait_for_selector(f"{SHOWN}:has-text('hour \\'25\\' is not within 0-23')")
    page.fill("[name='config.schedule']", "30 2 * * *")
    page.wait_for_selector(f"{SHOWN} td:has-text('02:30:00 UTC')")
    assert page.locator(f"{SHOWN} tbody tr").count() == 5
