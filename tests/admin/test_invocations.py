"""Runs in the admin: the list, its filters, what is searched."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from iii_triggers.admin import newest_list
from iii_triggers.models import Function, Invocation, Trigger, Worker
from iii_triggers.models.ordered_ids import least_id_at, new_ordered_id
from iii_triggers.operations import bounded_scan

from .runs import LIST, listed, make, page_url

EVIL = "<script>alert(1)</script>"
DELIVERY = new_ordered_id()


def test_the_list_shows_how_runs_went(owner: Client, trigger: Trigger) -> None:
    make(
        status="failed",
        trigger_id="greet",
        worker_name="shop",
        age=timedelta(minutes=5, seconds=1),
        attempt=3,
        error="boom " * 50,
        error_code="E1",
    )
    page = owner.get(LIST).content.decode()
    assert "</span> failed</span>" in page
    assert f'href="/admin/iii_triggers/trigger/{trigger.pk}/change/"' in page
    for shown in ("demo.greet", "shop", "5 min ago", "12.5 ms", "attempt 3", "E1", "boom boom"):
        assert shown in page, shown
    assert "boom " * 40 not in page


def test_the_list_tells_direct_calls_and_runs_that_go_on(owner: Client) -> None:
    make(trigger_type="", status="running", duration_ms=None, age=timedelta(seconds=90))
    page = owner.get(LIST).content.decode()
    assert "direct call" in page
    assert "this site" in page
    assert "1.5 min so far" in page


def test_the_trigger_of_a_run_may_be_gone_or_of_another_namespace(
    owner: Client, trigger: Trigger
) -> None:
    make(trigger_id="gone")
    make(trigger_id="greet", namespace="other")
    page = owner.get(LIST).content.decode()
    assert "gone" in page
    assert "/admin/iii_triggers/trigger/" not in page.split('id="result_list"')[1]


@pytest.mark.parametrize("status", Invocation.Status.values)
def test_every_status_can_be_filtered(owner: Client, status: str) -> None:
    rows = {value: make(status=value) for value in Invocation.Status.values}
    assert listed(owner, status=status) == [rows[status]]


def test_filters_are_exact(owner: Client) -> None:
    worker = str(uuid.uuid4())
    cron = make(trigger_type="cron", trigger_id="t1", function_id="demo.tick", worker_id=worker)
    direct = make(trigger_type="", worker_name="shop")
    attempt = make(delivery_id=DELIVERY, trigger_type="queue")
    repeated = make(replay_of=cron.pk, trigger_type="state")
    assert listed(owner, type="cron") == [cron]
    assert listed(owner, type="-") == [direct]
    assert listed(owner, function="demo.tick") == [cron]
    assert listed(owner, function="demo.tic") == []
    assert listed(owner, trigger="t1") == [cron]
    assert listed(owner, worker=worker) == [cron]
    assert listed(owner, worker="shop") == [direct]
    assert listed(owner, delivery=str(DELIVERY)) == [attempt]
    assert listed(owner, replay="yes") == [repeated]
    assert listed(owner, replay="no") == [attempt, direct, cron]
    assert listed(owner, type="cron", worker="shop") == []


@pytest.mark.parametrize(("period", "count"), [("hour", 1), ("day", 2), ("week", 3)])
def test_filters_by_start(owner: Client, period: str, count: int) -> None:
    for age in (timedelta(), timedelta(hours=2), timedelta(days=2), timedelta(days=8)):
        make(age=age)
    assert len(listed(owner, started=period)) == count


def test_text_filters_complete_to_what_is_live(owner: Client, make_worker: Any) -> None:
    Function.objects.create(function_id="demo.bill")
    make_worker()
    Worker.objects.update(name="shop")
    page = owner.get(LIST).content.decode()
    assert '<option value="demo.bill">' in page
    assert '<option value="shop">' in page


def test_ids_of_every_kind_are_searched(owner: Client) -> None:
    make(function_id="other")
    row = make(delivery_id=DELIVERY, invocation_id="chosen-1", function_id="demo.bill")
    for term in (str(row.pk), str(row.pk).upper(), f" {DELIVERY} ", "chosen-1", "demo.bill"):
        assert listed(owner, q=term) == [row], term
    for term in ("demo", "chosen", str(uuid.uuid4())):
        assert listed(owner, q=term) == [], term


def test_a_search_keeps_to_the_filters(owner: Client) -> None:
    row = make(function_id="demo.bill", status="failed")
    make(function_id="demo.bill")
    make(function_id="demo.other", status="failed")
    assert listed(owner, q="demo.bill", status="failed") == [row]
    assert listed(owner, q=str(row.pk), status="succeeded") == []


@pytest.mark.parametrize("value", ["bad", "😀" * 2000, "\x01"])
def test_filters_find_nothing_for_what_cannot_be(owner: Client, value: str) -> None:
    row = make()
    for key in ("delivery", "worker", "function", "trigger", "type", "q"):
        assert listed(owner, **{key: value}) == [], key
    assert listed(owner, status=value, replay=value, started=value) == [row]


@pytest.mark.parametrize(
    "query",
    [
        {"before": "x"},
        {"before": "00000000-0000-4000-8000-000000000000"},
        {"before": "ffffffff-ffff-7fff-bfff-ffffffffffff"},
        {"function": "\0"},
        {"q": "\0"},
    ],
)
def test_a_crafted_filter_leads_back_to_the_list(owner: Client, query: dict[str, str]) -> None:
    response = owner.get(LIST, query)
    assert (response.status_code, response["Location"]) == (302, LIST + "?e=1")


@pytest.mark.parametrize("lookup", ["error__regex", "traceparent", "invocation_id__startswith"])
def test_a_crafted_address_does_not_read_every_row(owner: Client, lookup: str) -> None:
    assert owner.get(LIST, {lookup: "a"}).status_code == 400


def test_the_newest_are_first_whatever_is_asked(owner: Client) -> None:
    old, new = make(age=timedelta(hours=1)), make()
    assert listed(owner) == listed(owner, o="1") == listed(owner, o="-6.2") == [new, old]


def test_links_walk_over_runs_that_started_at_the_same_time(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest_list, "MAX_COUNTED", 3)
    least = least_id_at(make().started_at)
    ids = [uuid.UUID(int=least.int + number) for number in range(7)]
    for id_ in ids:
        make(id=id_, function_id="same")
    seen, query = [], {"function": "same"}
    while query:
        response = owner.get(LIST, query)
        rows = list(response.context["cl"].result_list)
        seen += [row.pk for row in rows]
        older = response.context["cl"].older_query_string()
        query = {"function": "same", "before": str(rows[-1].pk)} if older else {}
    assert seen == ids[::-1]


def test_the_list_takes_few_queries_and_counts_nothing(
    owner: Client, trigger: Trigger, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        make(trigger_id="greet", function_id=f"f{number}", payload={"input": "{}"})
    with django_assert_num_queries(10) as queries:
        owner.get(LIST)
    statements = [query["sql"] for query in queries.captured_queries]
    assert len([sql for sql in statements if "iii_triggers_invocation" in sql]) == 2
    assert not any("COUNT(" in sql or "invocationpayload" in sql for sql in statements)


def test_any_combination_of_filters_takes_a_bounded_number_of_queries(
    owner: Client, django_assert_max_num_queries: Any
) -> None:
    row = make(status="failed", delivery_id=DELIVERY, worker_name="w", trigger_id="t")
    make(status="failed", replay_of=row.pk)
    everything = {
        "status": "failed",
        "function": "demo.greet",
        "trigger": "t",
        "worker": "w",
        "type": "http",
        "replay": "no",
        "delivery": str(DELIVERY),
        "started": "hour",
        "q": str(row.pk),
    }
    with django_assert_max_num_queries(16):
        assert listed(owner, **everything) == [row]


def test_markup_in_any_field_is_text(owner: Client) -> None:
    texts = ("function_id", "namespace", "trigger_type", "trigger_id", "worker_name", "node_id")
    more = ("worker_id", "caller", "error_code", "error", "traceparent", "invocation_id")
    facts = dict.fromkeys((*texts, *more), EVIL)
    run = make(**facts, status="failed", payload=dict.fromkeys(("input", "output"), EVIL))
    Function.objects.create(function_id=EVIL)
    for query in ({}, {"q": EVIL}, {"function": EVIL, "trigger": EVIL}, {"worker": EVIL}):
        assert EVIL not in owner.get(LIST, query).content.decode()
    for part in ("change", "live"):
        assert EVIL not in owner.get(page_url(run, part)).content.decode()


def test_strangers_see_no_runs(stranger: Client) -> None:
    make()
    assert stranger.get(LIST).status_code == 403


class TestBoundedScan:
    """Two filters that no index serves together."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounded_scan, "MAX_SCANNED", 5)
        monkeypatch.setattr(bounded_scan, "MAX_IN_A_ROW", 5)

    def test_a_rare_combination_is_looked_for_a_bounded_number_of_rows(self, owner: Client) -> None:
        wanted = make(function_id="rare", trigger_type="cron")
        others = [make(function_id="rare") for _ in range(6)]
        for _ in range(6):
            make(trigger_type="cron")
        response = owner.get(LIST, {"function": "rare", "type": "cron"})
        assert list(response.context["cl"].result_list) == []
        page = response.content.decode()
        assert f"since {others[1].started_at:%Y-%m-%d %H:%M}" in page
        assert "Look further back" in page
        before = {"before": str(others[1].pk)}
        assert f"before={others[1].pk}" in page
        assert listed(owner, function="rare", type="cron", **before) == [wanted]

    def test_a_rare_value_of_one_filter_is_looked_through_whole(self, owner: Client) -> None:
        wanted = make(function_id="rare", trigger_type="cron")
        for _ in range(9):
            make(trigger_type="cron")
        response = owner.get(LIST, {"function": "rare", "type": "cron"})
        assert list(response.context["cl"].result_list) == [wanted]
        assert "Look further back" not in response.content.decode()

    def test_a_filter_without_index_looks_at_the_newest(self, owner: Client) -> None:
        old = make(worker_name="shop")
        rows = [make() for _ in range(4)]
        assert listed(owner, worker="shop") == [old]
        rows.append(make())
        response = owner.get(LIST, {"worker": "shop"})
        assert list(response.context["cl"].result_list) == []
        assert f"before={rows[0].pk}" in response.content.decode()

    def test_few_replays_are_found_however_old(self, owner: Client) -> None:
        old = make(replay_of=uuid.uuid4())
        for _ in range(9):
            make()
        assert listed(owner, replay="yes") == [old]

    def test_one_filter_with_an_index_needs_no_bound(self, owner: Client) -> None:
        rows = [make() for _ in range(9)]
        assert listed(owner) == listed(owner, function="demo.greet") == rows[::-1]
