"""Reads the files of docs/deploy, and fits them to this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.environments import REPOSITORY

RECIPES = REPOSITORY / "docs" / "deploy"


def fitted(name: str, changes: Mapping[str, str]) -> str:
    """Return a recipe with words replaced; every one of them must be there."""
    text = (RECIPES / name).read_text()
    for word, other in changes.items():
        assert word in text, f"{name} does not say {word!r}"
        text = text.replace(word, other)
    return text


def tool(name: str) -> str:
    """Return where a program is; without it the test is skipped."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def seconds(text: str) -> float:
    """Return a time as nginx and systemd write it: 60s, 1h, 330."""
    units = {"s": 1, "m": 60, "h": 3600}
    return float(text.rstrip("smh")) * units.get(text[-1], 1)


def write(path: Path, text: str) -> Path:
    """Write a file and return where it is."""
    path.write_text(text)
    return path
