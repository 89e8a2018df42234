"""Celery workers in processes of their own, on real brokers whose connections are cut."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.eventually import eventually
from tests.e2e.processes import READY_S, Process

from .brokers import rabbitmq_broker, redis_broker
from .cables import Cable
from .sites import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

BROKERS = {"redis": redis_broker, "rabbitmq": rabbitmq_broker}
SOON_S = 20.0
AT_ONCE_S = 5.0

PUBLISH = """
from iii_triggers import enqueue
from iii_triggers.models import Trigger
topic, path = {topic!r}, {path!r}
Trigger.objects.get_or_create(
    trigger_id=topic, trigger_type="queue", function_id="site.write", source="admin",
    config={{"topic": topic}},
)
import time
began = time.monotonic()
enqueue(topic, {{"path": path}})
print(time.monotonic() - began)
"""


class CelerySite:
    """A site without an engine, whose deliveries one Celery worker runs."""

    def __init__(self, *, broker: str, cable: Cable, pool: str, folder: Path) -> None:
        self.site = Site(server="none", folder=folder / "state")
        self.site.configure(CELERY_BROKER_URL=broker)
        self.cable = cable
        self._pool = pool
        self._folder = folder
        self._names = count(1)
        self.worker: Process

    def start(self, *options: str) -> None:
        """Start the worker and return when it consumes."""
        words = ["worker", "--pool", self._pool, "--concurrency", "2", *options]
        command = [sys.executable, "-m", "celery", "-A", "iii_project", *words, "-l", "INFO"]
        self.worker = self.site.spawn(f"celery {self._pool}", command)
        self.worker.wait_logged("ready.", timeout_s=READY_S)

    def publish(self, topic: str) -> Path:
        """Publish a message from another process; return the file that its function writes."""
        path = self._folder / f"written-{next(self._names)}"
        took_s = float(self.site.shell(PUBLISH.format(topic=topic, path=str(path))))
        assert took_s < 1
        return path


@pytest.fixture(
    scope="module",
    params=[("redis", "threads"), ("redis", "prefork"), ("rabbitmq", "prefork")],
    ids="-".join,
)
def celery(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CelerySite]:
    """A site with its worker running."""
    name, pool = request.param
    folder = tmp_path_factory.mktemp(f"celery-{name}-{pool}")
    with BROKERS[name]() as (url, cable):
        celery = CelerySite(broker=url, cable=cable, pool=pool, folder=folder)
        try:
            celery.start()
            yield celery
        finally:
            celery.site.end()


def assert_written(celery: CelerySite, path: Path, *, within_s: float = SOON_S) -> None:
    try:
        eventually(path.exists, bool, timeout_s=within_s)
    except AssertionError:
        pytest.fail(celery.worker.tail())


def test_a_new_topic_is_consumed_without_a_restart(celery: CelerySite) -> None:
    assert_written(celery, celery.publish("new"))
    assert_written(celery, celery.publish("new"), within_s=AT_ONCE_S)


def test_a_cut_connection_comes_back_with_all_topics(celery: CelerySite) -> None:
    assert_written(celery, celery.publish("cut"))
    assert celery.cable.cut()
    assert_written(celery, celery.publish("cut"))
    assert_written(celery, celery.publish("cut-and-new"))


def test_publishing_goes_on_while_the_broker_is_away(celery: CelerySite) -> None:
    assert_written(celery, celery.publish("away"))
    celery.cable.unplug()
    paths = [celery.publish("away"), celery.publish("away-and-new")]
    celery.cable.plug()
    for path in paths:
        assert_written(celery, path, within_s=60)


def test_a_worker_leaves_nothing_and_comes_back_with_all_topics(celery: CelerySite) -> None:
    assert_written(celery, celery.publish("restart"))
    celery.worker.terminate()
    assert celery.worker.wait() == 0, celery.worker.tail()
    _, _, shutdown = celery.worker.tail(400).partition("Warm shutdown")
    assert "Traceback" not in shutdown
    assert celery.site.count("node") == 0
    path = celery.publish("restart")
    celery.start()
    assert_written(celery, path)
    assert_written(celery, celery.publish("restart"))
