"""Disconnecting and draining workers in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from iii_triggers.models import Change, Worker

LIST = "/admin/iii_triggers/worker/"
Grant = Callable[[str, str], None]


@pytest.fixture
def worker(db: None, make_worker: Any) -> Worker:
    row: Worker = make_worker()
    return row


def url(worker: Worker) -> str:
    return f"{LIST}{worker.pk}/disconnect/"


def wanted() -> list[str]:
    """Return the ids of the workers that nodes are told to disconnect."""
    return list(Change.objects.filter(kind="worker").values_list("key", flat=True))


def act(client: Client, *workers: Worker) -> Any:
    data = {"action": "disconnect_selected", "_selected_action": [row.pk for row in workers]}
    return client.post(LIST, data, follow=True)


def test_the_button_disconnects_and_says_that_the_worker_comes_back(
    viewer: Client, worker: Worker, grant: Grant
) -> None:
    grant("viewer", "manage_worker")
    page = viewer.get(f"{LIST}{worker.pk}/change/").content.decode()
    assert f'action="{url(worker)}"' in page
    assert "It connects again by itself" in page
    answer = viewer.post(url(worker), follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "it connects again by itself" in answer.content.decode()
    assert wanted() == [worker.pk]
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (worker.pk, "Disconnected.")


def test_the_action_disconnects_all_that_are_selected(
    owner: Client, worker: Worker, make_worker: Any
) -> None:
    other, third = make_worker(), make_worker()
    answer = act(owner, worker, other)
    assert "2 workers are disconnected" in answer.content.decode()
    assert set(wanted()) == {worker.pk, other.pk}
    assert third.pk not in wanted()
    assert LogEntry.objects.count() == 2


def test_a_worker_is_drained_by_button_and_by_action(
    owner: Client, worker: Worker, make_worker: Any
) -> None:
    page = owner.get(f"{LIST}{worker.pk}/change/").content.decode()
    assert f'action="{LIST}{worker.pk}/drain/"' in page
    answer = owner.post(f"{LIST}{worker.pk}/drain/", follow=True)
    assert "1 worker drains" in answer.content.decode()
    assert "draining" in owner.get(LIST).content.decode()
    other = make_worker()
    data = {"action": "drain_selected", "_selected_action": [worker.pk, other.pk]}
    assert "2 workers drain" in owner.post(LIST, data, follow=True).content.decode()
    drained = Change.objects.filter(kind="drain").values_list("key", flat=True)
    assert set(drained) == {worker.pk, other.pk}
    assert wanted() == []
    assert set(LogEntry.objects.values_list("change_message", flat=True)) == {"Drained."}


def test_a_viewer_neither_sees_the_button_nor_can_disconnect(
    viewer: Client, worker: Worker
) -> None:
    for verb in ("disconnect", "drain_", "/drain"):
        assert verb not in viewer.get(f"{LIST}{worker.pk}/change/").content.decode()
        assert verb not in viewer.get(LIST).content.decode()
    assert viewer.post(url(worker)).status_code == 403
    assert viewer.post(f"{LIST}{worker.pk}/drain/").status_code == 403
    act(viewer, worker)
    assert wanted() == []


def test_who_may_not_look_cannot_disconnect(stranger: Client, worker: Worker, grant: Grant) -> None:
    grant("stranger", "manage_worker")
    assert stranger.post(url(worker)).status_code == 403
    assert act(stranger, worker).status_code == 403
    assert wanted() == []


def test_a_visitor_is_asked_to_log_in(client: Client, worker: Worker) -> None:
    assert "/login/" in client.post(url(worker)).headers["Location"]
    assert wanted() == []


def test_an_address_alone_does_nothing(owner: Client, worker: Worker) -> None:
    assert owner.get(url(worker)).status_code == 405
    assert wanted() == []


@pytest.mark.parametrize("pk", ["nobody", "%00", "a/b", "%FF", "x" * 300])
def test_a_worker_that_is_gone_is_not_found(owner: Client, db: None, pk: str) -> None:
    assert owner.post(f"{LIST}{pk}/disconnect/").status_code == 404
    assert wanted() == []


def test_a_page_of_another_site_cannot_press_the_button(worker: Worker, owner: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies
    assert strict.post(url(worker)).status_code == 403
    assert wanted() == []
