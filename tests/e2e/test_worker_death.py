"""What becomes of a worker that is killed: of its routes, its functions and its callers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from .engines import Engine
from .environments import Sdk
from .eventually import eventually
from .fleet import Fleet
from .workers import CallFailed, Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

GONE_S = 1.0


@pytest.fixture
def victim(fleet: Fleet, sdk: Sdk) -> Worker:
    """A worker to kill, with a route to a function that waits and one that greets."""
    victim = fleet.start(sdk, name=f"victim-{sdk.name}")
    for behaviour in ("wait", "greet"):
        function_id = f"{victim.name}.{behaviour}"
        victim.do("register_function", function_id=function_id, behaviour=behaviour)
        victim.do(
            "register_trigger",
            key=behaviour,
            trigger_type="http",
            function_id=function_id,
            config={"api_path": f"{victim.name}/{behaviour}", "http_method": "POST"},
        )
    assert f"{victim.name}.greet" in victim.do("list_functions")
    return victim


def test_its_routes_and_functions_are_gone_within_a_second(
    engine: Engine, victim: Worker, partner: Worker
) -> None:
    path, function_id = f"/{victim.name}/greet", f"{victim.name}.greet"
    assert engine.request("POST", path, {"name": "Ada"}).status == 200
    victim.kill()
    killed_at = time.monotonic()
    eventually(lambda: engine.request("POST", path, {}).status, lambda status: status == 404)
    with pytest.raises(CallFailed) as failed:
        partner.call(function_id, {"name": "Ada"})
    assert failed.value.code == "function_not_found"
    assert function_id not in partner.do("list_functions")
    assert time.monotonic() - killed_at < GONE_S


def test_a_worker_that_waits_for_it_gets_invocation_stopped(
    victim: Worker, partner: Worker
) -> None:
    call = partner.start("call", function_id=f"{victim.name}.wait", data={})
    victim.event("started")
    victim.kill()
    with pytest.raises(CallFailed, match="Invocation stopped") as failed:
        partner.outcome(call, timeout_s=GONE_S)
    assert failed.value.code == "invocation_stopped"


def test_an_http_caller_that_waits_for_it_gets_a_503_in_json(
    engine: Engine, victim: Worker
) -> None:
    with ThreadPoolExecutor() as pool:
        request = pool.submit(engine.request, "POST", f"/{victim.name}/wait", {})
        victim.event("started")
        victim.kill()
        answer = request.result(GONE_S)
    assert answer.status == 503
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.body["error"]["code"] == "WORKER_UNAVAILABLE"
    assert answer.body["error"]["error_id"]


def test_a_route_of_the_admin_to_its_function_is_503_until_it_is_back(
    engine: Engine, fleet: Fleet, victim: Worker
) -> None:
    path, function_id = f"/admin/{victim.name}", f"{victim.name}.greet"
    engine.add_triggers({path: function_id})
    eventually(
        lambda: engine.request("POST", path, {"name": "Ada"}).status, lambda status: status == 200
    )
    victim.kill()
    eventually(
        lambda: engine.request("POST", path, {}).status,
        lambda status: status == 503,
        timeout_s=GONE_S,
    )
    again = fleet.start(victim.sdk, name=f"{victim.name}-again")
    again.do("register_function", function_id=function_id, behaviour="greet")
    again.do("list_functions")
    assert engine.request("POST", path, {"name": "Ada"}).body == {"message": "Hello, Ada!"}
