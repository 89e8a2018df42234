"""An engine in the background of a command: it does its work and leaves nothing behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iii_triggers.sdk import init
from tests.e2e.eventually import eventually

from .sites import Site
from .sockets import BareWorker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site: the server is not what is tested here."""
    site = Site(server="uvicorn", folder=tmp_path_factory.mktemp("site") / "state")
    try:
        yield site
    finally:
        site.end()


def run(site: Site, code: str) -> str:
    """Run Python in a process of the site to its end and return all it wrote."""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    process = site.spawn("shell", command)
    assert process.wait() == 0, process.tail()
    return process.tail()


def test_a_command_that_invokes_ends_in_silence_and_leaves_no_row(site: Site) -> None:
    said = run(site, "from iii_triggers import invoke; print(invoke('site.where'))")
    assert said.count("\n") == 1, said
    assert "{'pid': " in said
    assert site.count("node") == 0


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_what_a_command_fired_last_still_runs(site: Site, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "written"
    fire = f"fire_triggers('site.{kind}', {{'path': {str(target)!r}}})"
    run(site, f"from iii_triggers import fire_triggers; assert {fire} == 1")
    assert target.read_text() == kind


def test_a_command_leaves_the_rows_of_a_running_engine_alone(engine: Site) -> None:
    with BareWorker(engine.worker_url) as worker:
        worker.offer("bare", api_path="bare", http_method="GET")
        eventually(lambda: engine.count("worker"), lambda rows: rows == 1)
        run(engine, "from iii_triggers import invoke; invoke('site.where')")
        assert (engine.count("node"), engine.count("worker")) == (1, 1)
        assert engine.request("GET", "/where").status == 200


def test_a_trigger_of_a_worker_of_a_running_engine_is_fired(engine: Site) -> None:
    engine.configure(III_URL=engine.worker_url)
    with init(engine.worker_url) as worker:
        worker.register_function("far", lambda data: {"got": data})
        worker.register_trigger(id="t", type="state", function_id="far", config={})
        eventually(lambda: engine.count("trigger", "trigger_id = 't'"), bool)
        printed = engine.manage("iii_fire", "t", "--data", '{"n": 1}')
    assert json.loads(printed) == {"got": {"n": 1}}
    of_the_trigger = "trigger_id = 't' AND function_id = 'far' AND status = 'succeeded'"
    eventually(lambda: engine.count("invocation", of_the_trigger), lambda number: number == 1)
