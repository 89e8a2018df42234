"""Trigger types that the site made, as rows and in the registry."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.models import Trigger, TriggerType


@pytest.mark.parametrize(
    ("field", "value"),
    [("description", "New."), ("call_schema", {"type": "object"}), ("config_schema", {})],
)
async def test_an_edited_type_of_the_site_is_known_as_edited(
    engine: Engine, field: str, value: Any
) -> None:
    def create() -> None:
        TriggerType.objects.create(type_id="user.created", description="Old.")
        Trigger.objects.create(trigger_id="t", trigger_type="user.created", function_id="f")

    def change_type() -> None:
        row = TriggerType.objects.get(type_id="user.created")
        setattr(row, field, value)
        row.save()

    for work in (create, change_type):
        await engine.database.run(work)
        await engine.sync.poll()
    type_ = engine.triggers.site_types()[("default", "user.created")]
    assert getattr(type_, field) == value
    assert [trigger.id for trigger in engine.triggers.active("user.created")] == ["t"]
