"""The Celery worker and beat inside ``runengine``, without a broker."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.eventually import eventually

from .gates import Gate
from .requests import send
from .sites import Site, wait_ready

pytestmark = pytest.mark.slow

AT_ONCE_S = 1.0
SWEPT_S = 4.0
GRACE_S = 1.0
"""Of ``impatient_settings``."""


def publish(site: Site, topic: str, **data: Any) -> str:
    """Publish from within the engine; return the id of the delivery."""
    answer = site.request("POST", "/enqueue", {"topic": topic, "data": data})
    (delivery_id,) = answer.body["ids"]
    return str(delivery_id).replace("-", "")


def fate(site: Site, delivery_id: str) -> tuple[str, int]:
    """Return state and attempts of a delivery."""
    with sqlite3.connect(site.database, timeout=20) as connection:
        query = "SELECT state, attempts FROM iii_triggers_delivery WHERE id = ?"
        state, attempts = connection.execute(query, [delivery_id]).fetchone()
    connection.close()
    return state, attempts


def written(path: Path) -> tuple[int, float]:
    """Return which process wrote, and when."""
    text = eventually(lambda: path.read_text() if path.exists() else "", bool)
    pid, moment = text.split()
    return int(pid), float(moment)


def test_a_message_is_run_at_once_by_the_same_process(engine: Site, tmp_path: Path) -> None:
    # The consumer is there a moment after the doors are open.
    publish(engine, "site.marks", path=str(tmp_path / "first"))
    written(tmp_path / "first")
    for number in range(2):
        began = time.time()
        publish(engine, "site.marks", path=str(tmp_path / f"{number}"))
        pid, moment = written(tmp_path / f"{number}")
        assert pid == engine.process.pid
        assert moment - began < AT_ONCE_S


def test_a_message_of_another_process_is_found_by_the_sweeper(engine: Site, tmp_path: Path) -> None:
    path = tmp_path / "written"
    data = {"path": str(path)}
    code = f"from iii_triggers import enqueue; enqueue('site.marks', {data!r})"
    engine.shell(f"{code}; import time; print(time.time())")
    published = time.time()
    pid, moment = written(path)
    assert pid == engine.process.pid
    assert moment - published < SWEPT_S


def test_a_delivery_in_flight_is_finished(engine: Site, gate: Gate) -> None:
    delivery_id = publish(engine, "site.waits", gate=gate.port)
    gate.wait_entered()
    engine.process.terminate()
    eventually(lambda: fate(engine, delivery_id), lambda found: found == ("leased", 1))
    gate.open()
    assert engine.process.wait() == 0
    assert "Traceback" not in engine.process.tail()
    assert fate(engine, delivery_id) == ("succeeded", 1)
    assert engine.count("node") == 0


def test_a_delivery_that_does_not_end_is_run_again_by_the_next_process(
    site: Site, gate: Gate
) -> None:
    process = site.runengine(*site.ports(), "--settings", "tests.processes.impatient_settings")
    wait_ready(process)
    delivery_id = publish(site, "site.stuck", gate=gate.port)
    gate.wait_entered()
    began = time.monotonic()
    process.terminate()
    assert process.wait() == 0
    assert time.monotonic() - began < GRACE_S + 3
    assert fate(site, delivery_id) == ("queued", 0), "stopping is no failed attempt"
    assert site.count("node") == 0
    second = site.runengine(*site.ports(), "--settings", "tests.processes.impatient_settings")
    gate.wait_entered()
    assert fate(site, delivery_id) == ("leased", 1)
    second.kill()


@pytest.fixture
def lone(site: Site) -> Iterator[Site]:
    """The engine without Celery."""
    process = site.runengine(*site.ports(), "--no-consumer", "--no-beat")
    wait_ready(process)
    yield site
    process.kill()


def test_others_may_run_the_consumer_and_beat(lone: Site, tmp_path: Path) -> None:
    assert send(lone.site_port, "GET", "/iii/readyz").body == {"status": "ready"}
    delivery_id = publish(lone, "site.marks", path=str(tmp_path / "written"))
    assert fate(lone, delivery_id) == ("queued", 0)
