"""Deliveries in the admin: the list, its filters, the page of one."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from iii_triggers.admin import newest_list
from iii_triggers.models import Delivery, Function, Subscription, Topic, Trigger
from iii_triggers.operations import bounded_scan

from .deliveries import LIST, change_url, listed, make

EVIL = "<script>alert(1)</script>"
HIDDEN = "You need the permission"


def test_the_list_shows_where_deliveries_stand(owner: Client) -> None:
    make(state="dead", attempts=3, error="boom " * 50, error_code="E1")
    page = owner.get(LIST).content.decode()
    assert "</span> dead</span>" in page
    assert "3 of 3" in page
    assert "E1: boom" in page
    assert "boom " * 40 not in page


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"waits_for": "function"}, "waits for its function: nobody offers “demo.bill” now"),
        ({"waits_for": "turn"}, "waits for its turn"),
        (
            {"waits_for": "subscriber", "function_id": ""},
            "waits for a subscriber: no function is subscribed to “orders”",
        ),
        ({"waits_for": "subscriber"}, "“demo.bill” is not subscribed to “orders” any more"),
        ({"age": timedelta(hours=-1)}, "waits for its time"),
        ({}, "waits for a Celery worker on the queue “iii.orders”"),
        ({"state": "retry", "age": timedelta(hours=-1)}, "waits for its time"),
    ],
)
def test_a_waiting_delivery_says_what_it_waits_for(
    owner: Client, facts: dict[str, Any], reason: str
) -> None:
    delivery = make(**facts)
    assert reason in owner.get(LIST).content.decode()
    assert reason in owner.get(change_url(delivery)).content.decode()


def test_times_are_shown_to_the_second(owner: Client) -> None:
    delivery = make(age=timedelta(hours=-1))
    for url in (LIST, change_url(delivery)):
        assert f">{delivery.run_at:%Y-%m-%d %H:%M:%S}</time>" in owner.get(url).content.decode()


def test_facets_do_not_count_every_row(owner: Client) -> None:
    make()
    page = owner.get(LIST, {"_facets": "True"}).content.decode()
    assert "Show counts" not in page and "Hide counts" not in page


@pytest.mark.parametrize("state", Delivery.State.values)
def test_every_state_can_be_shown_and_filtered(owner: Client, state: str) -> None:
    wanted = make(state=state)
    make(state="held" if state == "dead" else "dead")
    assert listed(owner, state=state) == [wanted]
    assert owner.get(change_url(wanted)).status_code == 200


def test_what_a_newer_version_wrote_is_shown_as_it_is(owner: Client) -> None:
    make(state="asleep")
    late = make(state="queued", waits_for="godot", payload=r'"\ud800"')
    page = owner.get(LIST).content.decode()
    assert "</span> asleep</span>" in page
    assert r"\ud800" in owner.get(change_url(late)).content.decode()


def test_filters_find_what_waits_for_what(owner: Client) -> None:
    rows = {what: make(waits_for=what) for what in ("function", "subscriber", "turn")}
    make()
    for what, row in rows.items():
        assert listed(owner, state=f"for_{what}") == [row]
    make(state="succeeded")
    assert len(listed(owner, state="unfinished")) == 4


def test_filters_by_name_are_exact(owner: Client) -> None:
    cron = make(trigger_type="cron", trigger_id="t1", topic="", function_id="demo.tick")
    named = make(trigger_type="", topic="default", function_id="demo.mail")
    bill = make()
    assert listed(owner, topic="orders") == [bill]
    assert listed(owner, topic="order") == []
    assert listed(owner, function="demo.tick") == [cron]
    assert listed(owner, trigger="t1") == [cron]
    assert listed(owner, type="cron") == [cron]
    assert listed(owner, type="-") == [named]
    assert listed(owner, topic="orders", state="dead") == []


@pytest.mark.parametrize(("period", "count"), [("hour", 1), ("day", 2), ("week", 3)])
def test_filters_by_time_of_acceptance(owner: Client, period: str, count: int) -> None:
    for age in (timedelta(), timedelta(hours=2), timedelta(days=2), timedelta(days=8)):
        make(age=age)
    assert len(listed(owner, accepted=period)) == count


def test_the_list_is_searched_by_id_key_function_and_topic(owner: Client) -> None:
    row = make(idempotency_key="order-7", ordering_key="ada")
    make(function_id="demo.other", topic="other")
    for term in (str(row.pk), "order-7", "ada", "BILL", "order"):
        assert listed(owner, q=term) == [row], term
    assert listed(owner, q="order-") == []


def test_an_id_is_found_however_old_and_parts_of_names_among_the_newest(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_scan, "MAX_IN_A_ROW", 3)
    old = make(function_id="demo.old", topic="rare")
    for _ in range(3):
        make()
    assert listed(owner, q=str(old.pk)) == listed(owner, topic="rare") == [old]
    response = owner.get(LIST, {"q": "old"})
    assert list(response.context["cl"].result_list) == []
    assert "Look further back" in response.content.decode()
    assert listed(owner, q="old", before=str(Delivery.objects.order_by("pk")[1].pk)) == [old]


def test_what_was_published_is_not_searched(owner: Client) -> None:
    make(payload='{"secret": "hush"}', metadata={"secret": "hush"})
    assert listed(owner, q="hush") == []


@pytest.mark.parametrize("lookup", ["payload__contains", "payload", "metadata__secret"])
def test_a_crafted_address_does_not_tell_what_was_published(owner: Client, lookup: str) -> None:
    make(payload='{"secret": "hush"}', metadata={"secret": "hush"})
    assert owner.get(LIST, {lookup: "hush"}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"before": "x"},
        {"before": "00000000-0000-4000-8000-000000000000"},
        {"before": "ffffffff-ffff-7fff-bfff-ffffffffffff"},
        {"topic": "\0"},
    ],
)
def test_a_crafted_filter_leads_back_to_the_list(owner: Client, query: dict[str, str]) -> None:
    response = owner.get(LIST, query)
    assert (response.status_code, response["Location"]) == (302, LIST + "?e=1")


def test_the_newest_are_first_whatever_is_asked(owner: Client) -> None:
    old, new = make(age=timedelta(hours=1)), make()
    assert listed(owner) == listed(owner, o="1") == listed(owner, o="-6.2") == [new, old]


def test_text_filters_keep_the_other_filters(owner: Client) -> None:
    Topic.objects.create(name="orders")
    Subscription.objects.create(topic="orders", function_id="demo.bill", trigger_id="t")
    page = owner.get(LIST, {"state": "dead", "topic": "orders"}).content.decode()
    assert '<input type="hidden" name="state" value="dead">' in page
    assert '<option value="orders">' in page
    assert '<option value="demo.bill">' in page
    assert 'name="topic" value="orders"' in page


def test_behind_the_last_page_a_link_leads_on(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest_list, "MAX_COUNTED", 3)
    rows = [make() for _ in range(5)][::-1]
    response = owner.get(LIST)
    assert list(response.context["cl"].result_list) == rows[:3]
    page = response.content.decode()
    assert "the newest 3 deliveries" in page
    assert "Select all that match, also the older ones" in page
    assert f'href="?before={rows[2].pk}"' in page
    response = owner.get(LIST, {"before": str(rows[2].pk)})
    assert list(response.context["cl"].result_list) == rows[3:]
    assert "from before" in response.content.decode()


def test_pages_within_the_bound_are_numbered(owner: Client) -> None:
    rows = [make() for _ in range(101)][::-1]
    assert listed(owner, p="2") == rows[100:]
    assert listed(owner, all="") == rows
    assert "101 deliveries" in owner.get(LIST).content.decode()


def test_the_list_takes_few_queries_and_counts_nothing(
    owner: Client, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        make(state="dead", topic=f"t{number}", function_id=f"f{number}", payload="x" * 100)
    with django_assert_num_queries(10) as queries:
        owner.get(LIST)
    statements = [query["sql"] for query in queries.captured_queries]
    ours = [sql for sql in statements if "iii_triggers_delivery" in sql]
    assert len(ours) == 2
    assert not any("COUNT(" in sql or '"payload"' in sql or '"metadata"' in sql for sql in ours)


def test_the_page_of_a_delivery_tells_everything(owner: Client) -> None:
    trigger = Trigger.objects.create(trigger_id="t1", trigger_type="queue", function_id="demo.bill")
    delivery = make(
        state="dead",
        trigger_id="t1",
        error="line one\nline two " + "x" * 500,
        metadata={"hint": "m-value"},
        policy={"max_attempts": 5, "concurrency": 2, "is_ordered": True, "order_by": "customer"},
    )
    page = owner.get(change_url(delivery)).content.decode()
    assert "line one\nline two " + "x" * 500 in page
    assert "&quot;total&quot;: 5" in page
    assert "m-value" in page
    assert "5 attempts at most; 1 s after the first failure, doubled each time up to 15 min" in page
    assert "5 min for each attempt; 2 at the same time; in order of “customer”" in page
    assert f'href="/admin/iii_triggers/trigger/{trigger.pk}/change/"' in page
    assert f'href="{LIST}?topic=orders"' in page


def test_the_trigger_of_a_delivery_may_be_gone(owner: Client) -> None:
    delivery = make(trigger_id="gone")
    page = owner.get(change_url(delivery)).content.decode()
    assert "gone" in page
    assert "/admin/iii_triggers/trigger/1" not in page


def test_a_payload_needs_a_permission_of_its_own(viewer: Client, operator: Client) -> None:
    delivery = make(payload='{"secret": "hush"}', metadata={"secret": "hush"})
    for client in (viewer, operator):
        page = client.get(change_url(delivery)).content.decode()
        assert "hush" not in page
        assert HIDDEN in page


def test_a_large_payload_is_cut_and_quick(owner: Client) -> None:
    delivery = make(payload=json.dumps([["x" * 50] * 4] * 5000))
    started = time.process_time()
    response = owner.get(change_url(delivery))
    assert time.process_time() - started < 1
    assert len(response.content) < 300_000
    assert f"The first 20000 of {len(delivery.payload)} characters:" in response.content.decode()


@pytest.mark.parametrize("payload", ["", "not json", "[" * 9000 + "]" * 9000])
def test_a_payload_that_is_no_json_for_people_is_shown_as_it_is(
    owner: Client, payload: str
) -> None:
    page = owner.get(change_url(make(payload=payload))).content.decode()
    assert f'<pre class="iii-json">{payload}</pre>' in page


def test_markup_in_any_field_is_text(owner: Client) -> None:
    texts = ("topic", "function_id", "trigger_id", "trigger_type", "error", "error_code", "lane")
    keys = ("ordering_key", "idempotency_key", "queue", "node_id", "namespace", "traceparent")
    delivery = make(
        **dict.fromkeys((*texts, *keys), EVIL),
        payload=json.dumps({EVIL: EVIL}),
        metadata={EVIL: EVIL},
        policy={"condition_function_id": EVIL, "is_ordered": True, "order_by": EVIL},
    )
    Topic.objects.create(name=EVIL)
    Function.objects.create(function_id=EVIL)
    for query in ({}, {"topic": EVIL}, {"q": EVIL}, {"function": EVIL, "trigger": EVIL}):
        assert EVIL not in owner.get(LIST, query).content.decode()
    assert EVIL not in owner.get(change_url(delivery)).content.decode()
    Delivery.objects.update(payload=EVIL + "x" * 30_000, waits_for="subscriber")
    assert EVIL not in owner.get(change_url(delivery)).content.decode()
    assert EVIL not in owner.get(LIST).content.decode()


def test_pages_contain_no_inline_script_or_style(owner: Client) -> None:
    delivery = make(state="dead")
    for url in (LIST, LIST + "?topic=orders", change_url(delivery)):
        page = owner.get(url).content.decode()
        assert "<style" not in page
        assert " style=" not in page
        assert "onclick" not in page
        assert "<script>" not in page


def test_deliveries_are_never_added_edited_or_deleted_by_hand(owner: Client) -> None:
    delivery = make()
    assert owner.get(LIST + "add/").status_code == 403
    assert owner.post(change_url(delivery), {"state": "succeeded"}).status_code == 403
    assert owner.post(f"{LIST}{delivery.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Delivery.objects.get().state == "queued"


def test_strangers_see_no_deliveries(stranger: Client) -> None:
    delivery = make()
    assert stranger.get(LIST).status_code == 403
    assert stranger.get(change_url(delivery)).status_code == 403


def test_a_delivery_that_never_was_leads_home(owner: Client) -> None:
    assert owner.get(f"{LIST}{timezone.now():%Y}/change/").status_code == 302
