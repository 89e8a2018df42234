"""``iii_fire`` beside a running engine, on SQLite and without a channel layer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from iii_triggers.sdk import init
from tests.e2e.eventually import eventually

from .sites import Site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site: the server of the engine is not what is tested here."""
    site = Site(server="uvicorn", folder=tmp_path_factory.mktemp("site") / "state")
    try:
        yield site
    finally:
        site.end()


def test_a_trigger_of_a_worker_of_the_engine_is_fired(engine: Site) -> None:
    engine.configure(III_URL=engine.worker_url)
    with init(engine.worker_url) as worker:
        worker.register_function("far", lambda data: {"got": data})
        worker.register_trigger(id="t", type="state", function_id="far", config={})
        eventually(lambda: engine.count("trigger", "trigger_id = 't'"), bool)
        printed = engine.manage("iii_fire", "t", "--data", '{"n": 1}')
    assert json.loads(printed) == {"got": {"n": 1}}
    of_the_trigger = "trigger_id = 't' AND function_id = 'far' AND status = 'succeeded'"
    eventually(lambda: engine.count("invocation", of_the_trigger), lambda number: number == 1)
