"""Workers and nodes over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from iii_triggers.models import Change, Worker

from .calling import API, fields, problem, send

LIST = "workers/"


def names(client: Client, query: str = "") -> list[str]:
    found, address = [], f"{API}{LIST}?{query}"
    while address:
        page = client.get(address).json()
        found += [row["name"] for row in page["results"]]
        address = page["next"]
    return sorted(found)


@pytest.fixture
def workers(db: None, make_worker: Any) -> list[Worker]:
    rows = [make_worker() for _ in range(3)]
    for number, row in enumerate(rows):
        row.name, row.runtime = f"w{number}", ("node", "python", "node")[number]
        row.namespace, row.version = ("default", "blue", "default")[number], str(number)
        row.save()
    return rows


def test_workers_are_listed_and_narrowed(root: Client, workers: list[Worker]) -> None:
    wanted = {
        "": ["w0", "w1", "w2"],
        "page_size=1": ["w0", "w1", "w2"],
        "name=w1": ["w1"],
        "runtime=node": ["w0", "w2"],
        "namespace=blue": ["w1"],
        "version=2": ["w2"],
        "node=other&runtime=python": ["w1"],
        "node=nowhere": [],
        "cursor=0": [],
    }
    assert {query: names(root, query) for query in wanted} == wanted


@pytest.mark.parametrize("query", ["cursor=%00", "name=%00", "pid=5"])
def test_a_bad_parameter_is_named(root: Client, workers: list[Worker], query: str) -> None:
    document = problem(send(root, "GET", f"{LIST}?{query}"), 400)
    assert list(fields(document)) == [query.partition("=")[0]]


def test_a_worker_tells_about_itself(root: Client, workers: list[Worker]) -> None:
    Worker.objects.update(telemetry={"language": "<b>"}, metrics={"invocations_total": 3})
    row = send(root, "GET", f"{LIST}{workers[0].pk}/").json()
    assert (row["name"], row["node"], row["telemetry"]) == ("w0", "other", {"language": "<b>"})
    for pk in ("nobody", "6f1c0000-0000-4000-8000-000000000000", "a%00", "x" * 37):
        problem(send(root, "GET", f"{LIST}{pk}/"), 404)


def test_a_worker_is_disconnected_wherever_it_is(root: Client, workers: list[Worker]) -> None:
    worker = workers[0]
    response = send(root, "POST", f"{LIST}{worker.pk}/disconnect/")
    assert (response.status_code, response.json()["worker_id"]) == (202, worker.pk)
    assert [(row.kind, row.key) for row in Change.objects.all()] == [("worker", worker.pk)]
    entry = LogEntry.objects.get()
    assert entry.change_message == "Disconnected through the REST API."
    problem(send(root, "POST", f"{LIST}nobody/disconnect/"), 404)


def test_a_worker_is_drained_wherever_it_is(root: Client, workers: list[Worker]) -> None:
    worker = workers[0]
    response = send(root, "POST", f"{LIST}{worker.pk}/drain/")
    assert (response.status_code, response.json()["worker_id"]) == (202, worker.pk)
    assert response.json()["draining_since"] is not None
    assert [(row.kind, row.key) for row in Change.objects.all()] == [("drain", worker.pk)]
    assert LogEntry.objects.get().change_message == "Drained through the REST API."
    problem(send(root, "POST", f"{LIST}nobody/drain/"), 404)


def test_nodes_are_listed(root: Client, workers: list[Worker]) -> None:
    (row,) = send(root, "GET", "nodes/?kind=other&host=elsewhere").json()["results"]
    assert (row["node_id"], row["pid"], row["draining_since"]) == ("other", 1, None)
    assert send(root, "GET", "nodes/?kind=asgi").json()["results"] == []
    assert list(fields(problem(send(root, "GET", "nodes/?kind=x"), 400))) == ["kind"]
