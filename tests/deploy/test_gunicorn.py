"""gunicorn with docs/deploy/gunicorn.conf.py: each of its processes is a node."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from iii_triggers.conf import Settings
from tests.e2e.eventually import eventually
from tests.e2e.processes import READY_S
from tests.processes.requests import send
from tests.processes.sites import LOOPBACK, Site

from .recipes import RECIPES

pytestmark = pytest.mark.slow

DRAINED_S = Settings.III_SHUTDOWN_GRACE_S + Settings.III_CLOSE_SPREAD_S
FILE = RECIPES / "gunicorn.conf.py"
WORKERS = 2


def pids(site: Site) -> set[int]:
    """Ask until both processes have answered, or for so long that there is but one."""
    answers = [send(site.site_port, "GET", "/iii/http/where") for _ in range(8)]
    return {answer.body["pid"] for answer in answers if answer.status == 200}


def serves(site: Site) -> bool:
    try:
        return send(site.site_port, "GET", "/iii/readyz").status == 200
    except ConnectionError:
        return False


def test_two_workers_are_two_nodes_that_can_be_replaced(site: Site) -> None:
    bind = ["--bind", f"{LOOPBACK}:{site.site_port}"]
    words = ["-m", "gunicorn", "-c", str(FILE), *bind, "iii_project.asgi:application"]
    gunicorn = site.spawn("gunicorn", [sys.executable, *words])
    eventually(lambda: serves(site), bool, timeout_s=READY_S)
    eventually(lambda: site.count("node"), lambda count: count == WORKERS, timeout_s=READY_S)
    old = eventually(lambda: pids(site), lambda found: len(found) == WORKERS, timeout_s=READY_S)
    os.kill(gunicorn.pid, signal.SIGHUP)
    new = eventually(lambda: pids(site), lambda found: not found & old, timeout_s=READY_S)
    assert new
    gunicorn.terminate()
    assert gunicorn.wait() == 0
    assert site.count("node") == 0
    assert "Traceback" not in gunicorn.tail()


def test_it_waits_longer_than_a_process_drains() -> None:
    values: dict[str, object] = {}
    exec(compile(FILE.read_text(), FILE.name, "exec"), values)
    assert values["workers"] == WORKERS
    assert isinstance(values["graceful_timeout"], int)
    assert values["graceful_timeout"] > DRAINED_S
