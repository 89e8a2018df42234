"""A real process is scraped, as Prometheus does it."""

from __future__ import annotations

import pytest

from tests.operations.metrics.reading import parsed, values

from .sites import Site

pytestmark = pytest.mark.slow


def test_calls_of_a_process_are_counted(engine: Site) -> None:
    for _ in range(3):
        assert engine.request("GET", "/where").status == 200
    assert engine.request("GET", "/nowhere").status == 404
    answer = engine.pages("/iii/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    metrics = parsed(answer.body)
    assert values(metrics, "iii_invocations_total")["succeeded", "http"] == 3
    assert values(metrics, "iii_invocation_duration_seconds_count")["http",] == 3
    assert values(metrics, "iii_database_up") == {(): 1}
    assert values(metrics, "iii_nodes")["engine",] == 1
    assert values(metrics, "process_resident_memory_bytes")[()] > 1e6
