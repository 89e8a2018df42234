"""Functions behind HTTP routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from tests.support.site import declare

Serve = Callable[..., Awaitable[None]]


@pytest.fixture
def serve(engine: Engine) -> Serve:
    """Serve a function of the site at a path."""

    async def serve(handler: Callable[[Any], Any], path: str = "x", **config: Any) -> None:
        function_id = f"f{len(list(engine.triggers.entries()))}"
        engine.functions.add_local(declare(engine.site, function_id, handler))
        await engine.triggers.register(
            Trigger(
                id=function_id,
                trigger_type="http",
                function_id=function_id,
                source="admin",
                config={"api_path": path, **config},
            )
        )

    return serve
