"""honcho starts what docs/deploy/Procfile says, and ends it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.environments import REPOSITORY
from tests.e2e.eventually import eventually
from tests.e2e.processes import READY_S, free_ports
from tests.processes.requests import send
from tests.processes.sites import Site

from .recipes import fitted, write

pytestmark = pytest.mark.slow

NODES = 3
"""Two ASGI processes and the Celery worker; beat has no engine."""


def serves(port: int) -> bool:
    try:
        return send(port, "GET", "/iii/readyz").status == 200
    except ConnectionError:
        return False


def test_honcho_starts_all_and_ends_all(site: Site, tmp_path: Path) -> None:
    first, second = free_ports(2)
    changes = {".venv/bin/python": sys.executable, "8001": str(first), "8002": str(second)}
    procfile = write(tmp_path / "Procfile", fitted("Procfile", changes))
    command = [sys.executable, "-m", "honcho", "-f", str(procfile), "-d", str(REPOSITORY), "start"]
    honcho = site.spawn("honcho", command)
    eventually(lambda: serves(first) and serves(second), bool, timeout_s=2 * READY_S)
    assert send(second, "GET", "/iii/http/where").status == 200
    eventually(lambda: " ready." in honcho.tail(), bool, timeout_s=READY_S)
    os.kill(honcho.pid, signal.SIGTERM)
    honcho.wait()
    assert not serves(first)
    assert not serves(second)
    assert site.count("node") == 0
