"""Published SDKs look around; their models must take our rows, whoever registered what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.sdk_matrix.versions import sdk_of

from .engines import Engine
from .environments import Sdk, SdkUnavailable
from .processes import Process, environment

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

REPORT_S = 60.0


def observer(registry: str, version: str) -> Sdk:
    """Return an SDK with the program that looks around."""
    kind = "node" if registry == "npm" else "async" if version == "0.2.1" else "blocking"
    suffix = ".mjs" if registry == "npm" else ".py"
    return replace(sdk_of(registry, version), program=f"introspect_{kind}{suffix}")


OLD = [
    observer(registry, version)
    for registry, version in [
        ("pypi", "0.2.1"),
        ("pypi", "0.9.0"),
        ("pypi", "0.11.2"),
        ("npm", "0.2.1"),
        ("npm", "0.9.0"),
        ("npm", "0.11.2"),
    ]
]
NEW = [observer("npm", "0.22.1"), observer("pypi", "0.25.0")]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine is enough: nothing here depends on the server."""
    engine = Engine(server="uvicorn", folder=tmp_path_factory.mktemp("engine") / "state")
    try:
        engine.start()
        yield engine
    finally:
        for run in engine.runs:
            run.kill()


@contextmanager
def looking(engine: Engine, sdk: Sdk, folder: Path) -> Iterator[dict[str, Any]]:
    """Run the program of an SDK and return what it found; it stays until the end."""
    try:
        command = sdk.command()
    except SdkUnavailable as error:
        pytest.skip(str(error))
    env = environment(III_BRIDGE_URL=engine.worker_url, III_URL=engine.worker_url)
    command = [*command, engine.worker_url, sdk.name]
    process = Process(sdk.name, command, env=env, cwd=folder)
    try:
        line = process.wait_for(
            lambda line: line.startswith("{"), timeout_s=REPORT_S, what="what it found"
        )
        yield json.loads(line)
    finally:
        process.kill()


@pytest.mark.parametrize("sdk", OLD, ids=lambda sdk: sdk.name)
def test_old_sdks_look_around_with_their_helpers(engine: Engine, sdk: Sdk, tmp_path: Path) -> None:
    mine = f"{sdk.name}.hello"
    with looking(engine, NEW[1], tmp_path), looking(engine, sdk, tmp_path) as found:
        ids = [row["function_id"] for row in found["functions"]]
        assert {mine, "pypi-0.25.0.hello"} <= set(ids)
        assert mine in found["told"]
        assert "engine::functions::list" not in ids
        workers = {row["name"]: row for row in found["workers"]}
        assert {sdk.name, "pypi-0.25.0"} <= set(workers)
        assert mine in workers[sdk.name]["functions"]
        assert "engine" not in workers
        if found.get("triggers") is not None:
            assert ["http", mine] in [
                [row["trigger_type"], row["function_id"]] for row in found["triggers"]
            ]
        if found.get("trigger_types") is not None:
            types = {row["id"]: row for row in found["trigger_types"]}
            assert types["http"]["trigger_request_format"]["type"] == "object"
        has_types = sdk.version == "0.11.2"
        assert (found.get("trigger_types") is not None) == has_types


@pytest.mark.parametrize("sdk", NEW, ids=lambda sdk: sdk.name)
def test_new_sdks_look_around_with_ids(engine: Engine, sdk: Sdk, tmp_path: Path) -> None:
    mine, path = f"{sdk.name}.hello", f"/{sdk.name}/durable"
    with looking(engine, sdk, tmp_path) as found:
        assert mine in [row["function_id"] for row in found["functions"]]
        triggers = [one["trigger_type"] for one in found["function"]["registered_triggers"]]
        assert triggers == ["http", "http"]
        row = found["worker"]["worker"]
        assert (row["name"], row["version"]) == (sdk.name, sdk.version)
        assert row in found["workers"]
        assert [one["function_id"] for one in found["worker"]["functions"]] == [mine]
        assert "engine" in [one["name"] for one in found["workers"]]
        assert {"http", "cron"} <= {one["id"] for one in found["types"]}
        assert found["type"]["instance_count"] >= 2
        assert found["made"]["id"] in [one["id"] for one in found["triggers"]]
        assert found["trigger"]["state"] == "active"
        assert found["trigger"]["function"]["function_id"] == mine
        assert engine.request("GET", path).body == "hello"
    # The trigger outlives its worker: there is a route, though nobody runs its function.
    assert engine.request("GET", path).status == 503
    removed = engine.manage(
        "shell",
        "--no-imports",
        "-c",
        "from iii_triggers import invoke\n"
        f"print(invoke('engine::unregister_trigger', {found['made']!r}))",
    )
    assert "True" in removed
