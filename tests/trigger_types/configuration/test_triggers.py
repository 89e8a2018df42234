"""``configuration`` triggers (trigger reference, section 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import Configuration
from iii_triggers.trigger_types.configuration.changes import ConfigurationChange
from iii_triggers.trigger_types.configuration.registrator import configuration_changed
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

MAIL = {"id": "mail", "name": "Mail", "description": "How.", "schema": {"type": "object"}}


async def received(worker: FakeWorker, number: int) -> list[dict[str, Any]]:
    """Return the input of the next calls, each answered as soon as it comes."""
    for count in range(1, number + 1):
        invocation = (await worker.transport.receive("invokefunction", count))[count - 1]
        await worker.answer(invocation, result=None)
    return [frame["data"] for frame in worker.invocations]


async def settled(engine: Engine) -> None:
    """Wait until everything that was caused has been told."""
    await ainvoke("configuration::list", {})
    await engine.invoker.wait_idle(5)


async def test_registering_and_setting_are_told(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.III_CONFIGURATION_ENV = ["APP_*"]
    monkeypatch.setenv("APP_HOST", "mail.example")
    worker = await connect("f")
    await worker.bind("t", "configuration", config={"configuration_id": "mail"})
    await ainvoke("configuration::register", {**MAIL, "metadata": {"m": 1}})
    await ainvoke("configuration::register", {"id": "other"})
    await ainvoke("configuration::set", {"id": "mail", "value": {"host": "${APP_HOST}"}})
    await ainvoke("configuration::set", {"id": "mail", "value": {"host": "${UNSET}"}})
    first, second, third = await received(worker, 3)
    assert first == {
        "type": "configuration",
        "event_type": "configuration:registered",
        **MAIL,
        "metadata": {"m": 1},
        "old_value": None,
        "new_value": None,
    }
    assert second["event_type"] == "configuration:updated"
    assert (second["old_value"], second["new_value"]) == (None, {"host": "mail.example"})
    assert (third["old_value"], third["new_value"]) == ({"host": "${APP_HOST}"}, None)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, ["registered mail", "updated mail", "registered other"]),
        ({"configuration_id": "other"}, ["registered other"]),
        ({"event_types": []}, ["registered mail", "updated mail", "registered other"]),
        ({"event_types": ["configuration:updated"]}, ["updated mail"]),
        ({"event_types": ["registered"]}, ["registered mail", "registered other"]),
        (
            {"event_types": ["configuration:registered", "updated"], "configuration_id": "mail"},
            ["registered mail", "updated mail"],
        ),
        ({"event_types": ["configuration:deleted"]}, []),
    ],
)
async def test_id_and_event_types_are_matched(
    engine: Engine, connect: Connect, config: Any, expected: list[str]
) -> None:
    worker = await connect("f")
    await worker.bind("t", "configuration", config=config)
    await ainvoke("configuration::register", MAIL)
    await ainvoke("configuration::set", {"id": "mail", "value": {}})
    await ainvoke("configuration::register", {"id": "other"})
    told = await received(worker, len(expected))
    await settled(engine)
    found = [f"{one['event_type'].partition(':')[2]} {one['id']}" for one in told]
    assert sorted(found) == sorted(expected)
    assert len(worker.invocations) == len(expected)


@pytest.mark.parametrize(
    "config",
    [
        {"configuration_id": 1},
        {"event_types": "updated"},
        {"event_types": ["exploded"]},
        {"event_types": [1]},
        {"event_types": {"updated": 1}},
        {"condition_function_id": []},
    ],
)
async def test_a_config_of_the_wrong_shape_is_refused(connect: Connect, config: Any) -> None:
    worker = await connect("f")
    await worker.bind("t", "configuration", config=config)
    error = worker.transport.of_type("triggerregistrationresult")[0]["error"]
    assert error["code"] == "trigger_registration_failed"
    assert error["message"].startswith("Failed to parse configuration trigger config: ")


async def test_a_condition_is_asked_first(engine: Engine, connect: Connect) -> None:
    worker = await connect("f", "c")
    await worker.bind("t", "configuration", config={"condition_function_id": "c"})
    await ainvoke("configuration::register", MAIL)
    (asked,) = await worker.transport.receive("invokefunction")
    assert asked["function_id"] == "c"
    await worker.answer(asked, result=False)
    await settled(engine)
    assert len(worker.invocations) == 1


async def test_what_fails_fires_nothing(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "configuration")
    await worker.call("configuration::set", {"id": "mail", "value": 1})
    await worker.call("configuration::register", {"id": "Mail"})
    await settled(engine)
    assert worker.invocations == []


async def test_a_change_that_the_site_made_by_itself_is_told(connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "configuration")
    row = Configuration(config_id="mail", name="Mail", value="2")
    change = ConfigurationChange(event_type="deleted", row=row, old="2", new=None)
    await asyncio.to_thread(configuration_changed, change)
    (told,) = await received(worker, 1)
    assert told["event_type"] == "configuration:deleted"
    assert (told["old_value"], told["new_value"]) == (2, None)
