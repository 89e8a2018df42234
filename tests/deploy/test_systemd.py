"""The units of docs/deploy/systemd: systemd reads them, and they give processes time to drain."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from iii_triggers.conf import Settings

from .recipes import RECIPES, fitted, seconds, tool, write

UNITS = sorted(path.name for path in (RECIPES / "systemd").iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]
DRAINED_S = Settings.III_SHUTDOWN_GRACE_S + Settings.III_CLOSE_SPREAD_S
LONGEST_S = {
    "iii-web@.service": DRAINED_S,
    "iii-celery.service": Settings.III_DELIVERY_TIMEOUT_S,
    "iii-beat.service": DRAINED_S,
    "iii-worker.service": 30.0,  # --grace
}
"""For how long what is in flight may go on, by unit."""


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_waits_longer_than_its_process_drains(name: str) -> None:
    text = (RECIPES / "systemd" / name).read_text()
    [stop] = re.findall(r"^TimeoutStopSec=(.+)$", text, flags=re.MULTILINE)
    assert seconds(stop) > LONGEST_S[name]
    assert "\nRestart=always\n" in text
    assert "\nKillMode=mixed\n" in text


def test_systemd_takes_all_of_them(tmp_path: Path) -> None:
    program = tool("systemd-analyze")
    paths = [write(tmp_path / name, _here(name)) for name in UNITS]
    targets = [str(path) for path in paths if "@" not in path.name]
    web = next(path for path in paths if "@" in path.name)
    instance = write(tmp_path / web.name.replace("@", "@8001"), web.read_text())
    done = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", *targets, str(instance)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "iii-" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def _here(name: str) -> str:
    """Return a unit whose program is one of this machine: systemd looks whether it is there."""
    programs = {"/srv/site/.venv/bin/python": sys.executable} if name in SERVICES else {}
    return fitted(f"systemd/{name}", programs)
