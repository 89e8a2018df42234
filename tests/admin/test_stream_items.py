"""Stream items in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from iii_triggers.admin import stream_items as page
from iii_triggers.models import StreamItem
from iii_triggers.store.items import stream_items
from iii_triggers.trigger_types.stream.places import Place

LIST = "/admin/iii_triggers/streamitem/"
GROUP = ("todos", "inbox")


@pytest.fixture
def item(db: None) -> StreamItem:
    stream_items.set(GROUP, "a", b'{"text":"<b>milk</b>","n":1}')
    return StreamItem.objects.get()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Place, bytes, int]]:
    """The deletions that clients and triggers are told of."""
    deletions: list[tuple[Place, bytes, int]] = []
    monkeypatch.setattr(page, "item_deleted", lambda *deletion: deletions.append(deletion))
    return deletions


def url(item: StreamItem, what: str = "change") -> str:
    return f"{LIST}{item.pk}/{what}/"


def shown(client: Client, query: str) -> list[str]:
    return [one.item_id for one in client.get(f"{LIST}?{query}").context["cl"].result_list]


def test_items_are_listed_searched_and_filtered(owner: Client, item: StreamItem) -> None:
    stream_items.set(("chat", "inbox"), "b", b"1")
    stream_items.set(("todos", "done"), "c", b"1")
    listed = owner.get(LIST).content.decode()
    assert "{&quot;text&quot;:&quot;&lt;b&gt;milk" in listed
    assert shown(owner, "") == ["b", "c", "a"]
    assert shown(owner, "stream=todos") == ["c", "a"]
    assert shown(owner, "group=inbox") == ["b", "a"]
    assert shown(owner, "stream=todos&group=inbox") == ["a"]
    assert shown(owner, "q=chat") == ["b"]


def test_a_list_does_not_load_values(
    owner: Client, item: StreamItem, django_assert_max_num_queries: Any
) -> None:
    stream_items.set(GROUP, "big", b'"%s"' % (b"x" * 1_000_000))
    with django_assert_max_num_queries(12):
        assert len(owner.get(LIST).content) < 100_000


def test_an_item_is_looked_at_and_not_edited(owner: Client, item: StreamItem) -> None:
    text = owner.get(url(item)).content.decode()
    assert "&quot;text&quot;: &quot;&lt;b&gt;milk&lt;/b&gt;&quot;,\n" in text
    assert "<textarea" not in text
    assert owner.post(url(item), {"item_id": "other"}).status_code == 403
    assert owner.get(f"{LIST}add/").status_code == 403


def test_deletions_are_told(
    owner: Client, item: StreamItem, told: Any, django_capture_on_commit_callbacks: Any
) -> None:
    stream_items.set(GROUP, "b", b"2")
    with django_capture_on_commit_callbacks(execute=True):
        owner.post(url(item, "delete"), {"post": "yes"})
    place = Place(stream_name="todos", group_id="inbox", item_id="a")
    assert told == [(place, b'{"text":"<b>milk</b>","n":1}', 3)]
    rows = list(StreamItem.objects.values_list("pk", flat=True))
    action = {"action": "delete_selected", "_selected_action": rows, "post": "yes"}
    with django_capture_on_commit_callbacks(execute=True):
        owner.post(LIST, action)
    assert [(old, seq) for _, old, seq in told[1:]] == [(b"2", 4)]
    assert not StreamItem.objects.exists()


def test_who_may_only_look_deletes_nothing(viewer: Client, item: StreamItem, told: Any) -> None:
    assert viewer.get(url(item)).status_code == 200
    assert viewer.post(url(item, "delete"), {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [item.pk], "post": "yes"}
    viewer.post(LIST, action)
    assert StreamItem.objects.count() == 1
    assert told == []


def test_a_stranger_sees_nothing(stranger: Client, item: StreamItem) -> None:
    assert stranger.get(LIST).status_code == 403
    assert stranger.get(url(item)).status_code == 403
