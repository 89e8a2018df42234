"""Deliveries over REST: a list of a million, payloads, and the verbs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from iii_triggers.models import Delivery
from iii_triggers.operations import bounded_scan
from tests.admin.deliveries import make

from .calling import API, fields, problem, send
from .conftest import Login

LIST = "deliveries/"


def listed(client: Client, query: str = "") -> str:
    """Return the functions of all pages, the newest first."""
    found, address = "", f"{API}{LIST}?{query}"
    while address:
        page = client.get(address)
        assert page.status_code == 200, page.content
        found += "".join(row["function_id"] for row in page.json()["results"])
        address = page.json()["next"]
    return found


@pytest.fixture
def deliveries(db: None) -> list[Delivery]:
    """Three deliveries, the oldest first."""
    return [
        make(age=timedelta(hours=2), function_id="a", state="dead", trigger_id="t"),
        make(age=timedelta(hours=1), function_id="b", topic="mails", namespace="blue"),
        make(function_id="c", trigger_type="cron", topic=""),
    ]


def test_the_list_can_be_narrowed(root: Client, deliveries: list[Delivery]) -> None:
    since = (timezone.now() - timedelta(minutes=90)).isoformat().replace("+00:00", "Z")
    wanted = {
        "": "cba",
        "page_size=1": "cba",
        "state=dead": "a",
        "state=queued": "cb",
        "state=queued&page_size=1": "cb",
        "topic=mails": "b",
        "topic=mails&state=dead": "",
        "function=a": "a",
        "function=a&state=dead": "a",
        "namespace=blue": "b",
        "type=cron": "c",
        "trigger=t": "a",
        f"since={since}": "cb",
        f"until={since}": "a",
        f"until={since}&state=queued": "",
    }
    assert {query: listed(root, query) for query in wanted} == wanted


@pytest.mark.parametrize("query", ["state=done", "since=x", "cursor=5", "payload=x", "topic=%00"])
def test_a_bad_parameter_is_named(root: Client, deliveries: list[Delivery], query: str) -> None:
    document = problem(send(root, "GET", f"{LIST}?{query}"), 400)
    assert list(fields(document)) == [query.partition("=")[0]]


def test_a_page_looks_at_so_many_deliveries_only(
    root: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(bounded_scan, "MAX_IN_A_ROW", 3)
    make(age=timedelta(hours=1), function_id="r")
    for _ in range(7):
        make(function_id="x")
    with django_assert_max_num_queries(6):
        page = send(root, "GET", f"{LIST}?function=r&namespace=default").json()
    assert page["results"] == []
    assert page["next"] is not None
    assert listed(root, "function=r&namespace=default") == "r"


def test_a_list_reads_no_payload(root: Client, deliveries: list[Delivery]) -> None:
    Delivery.objects.update(payload='"hush"', metadata="hush")
    for path in (LIST, f"{LIST}{deliveries[0].pk}/"):
        assert b"hush" not in send(root, "GET", path).content


def test_a_payload_takes_its_own_permission(login: Login, deliveries: list[Delivery]) -> None:
    Delivery.objects.update(payload='{"secret":1}', metadata={"m": 2})
    path = f"{LIST}{deliveries[0].pk}/payload/"
    for codenames in (["view_delivery"], ["view_payload"]):
        response = send(login(*codenames), "GET", path)
        assert b"secret" not in response.content
        problem(response, 403)
    assert send(login("view_delivery", "view_payload"), "GET", path).json() == {
        "payload": {"secret": 1},
        "payload_text": None,
        "metadata": {"m": 2},
    }


def test_a_payload_that_cannot_be_read_is_text(root: Client) -> None:
    answer = send(root, "GET", f"{LIST}{make(payload='1e999').pk}/payload/").json()
    assert (answer["payload"], answer["payload_text"]) == (None, "1e999")


@pytest.mark.parametrize("pk", ["0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071", "x" * 36, "-" * 36, "%00"])
def test_an_unknown_delivery_is_not_found(root: Client, db: None, pk: str) -> None:
    for method, path in (("GET", ""), ("GET", "payload/"), ("POST", "redrive/")):
        problem(send(root, method, f"{LIST}{pk}/{path}"), 404)


VERBS = {
    # verb: permission, state before, state after, note in the log
    "redrive": ("redrive_delivery", "dead", "queued", "Redriven"),
    "discard": ("redrive_delivery", "dead", "cancelled", "Discarded"),
    "hold": ("hold_delivery", "queued", "held", "Held"),
    "release": ("hold_delivery", "held", "queued", "Released"),
    "cancel": ("hold_delivery", "retry", "cancelled", "Cancelled"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_changes_the_state_and_is_logged(login: Login, verb: str) -> None:
    permission, before, after, note = VERBS[verb]
    row = make(state=before)
    client = login("view_delivery", permission)
    response = send(client, "POST", f"{LIST}{row.pk}/{verb}/")
    assert (response.status_code, response.json()["state"]) == (200, after)
    row.refresh_from_db()
    assert row.state == after
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(row.pk), f"{note} through the REST API.")


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_does_not_fit_changes_nothing(root: Client, verb: str) -> None:
    row = make(state="succeeded")
    document = problem(send(root, "POST", f"{LIST}{row.pk}/{verb}/"), 409)
    assert document["code"] == "wrong_state"
    assert document["detail"].endswith("it is succeeded.")
    assert not LogEntry.objects.exists()
    row.refresh_from_db()
    assert row.state == "succeeded"
