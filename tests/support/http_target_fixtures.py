"""A server on loopback, and settings that let the engine call it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from .http_target import HttpTarget


@pytest.fixture
def private(settings: Any) -> None:
    """Let the engine call plain HTTP on loopback."""
    settings.III_HTTP_FUNCTION_ALLOW_PRIVATE = True
    settings.III_HTTP_FUNCTION_REQUIRE_HTTPS = False


@pytest.fixture
def target(private: None, runner: asyncio.Runner) -> Iterator[HttpTarget]:
    """A server that answers ``{"ok": true}`` until told otherwise."""
    target = HttpTarget()
    runner.run(target.start())
    target.reply({"ok": True})
    yield target
    runner.run(target.stop())
