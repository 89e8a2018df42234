"""The page of a run: what happened, the timeline of attempts, payloads, and who may see them."""

from __future__ import annotations

import json
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from iii_triggers.admin import invocation_attempts
from iii_triggers.models import Function, Invocation, Node, Trigger, Worker

from . import deliveries
from .runs import LIST, make, page_of, page_url

HIDDEN = "There is one. You need the permission"
SECRET = {"input": '{"secret": "hush"}', "output": '"hush"', "stacktrace": "File hush"}


def make_attempts(count: int = 3, **last: Any) -> list[Invocation]:
    """Write a delivery and its attempts, each a second long, with pauses of 2, 4, … s."""
    delivery_id = deliveries.make(state="dead").pk
    rows, start = [], timezone.now() - timedelta(minutes=1)
    for number in range(1, count + 1):
        facts = {"status": "failed", "duration_ms": 1000.0} | (last if number == count else {})
        rows.append(make(delivery_id=delivery_id, attempt=number, started_at=start, **facts))
        start += timedelta(seconds=1 + 2 * number)
    return rows


def test_the_page_of_a_run_tells_everything(
    owner: Client, trigger: Trigger, make_worker: Any
) -> None:
    function = Function.objects.create(function_id="demo.greet")
    worker = make_worker()
    run = make(
        status="failed",
        trigger_id="greet",
        worker_id=worker.pk,
        worker_name="w",
        node_id="other",
        caller="front",
        attempt=2,
        traceparent="00-trace-01",
        invocation_id="chosen",
        error="line one\nline two " + "x" * 500,
        error_code="E1",
        payload={"input": '{"total": 5}', "output": "[1]", "stacktrace": "File a.py"},
    )
    page = page_of(owner, run)
    for row, model in ((trigger, "trigger"), (function, "function"), (worker, "worker")):
        assert f'href="/admin/iii_triggers/{model}/{row.pk}/change/"' in page
    assert 'href="/admin/iii_triggers/node/other/change/"' in page
    for shown in ("line one\nline two " + "x" * 500, "E1", "front", "00-trace-01", "chosen"):
        assert shown in page, shown
    assert "&quot;total&quot;: 5" in page
    assert "File a.py" in page
    assert f'href="{LIST}?function=demo.greet"' in page
    assert f'href="{LIST}?trigger=greet"' in page
    assert f'href="{LIST}?worker=w"' in page


def test_what_a_run_had_to_do_with_may_be_gone(owner: Client) -> None:
    gone = uuid.uuid4()
    page = page_of(
        owner,
        make(trigger_id="t", worker_id="w1", node_id="n1", delivery_id=gone, replay_of=gone),
    )
    for name in ("t", "w1", "n1", str(gone)):
        assert name in page, name
    for model in ("trigger", "worker", "node", "delivery", "function"):
        assert f'href="/admin/iii_triggers/{model}/' not in page.split('id="content-main"')[1]


def test_original_and_replays_lead_to_each_other(owner: Client) -> None:
    original = make()
    first, second = make(replay_of=original.pk), make(replay_of=original.pk, status="failed")
    page = page_of(owner, original)
    assert page.index(page_url(second)) < page.index(page_url(first))
    assert page_url(original) in page_of(owner, first)


def test_attempts_of_a_delivery_stand_on_one_time_line(owner: Client) -> None:
    first, second, third = make_attempts(status="succeeded", duration_ms=3000.0)
    page = page_of(owner, second)
    assert f'href="/admin/iii_triggers/delivery/{second.delivery_id}/change/"' in page
    assert page_url(first) in page and page_url(third) in page
    # From 0 to 1 s, from 3 to 4 s, and from 8 to 11 s.
    for x, width, status in (
        ("0.00", "9.09", "failed"),
        ("27.27", "9.09", "failed"),
        ("72.73", "27.27", "succeeded"),
    ):
        bar = f'class="iii-bar iii-{status}" x="{x}" y="0" width="{width}"'
        assert bar in page, bar
    assert [">2 s</td>" in page, ">4 s</td>" in page] == [True, True]


def test_a_run_that_goes_on_grows_until_now(owner: Client) -> None:
    *_, last = make_attempts(status="running", duration_ms=None)
    page = page_of(owner, last)
    assert f'data-url="{page_url(last, "live")}"' in page
    assert 'class="iii-bar iii-running"' in page
    assert "Input and output are kept when the run has ended." in page


def test_a_lost_run_does_not_grow(owner: Client) -> None:
    *_, last = make_attempts(status="failed", duration_ms=None, error_code="node_lost")
    Invocation.objects.filter(attempt=2).update(duration_ms=None)
    page = page_of(owner, last)
    # Nobody knows how long it took, nor how long the pause after such a one was.
    assert [">50 s" in page, ">4 s</td>" in page, ">2 s</td>" in page] == [False, False, True]
    assert 'class="iii-bar iii-failed" x="99.40" y="0" width="0.60"' in page
    Invocation.objects.update(started_at=timezone.now() - timedelta(hours=50))
    assert "50 h<" not in owner.get(LIST).content.decode()


def test_a_status_of_a_newer_version_is_shown_as_it_is(owner: Client) -> None:
    run = make(status="paused")
    assert "</span> paused</span>" in page_of(owner, run)
    assert "</span> paused</span>" in owner.get(LIST).content.decode()


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"a": "x\udfff"}'])
def test_half_a_pair_of_surrogates_is_shown_escaped(owner: Client, text: str) -> None:
    run = make(payload={"input": text, "output": text})
    shown = text.replace('"', "&quot;").strip("{}")
    assert page_of(owner, run).count(shown) == 2
    assert owner.get(page_url(run, "edit")).status_code == 200


def test_many_attempts_are_cut_to_the_newest(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invocation_attempts, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr("iii_triggers.admin.invocation_live.MAX_ATTEMPTS", 2)
    first, second, third = make_attempts()
    page = page_of(owner, third)
    assert page_url(second) in page and page_url(first) not in page
    assert f'href="{LIST}?delivery={third.delivery_id}"' in page


def test_attempts_of_no_time_at_all_are_drawn(owner: Client) -> None:
    moment, delivery_id = timezone.now(), uuid.uuid4()
    for _ in range(2):
        run = make(delivery_id=delivery_id, started_at=moment, duration_ms=0.0)
    assert 'x="0.00" y="0" width="0.60"' in page_of(owner, run)


def test_the_live_part_alone_tells_when_a_run_has_ended(owner: Client) -> None:
    run = make(status="running", duration_ms=None)
    part = owner.get(page_url(run, "live")).content.decode()
    assert part.lstrip().startswith("<section") and "data-url=" in part
    Invocation.objects.update(status="succeeded", duration_ms=5.0)
    assert "data-url" not in owner.get(page_url(run, "live")).content.decode()
    assert owner.post(page_url(run, "live")).status_code == 405


def test_payloads_need_a_permission_of_their_own(viewer: Client, operator: Client) -> None:
    run = make(payload=SECRET)
    for client in (viewer, operator):
        page = page_of(client, run)
        assert "hush" not in page
        assert page.count(HIDDEN) == 3
        for part in ("input", "output"):
            assert page_url(run, part) not in page
            assert client.get(page_url(run, part)).status_code == 403


def test_payloads_are_downloaded_as_files(owner: Client) -> None:
    run = make(payload=SECRET)
    page = page_of(owner, run)
    for part in ("input", "output"):
        assert page_url(run, part) in page
        response = owner.get(page_url(run, part))
        assert response.content.decode() == SECRET[part]
        assert response["Content-Type"] == "application/json"
        assert response["X-Content-Type-Options"] == "nosniff"
        name = f"run-{run.pk}-{part}.json"
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'


def test_there_may_be_nothing_to_see_or_to_download(owner: Client) -> None:
    nothing, empty = make(), make(payload={"input": "", "output": ""})
    for run in (nothing, empty):
        assert "Neither input nor output was kept." in page_of(owner, run)
        assert owner.get(page_url(run, "input")).status_code == 404


@pytest.mark.parametrize("part", ["change", "live", "input", "output", "replay", "edit"])
def test_strangers_see_no_run_nor_parts_of_it(stranger: Client, grant: Any, part: str) -> None:
    grant("stranger", "view_payload")
    grant("stranger", "replay_invocation")
    url = page_url(make(payload=SECRET), part)
    response = stranger.post(url) if part == "replay" else stranger.get(url)
    assert response.status_code == 403
    response = Client().get(url, follow=True)
    assert "/admin/login/" in response.redirect_chain[0][0]


@pytest.mark.parametrize("part", ["live", "input", "edit"])
def test_parts_of_a_run_that_never_was_are_not_found(owner: Client, part: str) -> None:
    assert owner.get(f"{LIST}{uuid.uuid4()}/{part}/").status_code == 404
    for bad in ("x", "%00", "0" * 5000):
        assert owner.get(f"{LIST}{bad}/{part}/", follow=True).redirect_chain[-1][0] == "/admin/"
        assert owner.get(f"{LIST}{bad}/change/").status_code == 302


def test_a_large_payload_is_cut_and_quick(owner: Client) -> None:
    text = json.dumps([["x" * 50, {"n": [1]}] * 4] * 20_000)
    assert len(text) > 5_000_000
    run = make(payload={"input": text, "output": text})
    started = time.process_time()
    page = page_of(owner, run)
    assert time.process_time() - started < 1
    assert len(page) < 600_000
    assert f"The first 20000 of {len(text)} characters:" in page
    assert "[\n  [\n    &quot;xxx" in page
    assert owner.get(page_url(run, "input")).content.decode() == text


def test_a_payload_that_was_cut_when_it_was_kept_is_laid_out_all_the_same(owner: Client) -> None:
    kept = {"input": '{"a":[1,{"b":"tex', "input_cut": True, "redacted": True}
    page = page_of(owner, make(payload=kept))
    laid_out = '{\n  "a": [\n    1,\n    {\n      "b": "tex…'.replace('"', "&quot;")
    assert laid_out in page
    assert "Only its beginning was kept" in page
    assert "Values of secret keys were left out" in page


@pytest.mark.parametrize("text", ["not json", "[" * 9000 + "]" * 9000, "{" * 19_000, '"\\u0000"'])
@pytest.mark.parametrize("is_cut", [True, False])
def test_a_payload_that_is_no_json_for_people_is_shown(
    owner: Client, text: str, is_cut: bool
) -> None:
    page = page_of(owner, make(payload={"input": text, "input_cut": is_cut}))
    assert text[:1].replace('"', "&quot;") in page
    assert len(page) < 1_000_000


def test_the_page_takes_a_bounded_number_of_queries(
    owner: Client, django_assert_max_num_queries: Any, make_worker: Any
) -> None:
    *_, run = make_attempts(30, replay_of=uuid.uuid4(), worker_id=make_worker().pk)
    for _number in range(30):
        make(replay_of=run.pk)
    with django_assert_max_num_queries(17):
        page_of(owner, run)


def test_pages_contain_no_inline_script_or_style(owner: Client) -> None:
    *_, run = make_attempts(status="running", duration_ms=None)
    for url in (LIST, page_url(run), page_url(run, "live"), page_url(run, "edit")):
        page = owner.get(url).content.decode()
        for inline in ("<style", " style=", "onclick", "<script>"):
            assert inline not in page, (url, inline)


def test_runs_are_never_added_edited_or_deleted_by_hand(owner: Client) -> None:
    run = make(status="failed")
    assert owner.get(LIST + "add/").status_code == 403
    assert owner.post(page_url(run), {"status": "succeeded"}).status_code == 403
    assert owner.post(page_url(run, "delete"), {"post": "yes"}).status_code == 403
    assert Invocation.objects.get().status == "failed"


def test_pages_of_others_lead_to_their_runs(
    owner: Client, trigger: Trigger, make_worker: Any
) -> None:
    function = Function.objects.create(function_id="demo.greet")
    worker, delivery = make_worker(), deliveries.make()
    Worker.objects.update(name="shop")
    Node.objects.update(host="box")
    base = "/admin/iii_triggers/"
    for url, query in (
        (deliveries.change_url(delivery), f"delivery={delivery.pk}"),
        (f"{base}function/{function.pk}/change/", "function=demo.greet"),
        (f"{base}worker/{worker.pk}/change/", f"worker={worker.pk}"),
    ):
        assert f'href="{LIST}?{query}"' in owner.get(url).content.decode(), url
