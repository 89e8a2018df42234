"""The functions ``configuration::*`` (trigger reference, section 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import Configuration
from iii_triggers.protocol.errors import IiiError
from iii_triggers.trigger_types.configuration import entries
from iii_triggers.trigger_types.configuration.entries import check_against
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

SCHEMA = {"type": "object", "properties": {"port": {"type": "integer"}}, "required": ["port"]}
MAIL = {"id": "mail", "name": "Mail", "description": "How mail is sent.", "schema": SCHEMA}


async def call(worker: FakeWorker, verb: str, **data: Any) -> Any:
    frame = await worker.call(f"configuration::{verb}", data)
    assert "error" not in frame, frame
    return frame["result"]


async def failure(worker: FakeWorker, verb: str, **data: Any) -> str:
    code: str = (await worker.call(f"configuration::{verb}", data))["error"]["code"]
    return code


async def test_a_configuration_is_registered_read_and_set(connect: Connect) -> None:
    worker = await connect()
    entry = await call(worker, "register", **MAIL, initial_value={"port": 25})
    assert entry == {**MAIL, "value": {"port": 25}}
    assert await call(worker, "get", id="mail") == {"id": "mail", "value": {"port": 25}}
    written = await call(worker, "set", id="mail", value={"port": 26})
    assert written == {"old_value": {"port": 25}, "new_value": {"port": 26}}
    assert await call(worker, "get", id="mail") == {"id": "mail", "value": {"port": 26}}


async def test_without_an_initial_value_it_is_null_whatever_the_schema(connect: Connect) -> None:
    worker = await connect()
    for null in ({}, {"initial_value": None}):
        assert (await call(worker, "register", **MAIL, **null))["value"] is None
    assert await call(worker, "get", id="mail") == {"id": "mail", "value": None}


async def test_registering_again_describes_anew_and_keeps_the_value(connect: Connect) -> None:
    worker = await connect()
    await call(worker, "register", **MAIL, initial_value={"port": 25}, metadata={"team": "a"})
    await call(worker, "set", id="mail", value={"port": 26})
    again = await call(worker, "register", id="mail", name="Post", description="", schema={})
    assert again == {
        "id": "mail",
        "name": "Post",
        "description": "",
        "schema": {},
        "value": {"port": 26},
    }
    again = await call(worker, "register", **MAIL, initial_value={"port": 27})
    assert again["value"] == {"port": 27}


async def test_configurations_are_listed_without_their_values(connect: Connect) -> None:
    worker = await connect()
    await call(worker, "register", **MAIL, initial_value={"port": 1}, metadata={"m": [1]})
    await call(worker, "register", id="a", name="A", description="", schema={})
    listed = await call(worker, "list")
    first = {"id": "a", "name": "A", "description": "", "schema": {}}
    assert listed == {"configurations": [first, {**MAIL, "metadata": {"m": [1]}}]}
    assert await call(worker, "schema", id="mail") == {**MAIL, "metadata": {"m": [1]}}


async def test_placeholders_are_expanded_when_it_is_read(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.III_CONFIGURATION_ENV = ["APP_*"]
    monkeypatch.setenv("APP_PORT", "25")
    worker = await connect()
    stored = {"port": "${APP_PORT}"}
    entry = await call(worker, "register", **MAIL, initial_value=stored)
    assert entry["value"] == stored
    assert await call(worker, "get", id="mail") == {"id": "mail", "value": {"port": 25}}
    assert (await call(worker, "get", id="mail", raw=True))["value"] == stored
    monkeypatch.delenv("APP_PORT")
    assert await failure(worker, "get", id="mail") == "EXPAND_FAILED"
    assert (await call(worker, "get", id="mail", raw=True))["value"] == stored


async def test_the_expanded_value_is_validated_unless_a_variable_is_unset(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.III_CONFIGURATION_ENV = ["APP_*"]
    monkeypatch.setenv("APP_PORT", "many")
    worker = await connect()
    await call(worker, "register", **MAIL)
    assert (
        await failure(worker, "set", id="mail", value={"port": "${APP_PORT}"}) == "SCHEMA_INVALID"
    )
    await call(worker, "set", id="mail", value={"port": "${APP_PORT:1}", "x": "${APP_UNSET}"})


@pytest.mark.parametrize("id_", ["", "Mail", "a b", "x" * 65, "a\n", "é", "a.b"])
async def test_an_impossible_id_is_refused(connect: Connect, id_: str) -> None:
    worker = await connect()
    assert await failure(worker, "register", **{**MAIL, "id": id_}) == "INVALID_ID"
    assert await failure(worker, "get", id=id_) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"schema": {"type": "nothing"}}, "SCHEMA_INVALID"),
        ({"schema": []}, "SCHEMA_INVALID"),
        ({"schema": {"const": "\0"}}, "INVALID_ARGUMENTS"),
        ({"name": "x" * 256}, "INVALID_ARGUMENTS"),
        ({"name": "a\0"}, "INVALID_ARGUMENTS"),
        ({"description": "x" * 1024 * 1024}, "VALUE_TOO_LARGE"),
        ({"initial_value": {"port": "x"}}, "SCHEMA_INVALID"),
        ({"initial_value": {}}, "SCHEMA_INVALID"),
        ({"name": 1}, "deserialization_error"),
        ({"id": None}, "deserialization_error"),
    ],
)
async def test_what_cannot_be_registered_is_refused(
    connect: Connect, fields: dict[str, Any], code: str
) -> None:
    worker = await connect()
    assert await failure(worker, "register", **{**MAIL, **fields}) == code
    assert await call(worker, "list") == {"configurations": []}


async def test_what_cannot_be_set_is_refused(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    assert await failure(worker, "set", id="mail", value=1) == "NOT_REGISTERED"
    await call(worker, "register", **MAIL)
    assert await failure(worker, "set", id="mail", value={"port": "x"}) == "SCHEMA_INVALID"
    assert await failure(worker, "set", id="mail", value="x" * 1024 * 1024) == "VALUE_TOO_LARGE"
    assert await failure(worker, "set", id="mail") == "deserialization_error"
    broken = {"$ref": "https://example.invalid/schema.json"}
    await engine.database.run(lambda: Configuration.objects.update(schema=broken))
    assert await failure(worker, "set", id="mail", value={"port": 1}) == "SCHEMA_INVALID"
    await engine.database.run(lambda: Configuration.objects.update(schema={"type": 1}))
    assert await failure(worker, "set", id="mail", value={"port": 1}) == "SCHEMA_UNAVAILABLE"
    for verb in ("get", "schema"):
        assert await failure(worker, verb, id="other") == "NOT_FOUND"


async def test_a_value_stays_the_text_it_was(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    value = {"b": "\0", "a": 12345678901234567890123}
    await call(worker, "register", id="mail", initial_value=value)
    assert (await call(worker, "get", id="mail"))["value"] == value
    row = await engine.database.run(Configuration.objects.get)
    assert row.value == '{"b": "\\u0000", "a": 12345678901234567890123}'


async def test_a_database_that_fails_is_told_without_details(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("no connection to db.internal")

    worker = await connect()
    monkeypatch.setattr("iii_triggers.trigger_types.configuration.functions.find", fail)
    error = (await worker.call("configuration::get", {"id": "mail"}))["error"]
    assert (error["code"], error["message"]) == ("ADAPTER_ERROR", "The database failed.")


@pytest.mark.parametrize("id_", ["", "a\0b", "x" * 65])
async def test_an_id_that_cannot_be_is_not_there(connect: Connect, id_: str) -> None:
    worker = await connect()
    assert await failure(worker, "get", id=id_) == "NOT_FOUND"
    assert await failure(worker, "schema", id=id_) == "NOT_FOUND"
    assert await failure(worker, "set", id=id_, value=1) == "NOT_REGISTERED"


async def test_a_value_is_checked_while_others_may_write(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schema may take seconds, and on SQLite a transaction keeps every other writer out."""
    locked: list[bool] = []

    def check(value: str, schema: Any) -> None:
        locked.append(connection.in_atomic_block)
        check_against(value, schema)

    monkeypatch.setattr(entries, "check_against", check)
    await ainvoke("configuration::register", {"id": "c", "schema": {}})
    await ainvoke("configuration::set", {"id": "c", "value": 1})
    assert locked == [False]


async def test_a_value_is_checked_again_if_the_schema_changed_meanwhile(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ainvoke("configuration::register", {"id": "c", "schema": {}})

    def check(value: str, schema: Any) -> None:
        check_against(value, schema)
        monkeypatch.setattr(entries, "check_against", check_against)
        Configuration.objects.update(schema={"type": "string"})

    monkeypatch.setattr(entries, "check_against", check)
    with pytest.raises(IiiError) as caught:
        await ainvoke("configuration::set", {"id": "c", "value": 1})
    assert caught.value.code == "SCHEMA_INVALID"
    assert (await ainvoke("configuration::get", {"id": "c"}))["value"] is None


async def test_registering_at_the_same_time_does_not_fail(engine: Engine) -> None:
    entries = await asyncio.gather(*(ainvoke("configuration::register", MAIL) for _ in range(8)))
    assert {entry["id"] for entry in entries} == {"mail"}
