"""Subscriptions in the admin: live, kept, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from iii_triggers.models import Delivery, Subscription, Trigger

from .deliveries import LIST as DELIVERIES
from .deliveries import make

LIST = "/admin/iii_triggers/subscription/"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def subscription(db: None) -> Subscription:
    return Subscription.objects.create(
        identity="i1",
        topic="orders",
        function_id="demo.bill",
        trigger_id="t1",
        policy={"max_attempts": 4, "backoff_type": "fixed", "delay_s": 1.5},
        metadata={"secret": "hush"},
        expires_at=timezone.now() + timedelta(days=1),
    )


@pytest.fixture
def live(subscription: Subscription) -> Trigger:
    Subscription.objects.update(expires_at=None)
    trigger = Trigger.objects.create(trigger_id="t1", trigger_type="x", function_id="demo.bill")
    Trigger.objects.update(identity="i1")
    return trigger


def end(client: Client, *subscriptions: Subscription) -> Any:
    data = {"action": "end_now", "_selected_action": [row.pk for row in subscriptions]}
    return client.post(LIST, data, follow=True)


def pages(client: Client, subscription: Subscription) -> list[str]:
    urls = (LIST, f"{LIST}{subscription.pk}/change/")
    return [client.get(url).content.decode() for url in urls]


def test_a_subscription_whose_worker_is_away_says_until_when_it_is_kept(
    owner: Client, subscription: Subscription
) -> None:
    make(lane=subscription.lane)
    make(lane=subscription.lane, state="held")
    make(lane=subscription.lane, state="succeeded")
    for page in pages(owner, subscription):
        assert "</span> kept</span>" in page
        assert "Its worker is away; kept until" in page
        assert "4 attempts at most; 1 s between attempts; 5 min for each attempt" in page
        assert "starts after 1500 ms" in page
        url = f"{DELIVERIES}?state=unfinished&amp;topic=orders&amp;function=demo.bill"
        assert f'<a href="{url}">2</a>' in page
        assert "hush" not in page


def test_a_live_subscription_links_to_its_trigger(
    owner: Client, subscription: Subscription, live: Trigger
) -> None:
    for page in pages(owner, subscription):
        assert "</span> live</span>" in page
        assert f'href="/admin/iii_triggers/trigger/{live.pk}/change/"' in page


def test_a_crafted_address_does_not_tell_the_metadata(
    owner: Client, subscription: Subscription
) -> None:
    assert owner.get(LIST, {"metadata__secret": "hush"}).status_code == 400


def test_a_subscription_whose_worker_is_gone_can_be_ended(
    operator: Client, subscription: Subscription
) -> None:
    make(lane=subscription.lane)
    assert "1 subscription was ended." in end(operator, subscription).content.decode()
    assert not Subscription.objects.exists()
    assert Delivery.objects.get().waits_for == "subscriber"
    assert LogEntry.objects.get().object_id == str(subscription.pk)


def test_a_subscription_that_a_trigger_holds_is_not_ended(
    operator: Client, subscription: Subscription, live: Trigger
) -> None:
    assert "is held by a trigger" in end(operator, subscription).content.decode()
    assert Subscription.objects.exists()
    assert not LogEntry.objects.exists()


def test_viewers_and_strangers_end_nothing(
    viewer: Client, stranger: Client, subscription: Subscription
) -> None:
    end(viewer, subscription)
    assert end(stranger, subscription).status_code == 403
    assert stranger.get(LIST).status_code == 403
    assert Subscription.objects.exists()


def test_the_list_takes_the_same_queries_for_any_number_of_rows(
    owner: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        row = Subscription.objects.create(
            identity=str(number), topic="t", function_id=f"f{number}", trigger_id=str(number)
        )
        make(lane=row.lane)
    with django_assert_max_num_queries(8):
        owner.get(LIST)


def test_subscriptions_are_not_edited_and_their_markup_is_text(
    owner: Client, subscription: Subscription
) -> None:
    url = f"{LIST}{subscription.pk}/change/"
    assert owner.post(url, {"topic": "x"}).status_code == 403
    policy = {"condition_function_id": EVIL}
    Subscription.objects.update(topic=EVIL, function_id=EVIL, trigger_id=EVIL, policy=policy)
    for page in pages(owner, subscription):
        assert EVIL not in page
        assert "<style" not in page and " style=" not in page
