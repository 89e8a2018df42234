"""The state in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from iii_triggers.admin import state_items as page
from iii_triggers.admin.stored_json import MAX_EDITABLE
from iii_triggers.models import StateItem
from iii_triggers.store.changes import StateChange
from iii_triggers.store.items import kv_items, state_items

LIST = "/admin/iii_triggers/stateitem/"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def item(db: None) -> StateItem:
    state_items.set(("users",), "42", b'{"name": "Ada", "n": 1}')
    return StateItem.objects.get()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[StateChange]:
    """The changes that triggers are told of."""
    changes: list[StateChange] = []
    monkeypatch.setattr(page, "state_changed", changes.append)
    return changes


Commit = Callable[..., Any]


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Commit:
    """Do something and what comes with its commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def url(item: StateItem) -> str:
    return f"{LIST}{item.pk}/change/"


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


def opened(client: Client, item: StateItem) -> dict[str, Any]:
    """Return the fields of the form as a person finds them."""
    form = client.get(url(item)).context["adminform"].form
    return {"value": form["value"].value(), "seen": form["seen"].value()}


def test_items_are_listed_searched_and_filtered(owner: Client, item: StateItem) -> None:
    kv_items.set(("orders",), "7", b"[1,2]")
    listed = text_of(owner, LIST)
    assert "users" in listed and "orders" in listed
    assert "{&quot;name&quot;: &quot;Ada&quot;, &quot;n&quot;: 1}" in listed
    assert "23\xa0bytes" in listed
    for query, shown in {
        "q=42": "users",
        "q=user": "users",
        "store__exact=kv": "orders",
        "scope=orders": "orders",
    }.items():
        found = owner.get(f"{LIST}?{query}").context["cl"].result_list
        assert [one.scope for one in found] == [shown]


def test_a_list_does_not_load_values(
    owner: Client, item: StateItem, django_assert_max_num_queries: Any
) -> None:
    state_items.set(("users",), "big", b'"%s"' % (b"x" * 1_000_000))
    with django_assert_max_num_queries(12):
        listed = text_of(owner, LIST)
    assert len(listed) < 100_000


def test_a_value_is_shown_with_indentation(owner: Client, viewer: Client, item: StateItem) -> None:
    assert opened(owner, item)["value"] == '{\n  "name": "Ada",\n  "n": 1\n}'
    shown = text_of(viewer, url(item))
    assert "&quot;name&quot;: &quot;Ada&quot;,\n" in shown
    assert "<textarea" not in shown


def test_an_edit_is_told(
    owner: Client, item: StateItem, told: list[StateChange], committed: Commit
) -> None:
    with committed():
        response = owner.post(url(item), {**opened(owner, item), "value": '{"n": [1,  2]}'})
    assert response.status_code == 302
    assert state_items.get(("users",), "42") == b'{"n":[1,2]}'
    (change,) = told
    assert (change.scope, change.key) == ("users", "42")
    assert (change.old, change.new) == (b'{"name": "Ada", "n": 1}', b'{"n":[1,2]}')


def test_saving_without_a_change_writes_nothing(
    owner: Client, item: StateItem, told: list[StateChange], committed: Commit
) -> None:
    with committed():
        assert owner.post(url(item), opened(owner, item)).status_code == 302
    assert told == []
    assert state_items.get(("users",), "42") == b'{"name": "Ada", "n": 1}'


@pytest.mark.parametrize(("old", "new"), [(b"1", "true"), (b"false", "0"), (b"[1]", "[1.0]")])
def test_values_that_python_takes_for_equal_are_different(
    owner: Client, told: list[StateChange], committed: Commit, db: None, old: bytes, new: str
) -> None:
    state_items.set(("users",), "42", old)
    item = StateItem.objects.get()
    with committed():
        owner.post(url(item), {**opened(owner, item), "value": new})
    item.refresh_from_db()
    assert item.value == new
    assert len(told) == 1


def test_a_value_that_changed_meanwhile_is_not_overwritten(
    owner: Client, item: StateItem, told: list[StateChange]
) -> None:
    form = opened(owner, item)
    state_items.update(("users",), "42", [{"type": "increment", "path": "n", "by": 1}])
    response = owner.post(url(item), {**form, "value": "1"})
    assert "It was changed meanwhile." in response.content.decode()
    assert state_items.get(("users",), "42") == b'{"name":"Ada","n":2}'
    assert told == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "This field is required."),
        ("{", "This is not valid JSON: Expecting property name"),
        ("[1,]", "This is not valid JSON: "),
        ("[" * 121 + "]" * 121, "A value must not be nested in more than 120 levels."),
        ('"\\ud800"', "This is not valid JSON: "),
    ],
)
def test_a_value_that_is_no_json_is_refused(
    owner: Client, item: StateItem, value: str, reason: str
) -> None:
    response = owner.post(url(item), {**opened(owner, item), "value": value})
    assert response.status_code == 200
    assert reason in response.content.decode()


def test_a_value_that_is_too_large_is_refused(
    owner: Client, item: StateItem, settings: Any
) -> None:
    settings.III_STATE_MAX_VALUE_BYTES = 30
    response = owner.post(url(item), {**opened(owner, item), "value": f'"{"x" * 30}"'})
    assert "value of 32 bytes exceeds" in response.content.decode()


def test_an_item_is_added(owner: Client, told: list[StateChange], committed: Commit) -> None:
    fields = {"store": "state", "scope": "s", "key": "k", "value": "null"}
    with committed():
        response = owner.post(f"{LIST}add/", fields)
    assert response.status_code == 302
    assert state_items.get(("s",), "k") == b"null"
    assert [(change.old, change.new) for change in told] == [(None, b"null")]
    again = owner.post(f"{LIST}add/", fields).content.decode()
    assert "already exists" in again


@pytest.mark.parametrize("field", ["scope", "key"])
def test_an_impossible_name_is_refused(owner: Client, field: str) -> None:
    fields = {"store": "state", "scope": "s", "key": "k", "value": "1", field: "é" * 257}
    response = owner.post(f"{LIST}add/", fields)
    assert "A key of 514 bytes exceeds the limit of 512." in response.content.decode()


def test_scope_and_key_stay(owner: Client, item: StateItem) -> None:
    owner.post(url(item), {**opened(owner, item), "scope": "other", "key": "9", "value": "1"})
    assert state_items.get(("users",), "42") == b"1"


def test_deletions_are_told(
    owner: Client, item: StateItem, told: list[StateChange], committed: Commit
) -> None:
    state_items.set(("users",), "43", b"2")
    kv_items.set(("users",), "44", b"3")
    with committed():
        owner.post(f"{LIST}{item.pk}/delete/", {"post": "yes"})
    assert [(change.key, change.new) for change in told] == [("42", None)]
    rows = list(StateItem.objects.values_list("pk", flat=True))
    with committed():
        owner.post(LIST, {"action": "delete_selected", "_selected_action": rows, "post": "yes"})
    assert [change.key for change in told] == ["42", "43"]
    assert not StateItem.objects.exists()


def test_the_key_value_server_tells_nobody(
    owner: Client, told: list[StateChange], committed: Commit
) -> None:
    kv_items.set(("i",), "k", b"1")
    item = StateItem.objects.get()
    with committed():
        owner.post(url(item), {**opened(owner, item), "value": "2"})
    assert kv_items.get(("i",), "k") == b"2"
    assert told == []


def test_a_long_value_is_shown_in_part_and_not_edited(owner: Client, db: None) -> None:
    state_items.set(("s",), "k", b'"%s"' % (b"x" * MAX_EDITABLE))
    shown = text_of(owner, url(StateItem.objects.get()))
    assert "<textarea" not in shown
    assert "of 100002 characters" in shown
    assert len(shown) < 60_000


def test_saving_the_page_of_a_long_value_writes_nothing(
    owner: Client, told: list[StateChange], db: None
) -> None:
    text = b'"%s"' % (b"x" * MAX_EDITABLE)
    state_items.set(("s",), "k", text)
    for typed in ({}, {"value": "1"}):
        response = owner.post(url(StateItem.objects.get()), typed)
        assert response.status_code == 302
    assert state_items.get(("s",), "k") == text
    assert told == []


def test_values_are_escaped(owner: Client, viewer: Client, db: None) -> None:
    state_items.set((EVIL,), EVIL, f'"{EVIL}"'.encode())
    item = StateItem.objects.get()
    for address in (LIST, url(item), f"{LIST}?scope={EVIL}"):
        for client in (owner, viewer):
            assert EVIL not in text_of(client, address)


def test_permissions_are_asked(
    viewer: Client, stranger: Client, item: StateItem, told: list[StateChange]
) -> None:
    assert viewer.get(url(item)).status_code == 200
    for address in (url(item), f"{LIST}{item.pk}/delete/", f"{LIST}add/"):
        assert viewer.post(address, {"value": "1", "post": "yes"}).status_code == 403
    for address in (LIST, url(item)):
        assert stranger.get(address).status_code == 403
    assert state_items.get(("users",), "42") == b'{"name": "Ada", "n": 1}'
