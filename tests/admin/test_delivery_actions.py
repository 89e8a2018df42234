"""Redrive, discard, hold, release, cancel: from the list and from the page of one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from iii_triggers.admin import delivery_actions
from iii_triggers.models import Delivery

from .deliveries import LIST, act, change_url, make, verb_url

VERBS = {
    # verb: state before, state after
    "redrive": ("dead", "queued"),
    "discard": ("dead", "cancelled"),
    "hold": ("queued", "held"),
    "release": ("held", "queued"),
    "cancel": ("retry", "cancelled"),
}
PERMISSIONS = {
    "redrive": "redrive_delivery",
    "discard": "redrive_delivery",
    "hold": "hold_delivery",
    "release": "hold_delivery",
    "cancel": "hold_delivery",
}


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize("verb", VERBS)
def test_an_operator_may_act_from_the_list(operator: Client, verb: str) -> None:
    before, after = VERBS[verb]
    rows = [make(state=before), make(state=before), make(state="succeeded")]
    page = act(operator, verb, *rows).content.decode()
    assert states() == [after, after, "succeeded"]
    assert "2 deliveries " in page
    assert "1 was in another state and left as it was." in page
    logged = set(LogEntry.objects.values_list("object_id", flat=True))
    assert logged == {str(row.pk) for row in rows[:2]}


@pytest.mark.parametrize("verb", VERBS)
def test_an_operator_may_act_from_the_page(operator: Client, verb: str) -> None:
    before, after = VERBS[verb]
    row = make(state=before)
    assert verb_url(row, verb) in operator.get(change_url(row)).content.decode()
    response = operator.post(verb_url(row, verb), follow=True)
    assert response.redirect_chain == [(change_url(row), 302)]
    assert "1 delivery " in response.content.decode()
    assert states() == [after]
    assert verb_url(row, verb) not in response.content.decode()
    assert LogEntry.objects.get().object_id == str(row.pk)


@pytest.mark.parametrize("verb", VERBS)
def test_who_may_only_view_cannot_act_by_crafted_post(viewer: Client, verb: str) -> None:
    row = make(state=VERBS[verb][0])
    act(viewer, verb, row)
    act(viewer, verb, row, index="0", select_across="1")
    assert viewer.post(verb_url(row, verb)).status_code == 403
    assert verb_url(row, verb) not in viewer.get(change_url(row)).content.decode()
    assert f'<option value="{verb}">' not in viewer.get(LIST).content.decode()
    assert states() == [VERBS[verb][0]]


@pytest.mark.parametrize("verb", VERBS)
def test_a_stranger_cannot_act(stranger: Client, verb: str) -> None:
    row = make(state=VERBS[verb][0])
    assert act(stranger, verb, row).status_code == 403
    assert stranger.post(verb_url(row, verb)).status_code == 403
    assert states() == [VERBS[verb][0]]


@pytest.mark.parametrize("verb", VERBS)
def test_each_permission_allows_its_own_verbs_only(viewer: Client, verb: str, grant: Any) -> None:
    other = {"redrive_delivery": "hold_delivery", "hold_delivery": "redrive_delivery"}
    grant("viewer", other[PERMISSIONS[verb]])
    row = make(state=VERBS[verb][0])
    assert viewer.post(verb_url(row, verb)).status_code == 403
    act(viewer, verb, row)
    assert states() == [VERBS[verb][0]]
    grant("viewer", PERMISSIONS[verb])
    act(viewer, verb, row)
    assert states() == [VERBS[verb][1]]


@pytest.mark.parametrize("verb", VERBS)
def test_the_permission_of_a_verb_without_that_to_view_is_not_enough(
    stranger: Client, verb: str, grant: Any
) -> None:
    grant("stranger", PERMISSIONS[verb])
    row = make(state=VERBS[verb][0])
    assert act(stranger, verb, row).status_code == 403
    assert stranger.post(verb_url(row, verb)).status_code == 403


def test_a_button_is_pressed_not_visited(owner: Client) -> None:
    row = make(state="dead")
    assert owner.get(verb_url(row, "redrive")).status_code == 405
    assert states() == ["dead"]


def test_a_button_needs_its_csrf_token(owner: Client) -> None:
    row = make(state="dead")
    owner.handler.enforce_csrf_checks = True
    assert owner.post(verb_url(row, "redrive")).status_code == 403
    assert states() == ["dead"]


def test_a_button_for_a_delivery_that_is_gone_is_not_found(owner: Client) -> None:
    row = make(state="dead")
    Delivery.objects.all().delete()
    assert owner.post(verb_url(row, "redrive")).status_code == 404


def test_a_verb_that_comes_too_late_says_so(owner: Client) -> None:
    row = make(state="succeeded")
    page = owner.post(verb_url(row, "redrive"), follow=True).content.decode()
    assert "0 deliveries are tried again." in page
    assert "1 was in another state and left as it was." in page
    assert not LogEntry.objects.exists()


def test_a_big_selection_is_changed_as_a_whole_and_logged_once(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_actions, "MAX_LOGGED", 3)
    rows = [make(state="dead") for _ in range(5)]
    make(state="dead", topic="other")
    data = {"action": "redrive", "_selected_action": [rows[0].pk], "select_across": "1"}
    page = owner.post(LIST + "?topic=orders", data, follow=True).content.decode()
    assert states() == ["queued"] * 5 + ["dead"]
    assert "5 deliveries are tried again. Those in another state were left as they were." in page
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.object_repr) == (None, "5 deliveries")


def test_all_that_match_are_selected_also_those_without_a_page(owner: Client) -> None:
    Delivery.objects.bulk_create(
        Delivery(state="dead", function_id="f", payload="{}", lane="l", queue="iii", topic="t")
        for _ in range(1203)
    )
    row = Delivery.objects.first()
    assert row is not None
    act(owner, "redrive", row, index="0", select_across="1")
    assert set(states()) == {"queued"}


def test_a_big_selection_does_not_read_payloads(
    owner: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(delivery_actions, "MAX_LOGGED", 3)
    rows = [make(state="dead") for _ in range(600)]
    with django_assert_max_num_queries(40) as queries:
        data = {"action": "redrive", "_selected_action": [rows[0].pk], "select_across": "1"}
        owner.post(LIST, data)
    assert set(states()) == {"queued"}
    assert not any('"payload"' in query["sql"] for query in queries.captured_queries)
