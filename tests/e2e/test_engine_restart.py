"""An engine that is stopped or killed and started again, with workers of every SDK on it.

The workers are left alone: they notice, wait and come back by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.sdk_matrix.versions import sdk_of

from .engines import Engine
from .environments import SDKS
from .eventually import eventually
from .fleet import Fleet
from .workers import Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

# The SDKs wait 1, 2, 4, 8 ... s, give or take 30 %, between their attempts.
BACK_S = 40.0
# The oldest take three close codes for an end to all connections, the middle ones an HTTP error.
UNFORGIVING = [
    sdk_of("pypi", version) for version in ("0.0.2", "0.9.0", "0.21.3", "0.24.0", "0.25.0")
]
ROUTES = [f"/{place}{sdk.name}" for place in ("", "admin/") for sdk in SDKS]


def end_by_sigterm(engine: Engine) -> None:
    engine.process.terminate()
    engine.process.wait()


def end_by_sigkill(engine: Engine) -> None:
    engine.process.kill()


def serve(worker: Worker, behaviour: str, path: str) -> str:
    """Register a function and a route to it; return the function's id."""
    function_id = f"{worker.name}.{behaviour}"
    config = {"api_path": path, "http_method": "POST"}
    worker.do("register_function", function_id=function_id, behaviour=behaviour)
    worker.do(
        "register_trigger",
        key=function_id,
        trigger_type="http",
        function_id=function_id,
        config=config,
    )
    assert function_id in worker.do("list_functions")
    return function_id


def status(engine: Engine, path: str) -> int:
    return engine.request("POST", path, {"name": "Ada"}).status


def greets(engine: Engine, path: str) -> bool:
    answer = engine.request("POST", path, {"name": "Ada"})
    return (answer.status, answer.body) == (200, {"message": "Hello, Ada!"})


def wait_for_routes(engine: Engine) -> None:
    for path in ROUTES:
        eventually(partial(greets, engine, path), bool, timeout_s=BACK_S)


@pytest.fixture(scope="module")
def settled(engine: Engine, fleet: Fleet) -> Fleet:
    """Workers of every SDK with a route each, and a trigger of the admin to each function."""
    functions = {f"admin/{sdk.name}": serve(fleet[sdk], "greet", sdk.name) for sdk in SDKS}
    engine.add_triggers({**functions, "admin/nobody": "nobody.home"})
    eventually(lambda: status(engine, "/admin/nobody"), lambda found: found == 503)
    return fleet


@pytest.fixture(autouse=True)
def up_again(engine: Engine, settled: Fleet) -> None:
    """Every test begins with a running engine and all workers on it."""
    if not engine.process.is_running:
        engine.start()
    wait_for_routes(engine)


@pytest.fixture(scope="module")
def versions(engine: Engine, settled: Fleet) -> list[str]:
    """Workers of the versions that forgive the least, with a route each; its paths."""
    for sdk in UNFORGIVING:
        serve(settled.start(sdk, name=sdk.name), "greet", sdk.name)
    return [f"/{sdk.name}" for sdk in UNFORGIVING]


@pytest.mark.parametrize("end", [end_by_sigterm, end_by_sigkill])
def test_no_way_to_end_the_engine_keeps_a_version_away(
    engine: Engine, versions: list[str], end: Callable[[Engine], None]
) -> None:
    for path in versions:
        eventually(partial(greets, engine, path), bool, timeout_s=BACK_S)
    end(engine)
    engine.start()
    for path in versions:
        eventually(partial(greets, engine, path), bool, timeout_s=BACK_S)


@pytest.mark.parametrize("end", [end_by_sigterm, end_by_sigkill])
def test_workers_come_back_by_themselves_and_every_route_with_them(
    engine: Engine, settled: Fleet, end: Callable[[Engine], None]
) -> None:
    end(engine)
    with pytest.raises(ConnectionRefusedError):
        engine.request("POST", "/admin/nobody", {})
    engine.start()
    assert status(engine, "/admin/nobody") == 503
    wait_for_routes(engine)


def test_a_worker_that_died_while_the_engine_was_dead_leaves_no_route(
    engine: Engine, settled: Fleet
) -> None:
    doomed = settled.start(SDKS[-1], name="doomed")
    function_id = serve(doomed, "greet", "doomed")
    assert greets(engine, "/doomed")
    assert "doomed" in triggers_of(engine, function_id)
    engine.process.kill()
    doomed.kill()
    engine.start()
    assert status(engine, "/doomed") == 404
    wait_for_routes(engine)
    assert status(engine, "/doomed") == 404
    assert function_id not in settled[SDKS[0]].do("list_functions")
    assert triggers_of(engine, function_id) == ""


def test_triggers_of_a_workers_own_type_reach_it_again_with_the_same_id(
    engine: Engine, settled: Fleet
) -> None:
    provider, consumer = settled[SDKS[-1]], settled[SDKS[2]]
    target = f"{consumer.name}.greet"
    provider.do("register_trigger_type", type_id="restarted", description="Outlives engines")
    consumer.do(
        "register_trigger",
        key="restarted",
        trigger_type="restarted",
        function_id=target,
        config={"channel": "#general"},
    )
    first = provider.event("trigger_added", function_id=target)
    engine.process.kill()
    engine.start()
    again = provider.event("trigger_added", function_id=target, timeout_s=BACK_S)
    assert (again["id"], again["config"]) == (first["id"], {"channel": "#general"})


def test_a_request_in_flight_is_answered_when_the_engine_is_asked_to_stop(
    engine: Engine, settled: Fleet
) -> None:
    worker = settled[SDKS[-1]]
    serve(worker, "wait", "wait")
    with ThreadPoolExecutor() as pool:
        request = pool.submit(engine.request, "POST", "/wait", {})
        worker.event("started")
        engine.process.terminate()
        eventually(lambda: accepts(engine), lambda accepted: not accepted)
        worker.do("release")
        answer = request.result(20)
    engine.process.wait()
    assert (answer.status, answer.body) == (200, {"waited": True})


def test_the_engine_ends_without_complaint_when_asked_to_stop(
    engine: Engine, settled: Fleet
) -> None:
    engine.process.terminate()
    assert engine.process.wait() == 0
    assert "Traceback" not in engine.process.tail()


def accepts(engine: Engine) -> bool:
    """Tell whether the door for HTTP triggers still takes connections."""
    try:
        engine.request("GET", "/nowhere")
    except (ConnectionError, TimeoutError):
        return False
    return True


def triggers_of(engine: Engine, function_id: str) -> str:
    """Return the paths of the stored triggers to a function, read by another process."""
    return engine.manage(
        "shell",
        "--no-imports",
        "-c",
        "from iii_triggers.models import Trigger\n"
        f"for trigger in Trigger.objects.filter(function_id={function_id!r}):\n"
        "    print(trigger.config['api_path'])",
    ).strip()
