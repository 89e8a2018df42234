"""What workers register is fit to be stored and shown, or refused (sections 3.1, 3.3, 3.6)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.models import Function, Trigger, TriggerType
from iii_triggers.protocol.errors import IiiError
from iii_triggers.protocol.json_values import MAX_JSON_DEPTH
from tests.support.workers import FakeWorker, provided

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


TOO_DEEP = nested(MAX_JSON_DEPTH + 1)
WITH_NUL = {"a": "b\0"}
UNFIT = pytest.mark.parametrize(
    ("value", "code"),
    [
        (TOO_DEEP, "LIMIT_EXCEEDED"),
        (nested(800), "LIMIT_EXCEEDED"),
        (WITH_NUL, "INVALID_ARGUMENTS"),
    ],
    ids=["deep", "very deep", "nul"],
)


@UNFIT
@pytest.mark.parametrize("field", ["config", "metadata"])
async def test_a_trigger_with_unfit_json_is_refused(
    engine: Engine, connect: Connect, field: str, value: Any, code: str
) -> None:
    worker = await connect()
    await worker.bind("t", "later", **{field: value})
    [refusal] = worker.transport.of_type("triggerregistrationresult")
    assert (refusal["id"], refusal["error"]["code"]) == ("t", code)
    assert list(engine.triggers.entries()) == []


@UNFIT
@pytest.mark.parametrize("field", ["request_format", "response_format", "metadata"])
async def test_a_function_with_unfit_json_is_refused(
    engine: Engine, connect: Connect, field: str, value: Any, code: str
) -> None:
    worker = await connect()
    with pytest.raises(IiiError) as refusal:
        await worker.send("registerfunction", id="f", **{field: value})
    assert refusal.value.code == code
    assert engine.functions.namespaces_of("f") == []


@UNFIT
@pytest.mark.parametrize("field", ["trigger_request_format", "call_request_format"])
async def test_a_trigger_type_with_unfit_json_is_refused(
    engine: Engine, connect: Connect, field: str, value: Any, code: str
) -> None:
    worker = await connect()
    with pytest.raises(IiiError) as refusal:
        await worker.send("registertriggertype", id="ev", **{field: value})
    assert refusal.value.code == code
    assert provided(engine) == []


@pytest.mark.parametrize("key", ["namespace", "trigger_namespace"])
@pytest.mark.parametrize("namespace", ["x" * 256, "a\0b"], ids=["long", "nul"])
async def test_a_trigger_with_a_namespace_that_cannot_be_stored_is_refused(
    engine: Engine, connect: Connect, key: str, namespace: str
) -> None:
    worker = await connect()
    await worker.bind("t", "later", **{key: namespace})
    [refusal] = worker.transport.of_type("triggerregistrationresult")
    assert refusal["error"]["code"] == "LIMIT_EXCEEDED"
    assert list(engine.triggers.entries()) == []


async def test_all_that_is_live_has_a_row(engine: Engine, connect: Connect, flush: Flush) -> None:
    worker, consumer = await connect(), await connect()
    deep = nested(MAX_JSON_DEPTH)
    await worker.send("registerfunction", id="f", description="a\0b", metadata=deep)
    await worker.send("registertriggertype", id="ev", description="a\0b", call_request_format=deep)
    await consumer.bind("t", "ev", config=deep, metadata=deep, namespace="x" * 255)
    await worker.send(
        "triggerregistrationresult",
        id="t",
        trigger_type="ev",
        error={"code": "E\0", "message": "no\0"},
    )
    await flush()
    run = engine.database.run
    function = await run(lambda: Function.objects.get(function_id="f"))
    assert (function.description, function.metadata) == ("ab", deep)
    type_ = await run(lambda: TriggerType.objects.get(type_id="ev"))
    assert (type_.description, type_.call_schema) == ("ab", deep)
    trigger = await run(lambda: Trigger.objects.get(trigger_id="t"))
    assert (trigger.config, trigger.state, trigger.error) == (deep, "parked", "E: no")


async def test_an_id_cannot_forge_lines_of_the_log(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await connect()
    with caplog.at_level(logging.INFO, "iii_triggers"):
        await worker.bind("t\nERROR", "http", config={"api_path": "p", "http_method": "X\nERROR"})
        await worker.send("registerfunction", id="f\nERROR", invocation={"url": "x"})
        await worker.send("registertriggertype", id="http")
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 3
    assert not [message for message in messages if "\n" in message]
