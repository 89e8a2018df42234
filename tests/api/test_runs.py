"""Runs over REST: lists of a million, payloads, firing and replays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client, override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.models import Invocation, InvocationPayload, StateItem, Trigger
from iii_triggers.operations import bounded_scan
from tests.support.history import make_run
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

from .calling import API, answered, fields, problem, send
from .conftest import Login

LIST = "runs/"
Connect = Callable[..., Awaitable[FakeWorker]]


def listed(client: Client, query: str = "") -> list[str]:
    """Return the functions of the runs of all pages, the newest first."""
    found, address = [], f"{API}{LIST}?{query}"
    while address:
        page = client.get(address)
        assert page.status_code == 200, page.content
        found += [row["function_id"] for row in page.json()["results"]]
        address = page.json()["next"]
    return found


@pytest.fixture
def runs(db: None) -> list[Invocation]:
    """Three runs, the oldest first."""
    delivery = uuid4()
    return [
        make_run(age=timedelta(hours=2), function_id="a", trigger_id="t", delivery_id=delivery),
        make_run(age=timedelta(hours=1), function_id="b", status="failed", replay_of=uuid4()),
        make_run(function_id="c", status="running", trigger_type="", namespace="blue"),
    ]


def test_a_run_tells_all_but_its_payload(root: Client, runs: list[Invocation]) -> None:
    row = send(root, "GET", f"{LIST}{runs[1].pk}/").json()
    assert (row["status"], row["error"], row["duration_ms"]) == ("failed", "It broke.", 12.5)
    assert send(root, "GET", LIST).json()["results"][1] == row
    problem(send(root, "GET", f"{LIST}{uuid4()}/"), 404)
    problem(send(root, "GET", f"{LIST}{'-' * 36}/"), 404)


def test_the_list_can_be_narrowed(root: Client, runs: list[Invocation]) -> None:
    first, second, _third = runs
    hour_ago = (second.started_at - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    wanted = {
        "": "cba",
        "page_size=1": "cba",
        "status=failed": "b",
        "status=running": "c",
        "status=succeeded": "a",
        "status=succeeded&page_size=1": "a",
        "function=b": "b",
        "function=b&status=running": "",
        "function=b&status=failed&namespace=default": "b",
        "namespace=blue": "c",
        "type=": "c",
        "type=http": "ba",
        "trigger=t": "a",
        "worker=w": "",
        f"delivery={first.delivery_id}": "a",
        f"delivery={first.delivery_id}&status=failed": "",
        f"replay_of={second.replay_of}": "b",
        f"since={hour_ago}": "cb",
        f"until={hour_ago}": "a",
        f"until={hour_ago}&status=failed": "",
        "since=2020-01-01T00:00": "cba",
        "until=0001-01-01T00:00:00Z": "",
        "since=9999-12-31T23:59:59Z": "",
    }
    assert {query: "".join(listed(root, query)) for query in wanted} == wanted


@pytest.mark.parametrize(
    "query",
    [
        "status=dead",
        "delivery=5",
        "replay_of=x",
        "since=yesterday",
        "since=2026-13-01T00:00:00Z",
        "until=5",
        "cursor=5",
        "error=x",
        "function=a&function=b",
    ],
)
def test_a_bad_parameter_is_named(root: Client, query: str) -> None:
    document = problem(send(root, "GET", f"{LIST}?{query}"), 400)
    assert list(fields(document)) == [query.partition("=")[0]]


def test_a_page_looks_at_so_many_runs_only(
    root: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(bounded_scan, "MAX_SCANNED", 3)
    make_run(age=timedelta(hours=1), function_id="rare", status="failed")
    for _ in range(7):
        make_run(function_id="rare")
    address = f"{LIST}?function=rare&status=succeeded&namespace=blue"
    with django_assert_max_num_queries(8):
        page = send(root, "GET", address).json()
    assert page["results"] == []
    assert page["next"] is not None
    assert listed(root, "function=rare&namespace=default") == ["rare"] * 8
    assert listed(root, "namespace=blue") == []


class TestPayload:
    """For those who may see payloads."""

    def test_it_takes_its_own_permission(self, login: Login, runs: list[Invocation]) -> None:
        InvocationPayload.objects.create(run_id=runs[0].pk, input='{"secret": 1}')
        path = f"{LIST}{runs[0].pk}/payload/"
        for codenames in (["view_invocation"], ["view_payload"]):
            response = send(login(*codenames), "GET", path)
            assert b"secret" not in response.content
            problem(response, 403)
        answer = send(login("view_invocation", "view_payload"), "GET", path).json()
        assert (answer["input"], answer["output"]) == ({"secret": 1}, None)

    def test_what_was_cut_is_text(self, root: Client, runs: list[Invocation]) -> None:
        InvocationPayload.objects.create(
            run_id=runs[0].pk, input='{"a', input_cut=True, output="1e999", stacktrace="<b>"
        )
        answer = send(root, "GET", f"{LIST}{runs[0].pk}/payload/").json()
        assert (answer["input"], answer["input_text"]) == (None, '{"a')
        assert (answer["output"], answer["output_text"]) == (None, "1e999")

    @pytest.mark.parametrize("kind", ["text/html", "application/json"])
    def test_what_is_nested_too_deeply_is_text(
        self, root: Client, runs: list[Invocation], kind: str
    ) -> None:
        deep = "[" * 970 + "]" * 970
        InvocationPayload.objects.create(run_id=runs[0].pk, input=deep)
        path = f"{API}{LIST}{runs[0].pk}/payload/"
        response = root.get(path, headers={"Accept": kind})
        assert (response.status_code, deep in response.content.decode()) == (200, True)

    def test_what_was_not_kept_is_not_found(self, root: Client, runs: list[Invocation]) -> None:
        problem(send(root, "GET", f"{LIST}{runs[0].pk}/payload/"), 404)


@pytest.fixture
def recording() -> Iterator[None]:
    with override_settings(III_HISTORY="all"):
        yield


@pytest.mark.usefixtures("recording")
class TestRunning:
    """Functions that run because somebody asked over REST."""

    @pytest.fixture
    def trigger(self, transactional_db: None) -> Trigger:
        return Trigger.objects.create(
            trigger_id="t", trigger_type="state", function_id="f", config={}, enabled=False
        )

    async def test_firing_answers_with_the_result(
        self, caller: Client, trigger: Trigger, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        path = f"triggers/{trigger.pk}/fire/"
        given, response = await answered(
            worker, lambda: send(caller, "POST", path, {"data": {"n": 1}}), result=[2]
        )
        answer = response.json()
        assert (given, response.status_code) == ({"n": 1}, 200)
        assert (answer["status"], answer["result"]) == ("succeeded", [2])
        shown = await in_thread(lambda: caller.get(response["Location"]).json())
        assert (shown["trigger_id"], shown["status"]) == ("t", "succeeded")
        [entry] = await engine.database.run(lambda: list(LogEntry.objects.all()))
        assert entry.change_message == "Fired through the REST API."

    async def test_firing_without_data_gives_what_the_type_gives(
        self, caller: Client, trigger: Trigger, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        path = f"triggers/{trigger.pk}/fire/"
        given, _response = await answered(worker, lambda: send(caller, "POST", path), result=None)
        assert given["event_type"]

    async def test_a_run_that_takes_longer_is_asked_for_later(
        self, caller: Client, trigger: Trigger, engine: Engine, connect: Connect
    ) -> None:
        await connect("f")
        path, body = f"triggers/{trigger.pk}/fire/", {"data": None, "wait_s": 0}
        response = await in_thread(lambda: send(caller, "POST", path, body))
        assert (response.status_code, response.json()["status"]) == (202, "running")
        shown = await in_thread(lambda: caller.get(response["Location"]).json())
        assert shown["status"] == "running"

    async def test_a_function_nobody_offers_is_a_run_that_failed(
        self, caller: Client, trigger: Trigger, engine: Engine
    ) -> None:
        path = f"triggers/{trigger.pk}/fire/"
        response = await in_thread(lambda: send(caller, "POST", path, {"data": 1}))
        answer = response.json()
        assert (response.status_code, answer["status"]) == (200, "failed")
        assert answer["error_code"] == "function_not_found"

    async def test_data_has_a_limit(
        self, caller: Client, trigger: Trigger, engine: Engine, settings: Any
    ) -> None:
        settings.III_MAX_PAYLOAD_BYTES = 10
        path, body = f"triggers/{trigger.pk}/fire/", {"data": "x" * 10}
        problem(await in_thread(lambda: send(caller, "POST", path, body)), 413)

    async def test_replaying_gives_the_same_input_or_another(
        self, caller: Client, engine: Engine, connect: Connect
    ) -> None:
        run = await engine.database.run(lambda: make_run(function_id="f"))
        await engine.database.run(
            lambda: InvocationPayload.objects.create(run_id=run.pk, input='{"n": 1}')
        )
        worker, path = await connect("f"), f"{LIST}{run.pk}/replay/"
        given, response = await answered(worker, lambda: send(caller, "POST", path), result=[2])
        assert (given, response.json()["result"]) == ({"n": 1}, [2])
        shown = await in_thread(lambda: caller.get(response["Location"]).json())
        assert shown["replay_of"] == str(run.pk)
        body = {"data": {"n": 3}}
        given, _response = await answered(worker, lambda: send(caller, "POST", path, body))
        assert given == {"n": 3}

    async def test_the_result_of_a_replay_is_a_payload(
        self, transactional_db: None, login: Login, engine: Engine, connect: Connect
    ) -> None:
        run = await engine.database.run(lambda: make_run(function_id="f"))
        await engine.database.run(
            lambda: InvocationPayload.objects.create(run_id=run.pk, input="1")
        )
        client = await engine.database.run(lambda: login("replay_invocation"))
        worker, path = await connect("f"), f"{LIST}{run.pk}/replay/"
        _given, response = await answered(
            worker, lambda: send(client, "POST", path), result="secret"
        )
        assert (response.json()["status"], response.json()["result"]) == ("succeeded", None)

    async def test_a_call_of_the_engine_is_not_made_anew_with_other_data(
        self, caller: Client, engine: Engine
    ) -> None:
        run = await engine.database.run(lambda: make_run(function_id="state::set", trigger_type=""))
        path, body = f"{LIST}{run.pk}/replay/", {"data": {"scope": "a", "key": "b", "value": 1}}
        response = await in_thread(lambda: send(caller, "POST", path, body))
        assert problem(response, 403)["code"] == "FORBIDDEN"
        assert not await engine.database.run(StateItem.objects.exists)


def test_another_input_is_for_those_who_may_see_payloads(
    login: Login, runs: list[Invocation]
) -> None:
    path, body = f"{LIST}{runs[0].pk}/replay/", {"data": 1, "wait_s": 0}
    assert (
        "view_payload"
        in problem(send(login("replay_invocation"), "POST", path, body), 403)["detail"]
    )


def test_a_run_whose_input_is_not_known_cannot_be_replayed(
    root: Client, runs: list[Invocation]
) -> None:
    document = problem(send(root, "POST", f"{LIST}{runs[0].pk}/replay/"), 409)
    assert document["code"] == "not_replayable"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"wait_s": "soon"}, "/wait_s"),
        ({"wait_s": "5"}, "/wait_s"),
        ({"wait_s": True}, "/wait_s"),
        ({"wait_s": -1}, "/wait_s"),
        ({"wait_s": 61}, "/wait_s"),
        ({"wait_s": 10**400}, "/wait_s"),
        ({"wait": 5}, "/wait"),
    ],
)
def test_a_bad_body_is_pointed_at(
    root: Client, runs: list[Invocation], body: Any, field: str
) -> None:
    for path in (f"{LIST}{runs[0].pk}/replay/", f"triggers/{trigger_pk()}/fire/"):
        assert list(fields(problem(send(root, "POST", path, body), 400))) == [field]


def trigger_pk() -> int:
    return Trigger.objects.get_or_create(trigger_type="x", function_id="f")[0].pk
