"""Published SDKs as guests of a guarded listener: headers or query tell who they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .engines import Engine
from .environments import SDKS, Sdk, SdkUnavailable
from .eventually import eventually
from .processes import READY_S, Process, environment, free_ports

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

BY_NAME = {sdk.name: sdk for sdk in SDKS}
GUESTS = [
    replace(BY_NAME["node_0_22"], program="guest_node.mjs"),
    replace(BY_NAME["python_0_25"], program="guest_python.py"),
    Sdk(
        name="python_0_11_2",
        registry="pypi",
        version="0.11.2",
        program="guest_python.py",
        requirements=("iii-sdk==0.11.2", "websockets==15.0.1"),
    ),
]

REFUSED = "AUTH_ERROR"


class GuardedEngine(Engine):
    """An engine with a guarded listener of its own port."""

    def __init__(self, *, server: str, folder: Path) -> None:
        (self.gate_port,) = free_ports(1)
        super().__init__(server=server, folder=folder, settings="tests.e2e.gate_settings")
        self._environment["GATE_PORT"] = str(self.gate_port)


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuardedEngine]:
    """A running engine on each server."""
    folder = tmp_path_factory.mktemp(f"guarded-{request.param}")
    engine = GuardedEngine(server=request.param, folder=folder / "state")
    try:
        engine.add_triggers({"echo": "guest::echo", "secret": "guest::secret"})
        engine.start()
        yield engine
    finally:
        for run in engine.runs:
            run.kill()


@pytest.fixture(params=GUESTS, ids=lambda sdk: sdk.name)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    """Each SDK in turn."""
    chosen: Sdk = request.param
    return chosen


def connect(sdk: Sdk, url: str, way: str, token: str, home: Path) -> Process:
    try:
        command = sdk.command()
    except SdkUnavailable as reason:
        pytest.skip(str(reason))
    env = environment(HOME=str(home), LANG="C.UTF-8", III_URL=url, OTEL_ENABLED="false")
    return Process(f"guest {sdk.name}", [*command, url, way, token], env=env, cwd=home)


def told(guest: Process, what: str) -> Any:
    is_it = f'"what":"{what}"'
    line = guest.wait_for(
        lambda line: is_it in line.replace('": "', '":"'), timeout_s=READY_S, what=what
    )
    return json.loads(line)["value"]


@pytest.mark.parametrize("way", ["headers", "query"])
@pytest.mark.parametrize("door", ["port", "path"])
def test_a_guest_calls_and_offers_what_it_may(
    engine: GuardedEngine, sdk: Sdk, way: str, door: str, tmp_path: Path
) -> None:
    port, path = (
        (engine.gate_port, "") if door == "port" else (engine.site_port, "/iii/worker/guests")
    )
    guest = connect(sdk, f"ws://127.0.0.1:{port}{path}", way, "valid-token", tmp_path)
    try:
        assert told(guest, "public::hello") == {"hello": "Ada"}
        refusal = told(guest, "private::hello")
        assert "private::hello" in str(refusal) and "rbac.expose_functions" in str(refusal)
        told(guest, "READY")
        answer = eventually(
            lambda: engine.request("POST", "/echo", {"text": "hi"}), lambda a: a.status == 200
        )
        assert answer.body == {"echo": "hi"}
        assert engine.request("POST", "/secret", {}).status == 503
    finally:
        guest.kill()


def test_a_stranger_is_refused_and_tries_again(
    engine: GuardedEngine, sdk: Sdk, tmp_path: Path
) -> None:
    url = f"ws://127.0.0.1:{engine.gate_port}"
    before = len([line for line in engine.process._log if "was refused" in line])
    guest = connect(sdk, url, "headers", "wrong", tmp_path)
    try:
        eventually(
            lambda: len([line for line in engine.process._log if "was refused" in line]),
            lambda number: number >= before + 2,
        )
    finally:
        guest.kill()


def test_the_engine_says_where_it_listens(engine: GuardedEngine) -> None:
    line = f"worker listener guests: ws://127.0.0.1:{engine.gate_port}"
    assert engine.process.heard(lambda one: one == line)
