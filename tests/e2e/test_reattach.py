"""A worker loses its network and comes back; the engine still holds its old, half-open connection.

Everything the worker registered must be there exactly once, and run once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.cables import Cable
from tests.processes.sockets import BareWorker

from .engines import Engine
from .environments import SDKS, Sdk, SdkUnavailable
from .eventually import eventually
from .test_published_sdks import bind, offer
from .workers import Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

FIRST = Sdk(
    name="python_0_21_8",
    registry="pypi",
    version="0.21.8",
    program="python_0_21_8.py",
    requirements=("iii-sdk==0.21.8",),
    reattaches=True,
    enqueues=True,
)
"""The first version that says which worker it was."""

REATTACHING = [FIRST, *(sdk for sdk in SDKS if sdk.reattaches)]
BACK_S = 40.0


@pytest.fixture
def cable(engine: Engine) -> Iterator[Cable]:
    with Cable("127.0.0.1", engine.worker_port) as cable:
        yield cable


@pytest.fixture
def probe(engine: Engine) -> Iterator[Probe]:
    with BareWorker(engine.worker_url) as worker:
        yield Probe(worker)


@pytest.fixture(params=REATTACHING, ids=lambda sdk: sdk.name)
def traveller(
    request: pytest.FixtureRequest, engine: Engine, cable: Cable, tmp_path: Path
) -> Iterator[Worker]:
    """A worker whose connections run through the cable."""
    sdk: Sdk = request.param
    name = f"traveller-{sdk.name}"
    try:
        worker = Worker(sdk, url=f"ws://127.0.0.1:{cable.port}", name=name, home=tmp_path / "home")
    except SdkUnavailable as reason:
        pytest.skip(str(reason))
    try:
        worker.wait_ready()
        yield worker
    finally:
        worker.kill()


class Probe:
    """Asks the engine what it has."""

    def __init__(self, worker: BareWorker) -> None:
        self._worker = worker
        self._numbers = itertools.count()

    def ask(self, function_id: str, data: Any = None) -> Any:
        number = str(next(self._numbers))
        call = {"function_id": function_id, "data": data or {}, "invocation_id": number}
        self._worker.send(type="invokefunction", **call)
        while (answer := self._worker.receive()).get("invocation_id") != number:
            pass
        assert "error" not in answer, answer
        return answer.get("result")

    def ids_of(self, name: str) -> list[str]:
        """Return the ids of the connected workers of this name."""
        rows = self.ask("engine::workers::list")["workers"]
        return [row["id"] for row in rows if row["name"] == name]

    def functions_of(self, name: str) -> list[str]:
        rows = self.ask("engine::functions::list")["functions"]
        return sorted(
            row["function_id"] for row in rows if row["function_id"].startswith(f"{name}.")
        )

    def triggers_of(self, name: str) -> list[tuple[str, str]]:
        rows = self.ask("engine::registered-triggers::list")["registered_triggers"]
        return sorted(
            (row["trigger_type"], row["function_id"])
            for row in rows
            if row["function_id"].startswith(f"{name}.")
        )


def test_a_worker_with_a_lingering_old_connection_has_everything_once(
    engine: Engine, cable: Cable, traveller: Worker, probe: Probe
) -> None:
    name = traveller.name
    kind = f"type-of-{name}"
    traveller.do("register_trigger_type", type_id=kind, description="Goes along")
    greet = offer(traveller, "greet")
    noted, ticked = offer(traveller, "note", suffix=".topic"), offer(traveller, "note", suffix=".s")
    bind(traveller, greet, api_path=name, http_method="POST")
    bind(traveller, greet, kind=kind, n="1")
    bind(traveller, noted, kind="queue", topic=name)
    bind(traveller, ticked, kind="cron", expression="* * * * * *")
    traveller.event("trigger_added", function_id=greet)
    functions, triggers, [before] = (
        probe.functions_of(name),
        probe.triggers_of(name),
        probe.ids_of(name),
    )
    assert len(functions) == 3
    assert [one for one, _ in triggers] == sorted(["http", kind, "queue", "cron"])
    slots = [one["input"]["scheduled_time"] for one in events(traveller, ticked)]

    assert cable.drop_clients()
    eventually(
        lambda: probe.ids_of(name),
        lambda ids: len(ids) == 1 and ids != [before],
        timeout_s=BACK_S,
    )
    traveller.event("trigger_added", function_id=greet, timeout_s=BACK_S)
    assert probe.functions_of(name) == functions
    assert probe.triggers_of(name) == triggers
    assert not traveller.events("trigger_added", function_id=greet)
    assert engine.request("POST", f"/{name}", {"name": "Ada"}).body == {"message": "Hello, Ada!"}
    for number in range(3):
        probe.ask("enqueue", {"topic": name, "data": number})
    inputs = [traveller.event("noted", function_id=noted)["input"] for _ in range(3)]
    assert sorted(inputs) == [0, 1, 2]
    eventually(lambda: len(events(traveller, ticked)), lambda n: n >= len(slots) + 3)
    slots = [one["input"]["scheduled_time"] for one in events(traveller, ticked)]
    assert len(slots) == len(set(slots))
    assert not events(traveller, noted)


def events(worker: Worker, function_id: str) -> list[dict[str, Any]]:
    return worker.events("noted", function_id=function_id)
