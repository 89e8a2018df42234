"""Tests in several processes: the order that they start in, and what they show at the end.

``make test`` gives each process a module at a time, so that what a module starts is started once.
A module that takes minutes must not be the last one that begins; short ones even out the end.
"""

from __future__ import annotations

from pathlib import Path

import pytest

SHOWN = "shown at the end"
"""The property of a test (``record_property``) whose text is printed below the results."""
FOLDERS = ("sdk_matrix", "e2e", "processes", "install", "browser")
TESTS = Path(__file__).parents[1]


def put_slow_first(items: list[pytest.Item]) -> None:
    """Sort tests by their folder, each module kept as it is."""
    items.sort(key=_rank)


def shown(reporter: pytest.TerminalReporter) -> list[str]:
    """Return the texts that tests want to be printed, wherever they ran."""
    reports = [one for kind in ("passed", "failed", "skipped") for one in reporter.getreports(kind)]
    calls = [one for one in reports if getattr(one, "when", "") == "call"]
    return [str(text) for one in calls for name, text in one.user_properties if name == SHOWN]


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)
