"""A person looks after deliveries in a real browser: finds, redrives, holds and releases them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from iii_triggers.delivery import create
from iii_triggers.models import Delivery, Subscription, Topic
from tests.admin.deliveries import LIST, change_url, make

from .browsing import (
    MARKS,
    SIZES,
    assert_fits,
    follow,
    forbid_inline_code,
    log_in,
    open_page,
    tab_to,
)

pytestmark = [*MARKS, pytest.mark.django_db(transaction=True)]


class Silence:
    """Takes the place of the sender: there is no Celery worker here."""

    def send(self, queue: str, delivery_id: str) -> None:
        """Send nothing."""


@pytest.fixture
def deliveries(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """Two dead deliveries of one topic, and one of another that waits."""
    monkeypatch.setattr(create, "sender", Silence())
    User.objects.create_superuser("ada", password="secret")
    Topic.objects.create(name="orders")
    Subscription.objects.create(topic="orders", function_id="demo.bill", trigger_id="t")
    facts = {"state": "dead", "attempts": 3, "error_code": "E1", "error": "The till is closed."}
    return [make(**facts), make(**facts), make(topic="mails", waits_for="function")]


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_dead_of_a_topic_are_found_and_redriven(
    live_server: Any, deliveries: list[Delivery], size: str, color_scheme: str
) -> None:
    width, height = SIZES[size]
    with open_page(width=width, height=height, color_scheme=color_scheme) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        find_dead_orders(page, live_server.url)
        redrive_from_its_page(page, live_server.url, deliveries[0])
        redrive_from_the_list(page, live_server.url)
    assert not Delivery.objects.filter(state="dead").exists()


def find_dead_orders(page: Any, url: str) -> None:
    page.goto(url + LIST)
    assert page.locator("#result_list tbody tr").count() == 3
    assert "waits for its function: nobody offers" in page.inner_text("#result_list")
    page.fill('#changelist-filter input[name="topic"]', "orders")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    follow(page, "#changelist-filter a:text-is('dead')")
    assert page.locator("#result_list tbody tr").count() == 2
    assert "topic=orders" in page.url and "state=dead" in page.url
    assert_fits(page)


def redrive_from_its_page(page: Any, url: str, delivery: Delivery) -> None:
    page.goto(url + change_url(delivery))
    assert "The till is closed." in page.inner_text(".field-full_error")
    assert '"total": 5' in page.inner_text(".field-shown_payload")
    assert_fits(page)
    follow(page, ".iii-verbs button:text-is('Redrive')")
    assert "1 delivery is tried again." in page.inner_text(".messagelist")
    assert page.locator(".iii-badge").first.inner_text().split()[-1] == "waiting"


def redrive_from_the_list(page: Any, url: str) -> None:
    page.goto(f"{url}{LIST}?state=dead")
    page.click("#action-toggle")
    page.select_option("select[name=action]", "redrive")
    follow(page, ".actions button")
    assert "1 delivery is tried again." in page.inner_text(".messagelist")


def test_a_delivery_is_held_and_released_by_keyboard(
    live_server: Any, deliveries: list[Delivery]
) -> None:
    with open_page(width=1280, height=800) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        page.goto(live_server.url + change_url(deliveries[2]))
        for verb, state in (("hold", "held"), ("release", "waiting")):
            tab_to(page, f'.iii-verbs form[action$="/{verb}/"] button')
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert page.locator(".iii-badge").first.inner_text().split()[-1] == state


@pytest.mark.parametrize("size", SIZES)
def test_topics_and_subscriptions_lead_to_their_deliveries(
    live_server: Any, deliveries: list[Delivery], size: str
) -> None:
    width, height = SIZES[size]
    with open_page(width=width, height=height) as page:
        log_in(page, live_server.url)
        forbid_inline_code(page)
        page.goto(live_server.url + "/admin/iii_triggers/subscription/")
        assert_fits(page)
        page.goto(live_server.url + "/admin/iii_triggers/topic/")
        follow(page, "#result_list .field-dead a")
        assert page.locator("#result_list tbody tr").count() == 2
        assert_fits(page)
