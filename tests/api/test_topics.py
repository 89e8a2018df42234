"""Topics over REST: what stands in them, and publishing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from iii_triggers.models import Delivery, Subscription, Topic, Trigger
from tests.admin.deliveries import make

from .calling import API, fields, problem, send
from .conftest import Login

LIST = "topics/"


@pytest.fixture
def topics(db: None) -> None:
    for name in ("orders", "a/b"):
        Topic.objects.create(name=name)
    Topic.objects.create(name="orders", kind="queue")
    for state in ("queued", "queued", "leased", "retry", "held", "dead", "succeeded"):
        make(state=state)
    make(trigger_type="", state="dead")
    Subscription.objects.create(
        identity="x", topic="orders", function_id="demo.bill", trigger_id="t"
    )


def test_topics_tell_what_stands_in_them(
    root: Client, topics: None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(5):
        queue, other, topic = send(root, "GET", LIST).json()["results"]
    assert (topic["name"], topic["kind"], topic["celery_queue"]) == (
        "orders",
        "topic",
        "iii.orders",
    )
    figures = {name: topic[name] for name in ("waiting", "running", "retrying", "held", "dead")}
    assert figures == {"waiting": 2, "running": 1, "retrying": 1, "held": 1, "dead": 1}
    assert topic["oldest_waiting"][-1] == "Z"
    assert topic["functions"] == ["demo.bill"]
    assert (queue["kind"], queue["dead"], queue["functions"]) == ("queue", 1, [])
    assert (other["name"], other["waiting"], other["oldest_waiting"]) == ("a/b", 0, None)


def test_one_topic_and_the_named_queue_of_the_same_name(root: Client, topics: None) -> None:
    assert send(root, "GET", f"{LIST}orders/").json()["waiting"] == 2
    assert send(root, "GET", f"{LIST}orders/?kind=queue").json()["dead"] == 1
    assert send(root, "GET", f"{LIST}a/b/").json()["name"] == "a/b"
    names = [row["name"] for row in send(root, "GET", f"{LIST}?kind=topic").json()["results"]]
    assert names == ["a/b", "orders"]
    assert len(send(root, "GET", f"{LIST}?name=orders").json()["results"]) == 2
    problem(send(root, "GET", f"{LIST}a/b/?kind=queue"), 404)
    problem(send(root, "GET", f"{LIST}nothing/"), 404)
    problem(send(root, "GET", f"{LIST}%00/"), 404)
    assert list(fields(problem(send(root, "GET", f"{LIST}orders/?kind=x"), 400))) == ["kind"]


def publish(client: Client, topic: str, /, **body: Any) -> Any:
    return send(client, "POST", f"{LIST}{topic}/publish/", body)


def test_publishing_makes_a_delivery_for_each_function(login: Login) -> None:
    for name in ("f", "g"):
        Trigger.objects.create(
            trigger_id=name, trigger_type="queue", function_id=name, config={"topic": "a/b"}
        )
    client = login("publish_topic")
    response = publish(client, "a/b", data={"n": [1]})
    ids = response.json()["delivery_ids"]
    assert response.status_code == 202
    rows = Delivery.objects.in_bulk(ids)
    assert {row.function_id for row in rows.values()} == {"f", "g"}
    assert {row.payload for row in rows.values()} == {'{"n":[1]}'}
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == ("a/b", "Published through the REST API.")


def test_a_key_is_published_once(root: Client) -> None:
    first = publish(root, "t", data=1, idempotency_key="k").json()
    assert publish(root, "t", data=2, idempotency_key="k").json() == first
    assert Delivery.objects.count() == 1


def test_a_message_may_wait(root: Client) -> None:
    (id_,) = publish(root, "t", data=None, delay_s=3600, ordering_key="o").json()["delivery_ids"]
    row = Delivery.objects.get(pk=id_)
    assert row.run_at > timezone.now() + timedelta(minutes=59)
    assert row.ordering_key == "o"


def test_what_is_not_logged_is_not_published(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr("iii_triggers.operations.publishing.log_many", fail)
    root.raise_request_exception = False
    problem(publish(root, "t", data=1), 500)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("topic", "body", "status", "field"),
    [
        ("t", {}, 400, "/data"),
        ("t", {"data": 1, "topic": "x"}, 400, "/topic"),
        ("t", {"data": 1, "delay_s": -1}, 400, "/delay_s"),
        ("t", {"data": 1, "delay_s": 1e300}, 400, "/delay_s"),
        ("t", {"data": 1, "delay_s": None}, 400, "/delay_s"),
        ("t", {"data": 1, "ordering_key": "k" * 256}, 400, "/ordering_key"),
        ("t", {"data": 1, "idempotency_key": 5}, 400, "/idempotency_key"),
        ("t" * 256, {"data": 1}, 400, None),
        ("t", {"data": "x" * 2**20}, 413, None),
    ],
)
def test_a_bad_message_is_pointed_at(
    root: Client, topic: str, body: Any, status: int, field: str | None
) -> None:
    document = problem(publish(root, topic, **body), status)
    assert list(fields(document)) == ([] if field is None else [field])
    assert not Delivery.objects.exists()


def test_an_address_without_a_name_is_not_found(root: Client) -> None:
    problem(root.post(API + LIST + "/publish/"), 404)
    problem(send(root, "POST", f"{LIST}%00/publish/", {"data": 1}), 404)
