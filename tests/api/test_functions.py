"""Functions over REST: who offers what, and running one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.utils.http import urlencode

from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.models import Function, Worker
from tests.support.site import declare
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

from .calling import API, answered, fields, problem, send
from .conftest import Login

LIST = "functions/"
Connect = Callable[..., Awaitable[FakeWorker]]


def offer(function_id: str, **values: Any) -> Function:
    return Function.objects.create(function_id=function_id, **values)


def found(client: Client, **query: str) -> list[str]:
    rows = send(client, "GET", f"{LIST}?{urlencode(query)}").json()["results"]
    return [row["function_id"] for row in rows]


def test_the_list_has_a_row_for_each_offer(root: Client, make_worker: Any) -> None:
    worker: Worker = make_worker()
    offer("a", worker=worker, description="<b>", metadata={"k": 1})
    offer("a")
    offer("b", namespace="blue")
    rows = send(root, "GET", LIST).json()["results"]
    assert [(row["function_id"], row["worker_name"]) for row in rows] == [
        ("b", ""),
        ("a", ""),
        ("a", "w"),
    ]
    assert (rows[2]["worker"], rows[2]["metadata"]) == (worker.pk, {"k": 1})
    assert rows[1]["worker"] is None
    assert found(root, function="a", namespace="default") == ["a", "a"]
    assert found(root, worker=worker.pk) == ["a"]
    assert found(root, namespace="blue") == ["b"]
    assert found(root, function="c") == []


def test_a_page_of_functions_is_one_query(
    root: Client, make_worker: Any, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        offer(str(number), worker=make_worker())
    with django_assert_num_queries(3):
        assert len(send(root, "GET", LIST).json()["results"]) == 5


def test_a_function_tells_who_offers_it(root: Client, make_worker: Any) -> None:
    offer("a.b", worker=make_worker())
    offer("a.b", worker=make_worker())
    offer("a.b", namespace="blue")
    answer = send(root, "GET", f"{LIST}a.b/").json()
    assert (answer["function_id"], answer["namespace"]) == ("a.b", "default")
    assert [row["worker_name"] for row in answer["offers"]] == ["w", "w"]
    assert len(send(root, "GET", f"{LIST}a.b/?namespace=blue").json()["offers"]) == 1
    problem(send(root, "GET", f"{LIST}a.b/?namespace=red"), 404)
    problem(send(root, "GET", f"{LIST}c/"), 404)
    assert list(fields(problem(send(root, "GET", f"{LIST}a.b/?x=1"), 400))) == ["x"]


@pytest.mark.parametrize("id_", ["engine::x", "a/b", "a/invoke/b", "é", "a b", "a%b", ".."])
def test_any_id_has_an_address(root: Client, id_: str) -> None:
    offer(id_)
    path = API + LIST + id_.replace("%", "%25") + "/"
    answer = root.get(path)
    assert (answer.status_code, answer.json()["function_id"]) == (200, id_)


@pytest.mark.parametrize("id_", ["%00", "a%00b", "%FF"])
def test_an_id_that_cannot_be_is_not_found(root: Client, id_: str) -> None:
    problem(send(root, "GET", f"{LIST}{id_}/"), 404)


def test_values_of_headers_stay_hidden(root: Client) -> None:
    offer("f", invocation={"url": "https://example.org", "headers": {"x-key": "hush"}})
    answer = send(root, "GET", f"{LIST}f/")
    assert b"hush" not in answer.content
    assert answer.json()["offers"][0]["invocation"]["headers"] == ["x-key"]


class TestInvoking:
    """Functions that run because somebody asked over REST."""

    async def test_the_answer_is_the_result(
        self, caller: Client, engine: Engine, connect: Connect, settings: Any
    ) -> None:
        settings.III_HISTORY = "all"
        worker = await connect("a/b")
        body = {"data": {"n": 1}, "metadata": {"m": 2}}
        given, response = await answered(
            worker, lambda: send(caller, "POST", f"{LIST}a/b/invoke/", body), result=[2]
        )
        answer = response.json()
        (call,) = worker.transport.of_type("invokefunction")
        assert (given, call["metadata"]) == ({"n": 1}, {"m": 2})
        assert response.status_code == 200
        assert (answer["status"], answer["result"]) == ("succeeded", [2])
        run = await in_thread(lambda: caller.get(response["Location"]).json())
        assert (run["function_id"], run["trigger_type"]) == ("a/b", "")
        [entry] = await engine.database.run(lambda: list(LogEntry.objects.all()))
        assert entry.object_repr == "a/b"
        assert entry.change_message == "Invoked through the REST API."

    async def test_an_error_of_the_function_is_a_problem(
        self, caller: Client, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        error = {"code": "no_money", "message": "The <b>bank</b> is closed."}
        _, response = await answered(
            worker, lambda: send(caller, "POST", f"{LIST}f/invoke/"), error=error
        )
        document = problem(response, 422)
        assert (document["code"], document["detail"]) == ("no_money", error["message"])
        assert "/runs/" in response["Location"]

    async def test_a_function_that_takes_too_long_is_a_problem(
        self, caller: Client, engine: Engine, connect: Connect
    ) -> None:
        await connect("f")
        body = {"timeout_s": 0.01}
        response = await in_thread(lambda: send(caller, "POST", f"{LIST}f/invoke/", body))
        assert problem(response, 422)["code"] == "TIMEOUT"

    async def test_nobody_waits_who_does_not_want_to(
        self, caller: Client, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        body = {"wait_s": 0}
        response = await in_thread(lambda: send(caller, "POST", f"{LIST}f/invoke/", body))
        assert (response.status_code, response.json()["status"]) == (202, "running")
        assert len(worker.transport.of_type("invokefunction")) == 1

    async def test_a_function_nobody_offers_is_not_found(
        self, caller: Client, engine: Engine, connect: Connect
    ) -> None:
        await connect("f")
        for body in ({"namespace": "blue"}, {"namespace": "blue", "wait_s": 0}):
            response = await in_thread(lambda b=body: send(caller, "POST", f"{LIST}f/invoke/", b))
            assert problem(response, 404)["code"] == "function_not_found"

    async def test_a_function_of_the_site_runs(
        self, caller: Client, site: SiteFunctions, engine: Engine
    ) -> None:
        engine.functions.add_local(declare(site, "local", lambda data: data))
        body = {"data": [None]}
        response = await in_thread(lambda: send(caller, "POST", f"{LIST}local/invoke/", body))
        assert response.json()["result"] == [None]

    async def test_a_result_nested_too_deeply_is_no_failure_of_ours(
        self, caller: Client, engine: Engine, connect: Connect
    ) -> None:
        result: Any = []
        for _ in range(900):
            result = [result]
        worker, path = await connect("f"), f"{API}{LIST}f/invoke/"
        page = {"Accept": "text/html"}
        _, response = await answered(
            worker, lambda: caller.generic("POST", path, headers=page), result=result
        )
        assert (response.status_code, b"nested too deeply" in response.content) == (422, True)

    async def test_no_transaction_is_open_while_it_runs(
        self, caller: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        response = await in_thread(lambda: send(caller, "POST", f"{LIST}f/invoke/"))
        problem(response, 404)
        # Had there been one, the error would have undone it.
        assert await engine.database.run(LogEntry.objects.count) == 1

    @pytest.mark.parametrize("id_", ["state::set", "engine::functions::list", "publish"])
    async def test_functions_of_the_engine_cannot_be_called(
        self, caller: Client, engine: Engine, id_: str
    ) -> None:
        response = await in_thread(lambda: send(caller, "POST", f"{LIST}{id_}/invoke/"))
        assert problem(response, 403)["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"wait_s": 61}, "/wait_s"),
        ({"timeout_s": 0}, "/timeout_s"),
        ({"timeout_s": "5"}, "/timeout_s"),
        ({"timeout_s": 10**9}, "/timeout_s"),
        ({"namespace": ""}, "/namespace"),
        ({"namespace": 5}, "/namespace"),
        ({"namespace": "a" * 256}, "/namespace"),
        ({"function_id": "f"}, "/function_id"),
        ([], ""),
    ],
)
def test_a_bad_body_is_pointed_at(login: Login, body: Any, field: str) -> None:
    client = login("invoke_function")
    document = problem(send(client, "POST", f"{LIST}f/invoke/", body), 400)
    assert list(fields(document)) == [field]
