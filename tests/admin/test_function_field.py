"""The field for the function of a trigger, which completes to what is live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from iii_triggers.admin import function_field
from iii_triggers.models import Function, Worker

from .test_triggers import ADD, EVIL, LIST

FIND = f"{LIST}functions/"


def found(client: Client, text: str) -> list[tuple[str, str]]:
    response = client.get(FIND, {"q": text})
    assert response.status_code == 200
    return [(item["id"], item["note"]) for item in response.json()["functions"]]


def test_a_function_comes_with_who_offers_it_where(
    owner: Client, make_worker: Callable[[], Worker]
) -> None:
    for _number in range(2):
        Function.objects.create(function_id="a.one", worker=make_worker())
    Function.objects.create(function_id="a.one", namespace="blue", worker=make_worker())
    Function.objects.create(function_id="site.two")
    page = owner.get(ADD).content.decode()
    assert 'label="a.one: blue: 1 worker, default: 2 workers"' in page
    assert 'label="site.two: default: the site"' in page
    assert f'data-url="{FIND}"' not in page


def test_other_functions_of_a_config_are_completed_too(owner: Client) -> None:
    page = owner.get(f"{ADD}?trigger_type=http").content.decode()
    field = page.partition('name="config.condition_function_id"')[2].partition(">")[0]
    assert 'list="function_id-suggestions"' in field


def test_more_functions_than_a_page_can_hold_are_asked_for(owner: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(function_field, "MAX_SUGGESTIONS", 2)
    for number in range(4):
        Function.objects.create(function_id=f"f.{number}")
    page = owner.get(ADD).content.decode()
    field = page.partition('name="function_id"')[2].partition("</datalist>")[0]
    assert f'data-url="{FIND}"' in field
    assert field.count("<option") == 2


def test_those_that_begin_with_what_is_typed_come_first(owner: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(function_field, "MAX_FOUND", 3)
    for function_id in ("a.pay", "b.PAY", "pay.x", "Pay.y", "none"):
        Function.objects.create(function_id=function_id)
    ids = [function_id for function_id, _note in found(owner, "pay")]
    assert set(ids[:2]) == {"pay.x", "Pay.y"}
    assert len(ids) == 3
    assert "none" not in ids


@pytest.mark.parametrize("text", ["", "\0", "%", "_", EVIL, "x" * 5000])
def test_odd_texts_find_nothing(owner: Client, text: str) -> None:
    Function.objects.create(function_id="a")
    assert found(owner, text) == []


def test_only_those_who_edit_triggers_may_ask(viewer: Client, stranger: Client) -> None:
    assert viewer.get(FIND).status_code == 403
    assert stranger.get(FIND).status_code == 403
    assert Client().get(FIND).status_code == 302
