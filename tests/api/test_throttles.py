"""Nobody calls more often than the site allows."""

from __future__ import annotations

from typing import Any

from django.test import Client

from .calling import problem, send
from .conftest import Login

LIST = "trigger-types/"


def test_one_call_too_many_is_told_when_to_come_back(login: Login, settings: Any) -> None:
    settings.III_API_THROTTLES = {"read": "2/h"}
    client = login("view_triggertype")
    assert [send(client, "GET", LIST).status_code for _ in range(2)] == [200, 200]
    response = send(client, "GET", LIST)
    assert problem(response, 429)["code"] == "throttled"
    assert 3590 <= int(response["Retry-After"]) <= 3600


def test_everybody_is_counted_alone(login: Login, settings: Any) -> None:
    settings.III_API_THROTTLES = {"read": "1/h"}
    for client in (login("view_triggertype"), login("view_triggertype")):
        assert send(client, "GET", LIST).status_code == 200


def test_a_scope_without_a_limit_is_not_counted(root: Client, settings: Any) -> None:
    settings.III_API_THROTTLES = {"read": ""}
    for _ in range(3):
        assert send(root, "GET", LIST).status_code == 200
