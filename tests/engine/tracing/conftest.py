"""Engines of a site that has set OpenTelemetry up."""

from __future__ import annotations

import pytest

from tests.support.http_target_fixtures import private, target
from tests.support.ledger import close_batchers, messages
from tests.support.spans import Kept, kept

__all__ = ["close_batchers", "kept", "messages", "private", "target"]


@pytest.fixture(autouse=True)
def set_up(kept: Kept) -> None:
    """Before the engine starts, as sites have to."""
