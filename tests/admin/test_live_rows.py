"""Workers, functions and nodes in the admin: there to be looked at."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from iii_triggers.models import Function, Node, Trigger, TriggerType, Worker

BASE = "/admin/iii_triggers/"
EVIL = "<script>alert(1)</script>"


def cells(page: str, name: str) -> list[str]:
    return re.findall(rf'<td class="field-{name}[^"]*">(.*?)</td>', page, re.DOTALL)


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


def link_in(html: str) -> str:
    (address,) = re.findall(r'href="([^"]*)"', html)
    return unescape(address)


@pytest.fixture
def worker(db: None) -> Worker:
    now = timezone.now()
    node = Node.objects.create(node_id="n1", host="h", pid=7, started_at=now, heartbeat_at=now)
    worker = Worker.objects.create(
        worker_id="w1",
        node=node,
        name="billing",
        runtime="node",
        version="0.22.1",
        connected_at=now,
        last_seen=now,
    )
    for name in ("a", "b"):
        Function.objects.create(function_id=name, worker=worker)
    Trigger.objects.create(trigger_type="http", function_id="a", worker=worker, source="worker")
    return worker


@pytest.mark.parametrize("model", ["worker", "function", "node"])
def test_live_rows_are_never_added_changed_or_deleted(
    owner: Client, worker: Worker, model: str
) -> None:
    pk = {"worker": "w1", "node": "n1", "function": Function.objects.get(function_id="a").pk}[model]
    assert owner.get(f"{BASE}{model}/").status_code == 200
    assert owner.get(f"{BASE}{model}/{pk}/change/").status_code == 200
    assert owner.get(f"{BASE}{model}/add/").status_code == 403
    assert owner.post(f"{BASE}{model}/{pk}/change/", {"name": "x"}).status_code == 403
    assert owner.post(f"{BASE}{model}/{pk}/delete/", {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    owner.post(f"{BASE}{model}/", data)
    assert Worker.objects.count() == 1
    assert Function.objects.count() == 2


@pytest.mark.parametrize("model", ["worker", "function", "node"])
def test_strangers_see_no_live_rows(stranger: Client, worker: Worker, model: str) -> None:
    assert stranger.get(f"{BASE}{model}/").status_code == 403


def test_a_worker_shows_what_it_runs_on_and_offers(owner: Client, worker: Worker) -> None:
    page = owner.get(BASE + "worker/").content.decode()
    functions, triggers = cells(page, "function_count"), cells(page, "trigger_count")
    assert (text_of(functions[0]), text_of(triggers[0])) == ("2", "1")
    assert "node 0.22.1" in page
    for cell in (*functions, *triggers):
        assert owner.get(link_in(cell)).status_code == 200
    assert "other h:7" in page


def test_the_page_of_a_worker_tells_all_about_it(owner: Client, worker: Worker) -> None:
    worker.in_flight = 3
    worker.metrics = {"invocations_total": 41, "failures_total": 17, "malformed_frames": 5}
    worker.telemetry = {"language": "typescript", "framework": "next", "project_name": "shop"}
    worker.isolation, worker.os, worker.pid = "docker", "linux 6", 4711
    worker.save()
    TriggerType.objects.create(type_id="slack", worker=worker, source="worker")
    page = owner.get(BASE + "worker/w1/change/").content.decode()
    for told in ("41", "17", "4711", "docker", "linux 6", "shop, next, typescript", "slack"):
        assert told in text_of(page), told
    function = Function.objects.get(function_id="a")
    trigger = Trigger.objects.get()
    for path in (f"function/{function.pk}/change/", f"trigger/{trigger.pk}/change/"):
        assert f'href="{BASE}{path}"' in page
        assert owner.get(BASE + path).status_code == 200


def test_a_worker_that_told_little_has_a_page(owner: Client, worker: Worker) -> None:
    Worker.objects.update(metrics=[1], telemetry="x", name="", runtime="", version="")
    assert owner.get(BASE + "worker/w1/change/").status_code == 200
    assert owner.get(BASE + "worker/").status_code == 200


def test_what_is_too_much_for_a_page_is_a_link(owner: Client, worker: Worker) -> None:
    rows = [Function(function_id=f"many.{number:03}", worker=worker) for number in range(120)]
    Function.objects.bulk_create(rows)
    page = owner.get(BASE + "worker/w1/change/").content.decode()
    assert page.count("many.") == 98
    (more,) = re.findall(r'href="([^"]*)">22 more<', page)
    assert "122 functions" in text_of(owner.get(unescape(more)).content.decode())


def test_the_page_of_a_function_tells_who_offers_and_who_runs_it(
    owner: Client, worker: Worker
) -> None:
    now = timezone.now()
    twin = Worker.objects.create(
        worker_id="w2", node=worker.node, name="billing-2", connected_at=now, last_seen=now
    )
    Function.objects.create(function_id="a", worker=twin)
    elsewhere = Trigger.objects.create(
        trigger_id="x", trigger_type="http", function_id="a", namespace="other"
    )
    function = Function.objects.get(function_id="a", worker=worker)
    page = owner.get(f"{BASE}function/{function.pk}/change/").content.decode()
    for path in ("worker/w1/change/", "worker/w2/change/"):
        assert f'href="{BASE}{path}"' in page
    assert "http → a" in text_of(page)
    assert f"trigger/{elsewhere.pk}/change/" not in page
    listed = owner.get(BASE + "function/?worker_name=billing-2").content.decode()
    assert [text_of(cell) for cell in cells(listed, "trigger_count")] == ["1"]


def test_a_function_without_worker_is_of_this_site(owner: Client) -> None:
    Function.objects.create(function_id="demo.greet")
    assert "this site" in owner.get(BASE + "function/").content.decode()


def test_header_values_of_an_http_invocation_stay_hidden(owner: Client) -> None:
    invocation = {"url": "https://example.org", "headers": {"authorization": "Bearer hush"}}
    row = Function.objects.create(function_id="f", invocation=invocation)
    page = owner.get(f"{BASE}function/{row.pk}/change/").content.decode()
    assert "authorization" in page
    assert "hush" not in page


def test_very_long_json_is_cut(owner: Client) -> None:
    row = Function.objects.create(function_id="f", metadata={"long": "x" * 1_000_000})
    assert len(owner.get(f"{BASE}function/{row.pk}/change/").content) < 100_000


def test_markup_of_workers_is_text(owner: Client, worker: Worker) -> None:
    Worker.objects.update(name=EVIL, description=EVIL, runtime=EVIL, version=EVIL, os=EVIL, ip=EVIL)
    Function.objects.update(description=EVIL, metadata={EVIL: EVIL}, request_format={EVIL: EVIL})
    function = Function.objects.first()
    assert function is not None
    for path in ("worker/", "worker/w1/change/", "function/", f"function/{function.pk}/change/"):
        assert EVIL not in owner.get(BASE + path).content.decode()


@pytest.mark.parametrize("model", ["worker", "function", "node"])
def test_lists_take_the_same_queries_for_any_number_of_rows(
    owner: Client, worker: Worker, model: str, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    for number in range(20):
        Trigger.objects.create(trigger_type="http", function_id="f")
        node = Node.objects.create(
            node_id=str(number), host="h", pid=number, started_at=now, heartbeat_at=now
        )
        other = Worker.objects.create(
            worker_id=str(number), node=node, connected_at=now, last_seen=now
        )
        Function.objects.create(function_id="f", worker=other)
    with django_assert_max_num_queries(9):
        owner.get(f"{BASE}{model}/")
