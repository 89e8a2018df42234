"""SIGKILL of the engine: the next start removes what it left, and the site's triggers serve."""

from __future__ import annotations

import pytest

from tests.e2e.eventually import eventually

from .sites import Site
from .sockets import BareWorker

pytestmark = pytest.mark.slow

OF_WORKERS = {
    "node": "1",
    "worker": "1",
    "function": "worker_id IS NOT NULL",
    "triggertype": "worker_id IS NOT NULL",
    "trigger": "source = 'worker'",
}


def rows_of_workers(site: Site) -> dict[str, int]:
    return {table: site.count(table, where) for table, where in OF_WORKERS.items()}


def test_rows_of_a_killed_engine_are_swept_and_triggers_of_the_site_serve(engine: Site) -> None:
    engine.add_triggers({"admin-crash": "site.where"})
    with BareWorker(engine.worker_url) as worker:
        worker.send(type="registertriggertype", id="bare", description="Of a bare worker")
        worker.offer("bare", api_path="bare", http_method="GET")
        eventually(
            lambda: rows_of_workers(engine), lambda rows: set(rows.values()) == {1}, timeout_s=5
        )
        eventually(lambda: engine.request("POST", "/admin-crash").status, lambda code: code == 200)
        engine.process.kill()
        assert set(rows_of_workers(engine).values()) == {1}
    engine.start()
    assert rows_of_workers(engine) == {**dict.fromkeys(OF_WORKERS, 0), "node": 1}
    assert engine.request("GET", "/bare").status == 404
    assert engine.request("POST", "/admin-crash").body == {"pid": engine.process.pid}
    assert engine.request("GET", "/where").body == {"pid": engine.process.pid}
