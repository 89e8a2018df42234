"""Fixtures for tests of what several transactions do at the same time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from .threads import Aside


@pytest.fixture
def many_writers() -> None:
    """Skip on a database that has one writer at a time."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")


@pytest.fixture
def aside() -> Iterator[Aside]:
    """Another transaction at the same time: ``aside.start(work)``."""
    aside = Aside()
    yield aside
    aside.close()
