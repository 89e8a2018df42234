"""Builds the wheel and installs it into an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.environments import OFFLINE, REPOSITORY
from tests.e2e.processes import environment

SOURCES = ("pyproject.toml", "README.md", "LICENSE")
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
TIMEOUT_S = 240


def run(command: list[str], *, cwd: Path) -> str:
    """Run a command to its end and return what it printed; skip if it misses the network."""
    done = subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=TIMEOUT_S
    )
    said = done.stdout + done.stderr
    if done.returncode and OFFLINE.search(said):
        pytest.skip("the package registry is out of reach")
    assert done.returncode == 0, f"{' '.join(command)}\n{said}"
    return said


def build_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of the sources, so that the checkout stays as it is."""
    sources = folder / "sources"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "iii_triggers", sources / "iii_triggers", ignore=ignored)
    shutil.copytree(REPOSITORY / "tests", sources / "tests", ignore=ignored)
    for name in SOURCES:
        shutil.copy(REPOSITORY / name, sources)
    run([sys.executable, *PIP, "wheel", ".", "--no-deps", "--wheel-dir", ".."], cwd=sources)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, requirement: str, *, folder: Path) -> Path:
    """Install the wheel, with the extras of ``requirement``, and return the folder of commands."""
    run([sys.executable, "-m", "venv", "environment"], cwd=folder)
    commands = folder / "environment" / "bin"
    extras = requirement.removeprefix("iii-triggers")
    run([str(commands / "python"), *PIP, "install", f"{wheel}{extras}"], cwd=folder)
    return commands
