"""Bodies that are none: each is a problem that says what is wrong, and where."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.http import UnreadablePostError
from django.test import Client

from iii_triggers.api import problems
from iii_triggers.models import Trigger

from .calling import API, fields, problem, send

LIST = "triggers/"
GOOD = {"trigger_type": "http", "function_id": "f", "config": {"api_path": "a"}}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "line 1 column 2"),
        (b'{"a": 1,}', "line 1 column"),
        (b'{"a":\n oops}', "line 2 column 2"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": 1e999}', "not valid JSON"),
        (b'{"a": "\\ud800"}', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b"\xff\xfe{\x00}\x00", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"{} {}", "Extra data"),
    ],
)
def test_what_is_no_json_is_told_with_its_position(root: Client, body: bytes, detail: str) -> None:
    document = problem(send(root, "POST", LIST, body), 400)
    assert document["code"] == "parse_error"
    assert detail in document["detail"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": "\\u0000"}', "u0000"),
        (b'{"\\u0000": 1}', "u0000"),
        (b"[" * 65 + b"]" * 65, "64 levels"),
        (b'{"config":' + b"[" * 900 + b"]" * 900 + b"}", "64 levels"),
    ],
)
def test_what_no_database_keeps_is_refused(root: Client, body: bytes, message: str) -> None:
    assert message in problem(send(root, "POST", LIST, body), 400)["detail"]


@pytest.mark.parametrize("body", ["[]", "5", '"text"', "true", "[[1, 2]]"])
@pytest.mark.parametrize("path", [LIST, "{}/", "{}/fire/"])
def test_what_is_no_object_is_refused(root: Client, body: str, path: str) -> None:
    trigger = Trigger.objects.create(trigger_type="x", function_id="f")
    method = "PUT" if path == "{}/" else "POST"
    path = path if path == LIST else LIST + path.format(trigger.pk)
    document = problem(send(root, method, path, body), 400)
    assert "JSON object" in document["detail"]


def test_a_body_has_a_limit(root: Client, settings: Any) -> None:
    settings.III_MAX_BODY_BYTES = 100
    document = problem(send(root, "POST", LIST, {**GOOD, "metadata": "x" * 100}), 413)
    assert (document["code"], "100 bytes" in document["detail"]) == ("payload_too_large", True)


def test_five_megabytes_are_a_body_like_another(root: Client) -> None:
    response = send(root, "POST", LIST, {**GOOD, "metadata": "x" * 5_000_000})
    assert response.status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "a/b;c"])
def test_other_kinds_of_body_are_refused(root: Client, kind: str) -> None:
    response = root.post(API + LIST, "a=b", content_type=kind)
    assert problem(response, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("error", [UnreadablePostError(), SuspiciousOperation()])
def test_a_request_that_breaks_off_is_answered(error: Exception) -> None:
    response = problems.answer(error, {})
    assert (response.status_code, response.data["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"/trigger_type", "/function_id"}),
        ({**GOOD, "trigger_type": ""}, {"/trigger_type"}),
        ({**GOOD, "trigger_type": None}, {"/trigger_type"}),
        ({**GOOD, "trigger_type": 5}, {"/trigger_type"}),
        ({**GOOD, "function_id": " "}, {"/function_id"}),
        ({**GOOD, "function_id": "f" * 256}, {"/function_id"}),
        ({**GOOD, "trigger_id": ["a"]}, {"/trigger_id"}),
        ({**GOOD, "enabled": "yes"}, {"/enabled"}),
        ({**GOOD, "enabled": 1}, {"/enabled"}),
        ({**GOOD, "config": []}, {"/config"}),
        ({**GOOD, "config": None}, {"/config"}),
        ({**GOOD, "config": {}}, {"/config/api_path"}),
        ({**GOOD, "config": {"api_path": 5}}, {"/config/api_path"}),
        ({**GOOD, "typ": "http", "a/b~c": 1}, {"/typ", "/a~1b~0c"}),
    ],
)
def test_what_is_wrong_is_pointed_at(root: Client, body: Any, wrong: set[str]) -> None:
    assert set(fields(problem(send(root, "POST", LIST, body), 400))) == wrong
    assert not Trigger.objects.exists()


def test_ids_have_the_length_of_the_setting(root: Client, settings: Any) -> None:
    settings.III_MAX_ID_LENGTH = 5
    document = problem(send(root, "POST", LIST, {**GOOD, "function_id": "123456"}), 400)
    assert fields(document) == {"/function_id": "Ids have at most 5 characters."}


def test_a_thousand_unknown_keys_are_not_all_told(root: Client) -> None:
    body = {**GOOD, **{f"key-{number}" + "x" * 500: 1 for number in range(1000)}}
    response = send(root, "POST", LIST, body)
    assert len(problem(response, 400)["errors"]) == 20
    assert len(response.content) < 20_000
