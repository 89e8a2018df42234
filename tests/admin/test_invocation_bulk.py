"""Replays of many runs from the list: confirmed, bounded, queued through the ledger."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from iii_triggers.admin import invocation_bulk
from iii_triggers.models import Delivery, Invocation
from tests.support.ledger import Messages, close_batchers, messages

from .runs import LIST, make

__all__ = ["close_batchers", "messages"]

EVIL = "<script>alert(1)</script>"
KEPT = {"input": "1"}


def ask(client: Client, *runs: Invocation, query: str = "", **more: str) -> Any:
    """Choose the action for a selection."""
    data = {"action": "replay_runs", "_selected_action": [run.pk for run in runs], **more}
    return client.post(LIST + query, data)


def confirm(client: Client, asked: Any, *, query: str = "") -> str:
    """Press the button of the page that asks for confirmation."""
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.content.decode())
    data: dict[str, list[str]] = {}
    for name, value in fields:
        data.setdefault(name, []).append(value)
    response = client.post(LIST + query, data, follow=True)
    assert response.redirect_chain == [(LIST + query, 302)]
    return response.content.decode()


def replayed() -> list[str]:
    """Return which runs the deliveries repeat, in the order they were accepted."""
    policies = Delivery.objects.order_by("pk").values_list("policy", flat=True)
    return [policy["replays"]["run_id"] for policy in policies]


def test_a_selection_is_confirmed_and_queued_oldest_first(
    owner: Client, messages: Messages
) -> None:
    first, second, _other = (make(function_id=f, payload=KEPT) for f in ("a", "b", "c"))
    asked = ask(owner, second, first)
    page = asked.content.decode()
    assert "2 runs are run again" in page
    assert "<code>a</code>: 1" in page and "<code>b</code>: 1" in page
    assert "<code>c</code>" not in page
    assert not Delivery.objects.exists() and not LogEntry.objects.exists()
    assert "2 runs are queued again." in confirm(owner, asked)
    assert replayed() == [str(first.pk), str(second.pk)]
    assert len(messages.sent) == 2
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.object_repr) == (None, "2 runs")


def test_what_cannot_be_repeated_is_left_out_and_told(owner: Client, messages: Messages) -> None:
    runs = [
        make(payload=KEPT),
        make(payload={"input": '"[redacted]"', "redacted": True}),
        make(payload={"input": "[1", "input_cut": True}),
        make(),
    ]
    page = confirm(owner, ask(owner, *runs))
    assert "1 run is queued again." in page
    for reason in ("too long to be kept whole: 1", "secrets left out", "input not kept: 1"):
        assert reason in page, reason


def test_all_that_match_are_replayed_but_not_those_that_come_meanwhile(
    owner: Client, messages: Messages
) -> None:
    failed = [make(status="failed", payload=KEPT) for _ in range(3)]
    make(payload=KEPT)
    query = "?status=failed"
    asked = ask(owner, failed[0], query=query, select_across="1")
    assert "3 runs are run again" in asked.content.decode()
    make(status="failed", payload=KEPT)
    confirm(owner, asked, query=query)
    assert replayed() == [str(run.pk) for run in failed]


def test_too_many_are_cut_to_the_newest(
    owner: Client, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invocation_bulk, "MAX_REPLAYS", 3)
    runs = [make(payload=KEPT) for _ in range(5)]
    asked = ask(owner, runs[0], select_across="1")
    page = asked.content.decode()
    assert "3 runs are run again" in page
    assert "these are the newest 3" in page
    confirm(owner, asked)
    assert replayed() == [str(run.pk) for run in runs[2:]]


def test_a_big_selection_counts_no_rows(owner: Client, django_assert_max_num_queries: Any) -> None:
    runs = [make(function_id=f"f{number}") for number in range(30)]
    with django_assert_max_num_queries(12) as queries:
        page = ask(owner, runs[0], select_across="1").content.decode()
    assert "and 10 more functions" in page
    assert not any("COUNT(" in query["sql"] for query in queries.captured_queries)


def test_who_may_not_replay_cannot_by_crafted_post(viewer: Client, stranger: Client) -> None:
    run = make(payload=KEPT)
    bounds = {"newest": str(run.pk), "oldest": str(run.pk)}
    assert ask(viewer, run, **bounds).status_code == 200
    assert ask(viewer, run, select_across="1", index="0", **bounds).status_code == 200
    assert "replay_runs" not in viewer.get(LIST).content.decode()
    assert ask(stranger, run, **bounds).status_code == 403
    assert not Delivery.objects.exists() and not LogEntry.objects.exists()


def test_a_crafted_confirmation_replays_nothing_but_what_it_names(owner: Client) -> None:
    run = make(function_id=EVIL, payload=KEPT)
    bad = {"newest": "x", "oldest": "\0"}
    page = ask(owner, run, **bad).content.decode()
    assert "One run is run again" in page and EVIL not in page
    for selected in ("x", "\0", "1" * 5000):
        data = {"action": "replay_runs", "_selected_action": [selected]}
        assert owner.post(LIST, data)["Location"] == LIST + "?e=1"
    gone = ask(owner, Invocation(pk=uuid.uuid4()))
    assert (gone.status_code, gone["Location"]) == (302, LIST)
    assert not Delivery.objects.exists()
