"""Workers written with the published SDKs, unmodified, against a running engine.

Function ids and paths begin with the name of the SDK: all workers share one engine.
"""

from __future__ import annotations

import pytest

from .engines import Engine
from .environments import SDKS, Sdk
from .eventually import eventually
from .fleet import Fleet
from .workers import CallFailed, Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]


def offer(worker: Worker, behaviour: str, *, suffix: str = "") -> str:
    """Register a function and return its id once the engine knows it."""
    function_id = f"{worker.name}.{behaviour}{suffix}"
    worker.do("register_function", function_id=function_id, behaviour=behaviour)
    assert function_id in worker.do("list_functions")
    return function_id


def bind(worker: Worker, function_id: str, *, kind: str = "http", **config: str) -> str:
    """Register a trigger and return the test's key for it once the engine has seen it."""
    key = f"{kind} {function_id} {config}"
    worker.do(
        "register_trigger", key=key, trigger_type=kind, function_id=function_id, config=config
    )
    worker.do("list_functions")
    return key


def route(worker: Worker, function_id: str, path: str, *, method: str = "POST") -> str:
    """Register an ``http`` trigger below the worker's own path and return its key."""
    return bind(worker, function_id, api_path=f"{worker.name}/{path}", http_method=method)


def test_greet_answers_over_http(engine: Engine, worker: Worker) -> None:
    route(worker, offer(worker, "greet"), "greet")
    answer = engine.request("POST", f"/{worker.name}/greet", {"name": "Ada"})
    assert (answer.status, answer.body) == (200, {"message": "Hello, Ada!"})
    assert answer.headers["content-type"].startswith("application/json")


def test_path_and_query_parameters_reach_the_function(engine: Engine, worker: Worker) -> None:
    pattern = f"{worker.name}/users/:id"
    route(worker, offer(worker, "describe"), "users/:id", method="GET")
    answer = engine.request("GET", f"/{worker.name}/users/42?q=a+b")
    assert answer.status == 200
    assert answer.body == {
        "method": "GET",
        "path": f"/{worker.name}/users/42",
        "path_params": {"id": "42"},
        "query_params": {"q": "a b"},
        "body": None,
        "trigger": {"type": "http", "path": pattern, "method": "GET"},
        "id": "42",
        "q": "a b",
    }


def test_a_result_with_a_status_code_is_the_whole_response(engine: Engine, worker: Worker) -> None:
    route(worker, offer(worker, "respond"), "respond")
    answer = engine.request("POST", f"/{worker.name}/respond", {"n": 1})
    assert (answer.status, answer.body) == (201, {"made": {"n": 1}})
    assert answer.headers["x-greeting"] == "yes"


def test_a_function_that_returns_nothing_is_204(engine: Engine, worker: Worker) -> None:
    route(worker, offer(worker, "note", suffix=".http"), "note")
    answer = engine.request("POST", f"/{worker.name}/note", {"n": 1})
    assert (answer.status, answer.body) == (204, "")


def test_a_function_that_fails_is_a_500_in_json(engine: Engine, worker: Worker) -> None:
    route(worker, offer(worker, "fail"), "fail")
    answer = engine.request("POST", f"/{worker.name}/fail", {})
    assert answer.status == 500
    assert answer.body["error"]["code"] == "invocation_failed"
    assert answer.body["error"]["error_id"]
    assert "Traceback" not in str(answer.body)
    assert ".py" not in str(answer.body)


def test_a_worker_calls_a_function_of_another_worker(worker: Worker, partner: Worker) -> None:
    function_id = offer(partner, "greet", suffix=f".for.{worker.name}")
    assert worker.call(function_id, {"name": "Ada"}) == {"message": "Hello, Ada!"}


def test_a_function_calls_another_of_its_own_worker(worker: Worker) -> None:
    inner = offer(worker, "greet", suffix=".inner")
    outer = offer(worker, "relay")
    called = worker.call(outer, {"function_id": inner, "data": {"name": "Ada"}})
    assert called == {"message": "Hello, Ada!"}


def test_a_call_that_fails_carries_the_code_of_the_error(worker: Worker, partner: Worker) -> None:
    function_id = offer(partner, "fail", suffix=f".for.{worker.name}")
    with pytest.raises(CallFailed, match="no greeting today") as failed:
        worker.call(function_id, {})
    assert failed.value.code == "invocation_failed"


def test_a_call_of_an_unknown_function_fails_at_once(worker: Worker) -> None:
    with pytest.raises(CallFailed, match=r"Function no\.such\.function not found") as failed:
        worker.call("no.such.function", {})
    assert failed.value.code == "function_not_found"


def test_a_forgotten_call_arrives_with_its_caller(worker: Worker, partner: Worker) -> None:
    function_id = offer(partner, "note", suffix=f".for.{worker.name}")
    worker.do("call_void", function_id=function_id, data={"n": 1})
    noted = partner.event("noted", function_id=function_id)["input"]
    assert noted.pop("_caller_worker_id")
    assert noted == {"n": 1}


def test_a_call_without_data_arrives_as_null(worker: Worker, partner: Worker) -> None:
    function_id = offer(partner, "note", suffix=f".null.{worker.name}")
    assert worker.call(function_id) is None
    assert partner.event("noted", function_id=function_id)["input"] is None


def test_a_trigger_of_a_workers_own_type_reaches_it_and_fires(
    worker: Worker, partner: Worker
) -> None:
    kind = f"{worker.name}.slack"
    target = offer(partner, "greet", suffix=f".{kind}")
    worker.do("register_trigger_type", type_id=kind, description="Slack events")
    worker.do("list_functions")
    key = bind(partner, target, kind=kind, channel="#general")
    added = worker.event("trigger_added", function_id=target)
    assert added["config"] == {"channel": "#general"}
    assert worker.do("fire", payload={"name": "Ada"}) == [{"message": "Hello, Ada!"}]
    partner.do("undo", key=key)
    if worker.sdk.hears_unregister:
        worker.event("trigger_removed", id=added["id"])


def test_a_trigger_that_came_before_its_type_is_delivered_once(
    worker: Worker, partner: Worker
) -> None:
    kind = f"{worker.name}.late"
    target = offer(partner, "greet", suffix=f".{kind}")
    bind(partner, target, kind=kind, channel="#early")
    worker.do("register_trigger_type", type_id=kind, description="Comes late")
    worker.do("list_functions")
    added = worker.event("trigger_added", function_id=target)
    assert added["config"] == {"channel": "#early"}
    assert worker.events("trigger_added", function_id=target) == []


def test_a_type_that_went_and_came_back_gets_its_triggers_again(
    worker: Worker, partner: Worker
) -> None:
    kind = f"{worker.name}.again"
    target = offer(partner, "greet", suffix=f".{kind}")
    worker.do("register_trigger_type", type_id=kind, description="Comes twice")
    worker.do("list_functions")
    bind(partner, target, kind=kind)
    first = worker.event("trigger_added", function_id=target)
    worker.do("undo", key=kind)
    worker.do("list_functions")
    worker.do("register_trigger_type", type_id=kind, description="Comes twice")
    again = worker.event("trigger_added", function_id=target)
    assert again["id"] == first["id"]


def test_a_route_is_gone_when_its_trigger_is_unregistered(engine: Engine, worker: Worker) -> None:
    path = f"/{worker.name}/brief"
    key = route(worker, offer(worker, "greet", suffix=".brief"), "brief")
    assert engine.request("POST", path, {"name": "Ada"}).status == 200
    worker.do("undo", key=key)
    worker.do("list_functions")
    assert engine.request("POST", path, {"name": "Ada"}).status == 404


@pytest.mark.parametrize(
    "sdk", [one for one in SDKS if one.unregisters_functions], ids=lambda sdk: sdk.name
)
def test_a_route_to_an_unregistered_function_is_503(engine: Engine, worker: Worker) -> None:
    function_id = offer(worker, "greet", suffix=".withdrawn")
    route(worker, function_id, "withdrawn")
    worker.do("undo", key=function_id)
    assert function_id not in worker.do("list_functions")
    answer = engine.request("POST", f"/{worker.name}/withdrawn", {"name": "Ada"})
    assert answer.status == 503
    assert answer.body["error"]["code"] == "WORKER_UNAVAILABLE"


@pytest.mark.parametrize("sdk", [one for one in SDKS if one.reattaches], ids=lambda sdk: sdk.name)
def test_a_refused_trigger_is_reported_to_its_worker(worker: Worker) -> None:
    bind(worker, offer(worker, "greet", suffix=".refused"), http_method="GET")
    worker.wait_logged("api_path is required for http triggers", timeout_s=10)


@pytest.mark.parametrize("sdk", SDKS[:1], ids=lambda sdk: sdk.name)
def test_the_oldest_name_of_the_http_type_works(engine: Engine, worker: Worker) -> None:
    function_id = offer(worker, "greet", suffix=".api")
    bind(worker, function_id, kind="api", api_path="/oldest/greet", http_method="POST")
    assert engine.request("POST", "/oldest/greet", {"name": "Ada"}).status == 200


def test_every_sdk_lists_the_workers_and_no_telemetry_sockets(fleet: Fleet, worker: Worker) -> None:
    names = {fleet[sdk].name for sdk in SDKS}

    def of_the_fleet() -> list[str]:
        return sorted(name for name in worker.do("list_workers") if name in names or not name)

    eventually(of_the_fleet, lambda found: found == sorted(names))


@pytest.mark.parametrize("sdk", SDKS[1:2], ids=lambda sdk: sdk.name)
def test_the_sdk_that_lists_triggers_finds_its_own(worker: Worker) -> None:
    function_id = offer(worker, "greet", suffix=".listed")
    route(worker, function_id, "listed")
    assert ["http", function_id] in worker.do("list_triggers")


def test_workers_say_which_sdk_they_run(fleet: Fleet, sdk: Sdk) -> None:
    name = fleet[sdk].name
    found = fleet[SDKS[-1]].call("engine::workers::list", {})["workers"]
    (about,) = [one for one in found if one["name"] == name]
    assert about["version"] == sdk.version
    assert about["runtime"] == ("python" if sdk.registry == "pypi" else "node")
    assert about["function_count"] == len(about["functions"])
