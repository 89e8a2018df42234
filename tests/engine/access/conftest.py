"""Workers under rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers.engine.access.filters import read_filters
from iii_triggers.engine.access.rules import Rules
from iii_triggers.engine.access.sessions import Session
from iii_triggers.engine.core import Engine
from tests.support.workers import FakeWorker

Guest = Callable[..., Awaitable[FakeWorker]]


def rules(*expose: Any, **fields: Any) -> Rules:
    """Return the rules of a listener that exposes something."""
    return Rules(restricts_calls=True, expose_functions=read_filters(list(expose)), **fields)


@pytest.fixture
def guest(engine: Engine) -> Guest:
    """Connect a worker under rules that has introduced itself: ``await guest(rules(...))``."""

    async def guest(*under: Rules, **facts: Any) -> FakeWorker:
        worker = FakeWorker(engine, session=Session.of(*under))
        await worker.introduce(**{"name": f"guest-{len(engine.connections)}", **facts})
        return worker

    return guest
