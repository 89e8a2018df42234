"""The door to the metrics is closed, and opens for who may read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from iii_triggers import metrics_views
from iii_triggers.engine.core import Engine
from iii_triggers.engine.process import process_engine
from tests.operations.metrics.reading import parsed, values

URL = "/iii/metrics"
TOKEN = "scrape-me"
ELSEWHERE = "192.0.2.7"


@pytest.fixture(autouse=True)
def background(transactional_db: None, quiet: None) -> Iterator[Engine]:
    process_engine.replace(Engine())
    engine = process_engine.start_in_background()
    with override_settings(III_METRICS_TOKEN=TOKEN):
        yield engine
    process_engine.stop_in_background()
    process_engine.replace(None)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def log_in(client: Client, *codenames: str, **facts: Any) -> None:
    user = User.objects.create_user("u", **{"is_staff": True, **facts})
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


def test_the_token_opens_from_anywhere(client: Client) -> None:
    answer = client.get(URL, headers=bearer(TOKEN), REMOTE_ADDR=ELSEWHERE)
    assert (answer.status_code, answer["cache-control"]) == (200, "no-store")
    assert values(parsed(answer.text), "iii_database_up") == {(): 1}


@pytest.mark.parametrize(
    "authorization",
    [f"Bearer {TOKEN}x", "Bearer ", "Bearer", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"],
)
@override_settings(DEBUG=True)
def test_a_wrong_token_opens_nothing_not_even_on_this_machine(
    client: Client, authorization: str
) -> None:
    answer = client.get(URL, headers={"Authorization": authorization})
    assert (answer.status_code, answer["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["code"] == "AUTH_ERROR"
    assert answer.json()["error"]["message"] and answer.json()["error"]["error_id"]


@override_settings(III_METRICS_TOKEN="")
def test_without_a_token_in_the_settings_none_is_right(client: Client) -> None:
    assert client.get(URL, headers=bearer("")).status_code == 401
    assert client.get(URL, headers={"Authorization": "Bearer"}).status_code == 401


@pytest.mark.parametrize(
    ("debug", "allowed", "address", "forwarded", "status"),
    [
        (True, True, "127.0.0.1", {}, 200),
        (True, True, "::1", {}, 200),
        (False, True, "127.0.0.1", {}, 401),
        (True, False, "127.0.0.1", {}, 401),
        (True, True, ELSEWHERE, {}, 401),
        (True, True, "", {}, 401),
        (True, True, "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
        (True, True, "127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 401),
    ],
)
def test_processes_of_this_machine_need_no_token_in_development(
    client: Client, debug: bool, allowed: bool, address: str, forwarded: dict[str, str], status: int
) -> None:
    with override_settings(DEBUG=debug, III_ALLOW_LOOPBACK_WORKERS=allowed):
        answer = client.get(URL, headers=forwarded, REMOTE_ADDR=address)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("facts", "codenames", "status"),
    [
        ({}, ["view_node"], 200),
        ({"is_superuser": True}, [], 200),
        ({}, ["view_worker"], 403),
        ({"is_staff": False}, ["view_node"], 403),
    ],
)
def test_users_need_the_permission_to_view_nodes(
    client: Client, facts: dict[str, bool], codenames: list[str], status: int
) -> None:
    log_in(client, *codenames, **facts)
    answer = client.get(URL, REMOTE_ADDR=ELSEWHERE)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["code"] == "FORBIDDEN"


@override_settings(MIDDLEWARE=[])
def test_a_site_that_knows_no_users_has_the_token(client: Client) -> None:
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers=bearer(TOKEN)).status_code == 200


def test_it_is_read_only(client: Client) -> None:
    assert client.post(URL, headers=bearer(TOKEN)).status_code == 405
    answer = client.head(URL, headers=bearer(TOKEN))
    assert (answer.status_code, answer.content) == (200, b"")


def test_prometheus_may_ask_for_openmetrics(client: Client) -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    answer = client.get(URL, headers={**bearer(TOKEN), "Accept": accept})
    assert answer["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    metrics = list(text_string_to_metric_families(answer.text))
    assert values(metrics, "iii_workers_connected") == {(): 0}


def test_without_the_package_it_says_what_to_install(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_views, "find_spec", lambda name: None)
    answer = client.get(URL, headers=bearer(TOKEN))
    assert answer.status_code == 501
    assert "pip install 'iii-triggers[metrics]'" in answer.json()["error"]["message"]
    assert client.get(URL).status_code == 401
