"""Cron triggers whose Celery messages are only noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iii_triggers.models import Trigger
from tests.delivery.conftest import Messages, messages

__all__ = ["add", "messages"]


@pytest.fixture
def add(messages: Messages) -> Callable[..., Trigger]:
    """Add a trigger of the site: ``add("id", schedule="* * * * *")``."""

    def add(trigger_id: str = "job", **config: Any) -> Trigger:
        config = {"schedule": "* * * * *", **config}
        return Trigger.objects.create(
            trigger_id=trigger_id, trigger_type="cron", function_id="f", config=config
        )

    return add
