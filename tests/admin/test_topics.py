"""Topics and named queues in the admin: what stands in them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client, override_settings

from iii_triggers.models import Delivery, Subscription, Topic

from .deliveries import LIST as DELIVERIES
from .deliveries import make

LIST = "/admin/iii_triggers/topic/"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def orders(db: None) -> Topic:
    return Topic.objects.create(name="orders")


def cell(page: str, name: str) -> str:
    """Return the text of a column of the only row."""
    return page.split(f'<td class="field-{name}')[1].split(">", 1)[1].split("</td>")[0]


def act(client: Client, action: str, *topics: Topic) -> Any:
    data = {"action": action, "_selected_action": [topic.pk for topic in topics]}
    return client.post(LIST, data, follow=True)


def test_a_topic_shows_what_is_not_settled_and_who_subscribed(owner: Client, orders: Topic) -> None:
    for state in ("queued", "queued", "leased", "retry", "held", "dead", "dead", "succeeded"):
        make(state=state)
    make(age=timedelta(days=3))
    for function_id in "abcd":
        Subscription.objects.create(
            identity=function_id, topic="orders", function_id=function_id, trigger_id="t"
        )
    page = owner.get(LIST).content.decode()
    link = f'<a href="{DELIVERIES}?topic=orders&amp;type=queue&amp;state='
    assert cell(page, "waiting") == f'{link}queued">3</a>'
    assert cell(page, "running") == f'{link}leased">1</a>'
    assert cell(page, "retrying") == f'{link}retry">1</a>'
    assert cell(page, "held") == f'{link}held">1</a>'
    assert cell(page, "dead") == f'{link}dead">2</a>'
    assert cell(page, "subscribers") == "a, b, c + 1"
    assert cell(page, "celery_queue") == "iii.orders"
    oldest = Delivery.objects.order_by("pk").first()
    assert oldest is not None
    assert f"{oldest.created_at:%Y}" in cell(page, "oldest_waiting")
    detail = owner.get(f"{LIST}{orders.pk}/change/").content.decode()
    assert "a, b, c, d" in detail


def test_a_named_queue_is_told_from_the_topic_of_the_same_name(
    owner: Client, orders: Topic
) -> None:
    orders.delete()
    Topic.objects.create(name="orders", kind="queue")
    make(trigger_type="", state="dead")
    make(state="dead")
    page = owner.get(LIST).content.decode()
    assert f'{DELIVERIES}?topic=orders&amp;type=-&amp;state=dead">1</a>' in cell(page, "dead")
    assert cell(page, "celery_queue") == "iii:orders"
    assert cell(page, "waiting") == "0"


@override_settings(III_QUEUES={"mails": {}, "orders": {}})
def test_configured_queues_are_named_before_they_are_used(owner: Client) -> None:
    Topic.objects.create(name="orders", kind="queue")
    page = owner.get(LIST).content.decode()
    assert "Named queues that nobody has used yet: default, mails" in page


def test_the_list_takes_the_same_queries_for_any_number_of_topics(
    owner: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        Topic.objects.create(name=f"t{number}")
        make(topic=f"t{number}")
    with django_assert_max_num_queries(9):
        owner.get(LIST)


@pytest.mark.parametrize(
    ("action", "after"), [("redrive_dead", "queued"), ("discard_dead", "cancelled")]
)
def test_an_operator_settles_all_dead_of_a_topic(
    operator: Client, orders: Topic, action: str, after: str
) -> None:
    dead = [make(state="dead") for _ in range(3)]
    others = [make(state="dead", topic="other"), make(state="dead", trigger_type="")]
    page = act(operator, action, orders).content.decode()
    assert "3 deliveries " in page
    changed = Delivery.objects.filter(pk__in=[row.pk for row in dead])
    assert set(changed.values_list("state", flat=True)) == {after}
    kept = Delivery.objects.filter(pk__in=[row.pk for row in others])
    assert set(kept.values_list("state", flat=True)) == {"dead"}
    assert LogEntry.objects.count() == 3


@pytest.mark.parametrize("action", ["redrive_dead", "discard_dead"])
def test_viewers_and_strangers_settle_nothing(
    viewer: Client, stranger: Client, orders: Topic, action: str
) -> None:
    make(state="dead")
    act(viewer, action, orders)
    assert act(stranger, action, orders).status_code == 403
    assert stranger.get(LIST).status_code == 403
    assert Delivery.objects.get().state == "dead"


def test_topics_are_not_edited_and_their_markup_is_text(owner: Client, orders: Topic) -> None:
    url = f"{LIST}{orders.pk}/change/"
    assert owner.post(url, {"name": "x"}).status_code == 403
    assert owner.get(LIST + "add/").status_code == 403
    Topic.objects.update(name=EVIL)
    Subscription.objects.create(topic=EVIL, function_id=EVIL, trigger_id=EVIL)
    make(topic=EVIL)
    for address in (LIST, url):
        page = owner.get(address).content.decode()
        assert EVIL not in page
        assert "<style" not in page and " style=" not in page
