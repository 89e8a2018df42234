"""The engine's own functions, as published SDKs call them (protocol reference, section 7)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import InvalidInput
from iii_triggers.trigger_types.validation import builtin_trigger_types
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


async def ask(worker: FakeWorker, function_id: str, data: Any = None) -> Any:
    return (await worker.call(function_id, data))["result"]


@pytest.mark.parametrize("function_id", ["engine::workers::register", "engine.workers.register"])
async def test_a_worker_introduces_itself(
    engine: Engine, connect: Connect, function_id: str
) -> None:
    worker = await connect()
    data = {"name": " a\u202e\x07b ", "runtime": "node", "version": "0.22.0", "pid": 7, "x": 1}
    assert await ask(worker, function_id, data) == {"success": True}
    info = worker.connection.info
    assert (info.name, info.runtime, info.version, info.pid) == ("ab", "node", "0.22.0", 7)
    assert worker.connection.registered


async def test_what_a_worker_says_of_itself_is_cut_and_may_be_missing(connect: Connect) -> None:
    worker = await connect()
    assert await ask(worker, "engine::workers::register", {"name": "x" * 999, "pid": -1})
    info = worker.connection.info
    assert (len(info.name or ""), info.runtime, info.version, info.pid) == (
        280,
        "unknown",
        "",
        None,
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"name": 7}, "deserialization_error"),
        ([], "deserialization_error"),
        ({"namespace": " "}, "INVALID_NAMESPACE"),
    ],
)
async def test_a_wrong_introduction_is_refused_and_the_old_one_stays(
    connect: Connect, data: Any, code: str
) -> None:
    worker = await connect(name="before")
    result = await worker.call("engine::workers::register", data)
    assert result["error"]["code"] == code
    assert worker.connection.info.name == "before"


async def test_only_a_worker_can_introduce_itself(engine: Engine) -> None:
    from iii_triggers import ainvoke

    with pytest.raises(InvalidInput):
        await ainvoke("engine::workers::register", {})


async def test_workers_are_listed_for_sdks_of_every_age(engine: Engine, connect: Connect) -> None:
    worker = await connect("f", "g", name="b", runtime="node", version="0.22.0")
    await connect(name="a", runtime="python", version="0.25.0")
    await worker.start_call("f", invocation_id="busy")
    listed = await ask(worker, "engine::workers::list")
    assert isinstance(listed["timestamp"], int)
    assert [row["name"] for row in listed["workers"]] == ["a", "b", "engine"]
    row = listed["workers"][1]
    assert row["id"] == worker.id
    assert row["functions"] == ["f", "g"]
    assert (row["function_count"], row["active_invocations"]) == (2, 1)
    assert (row["status"], row["ip_address"], row["namespace"]) == (
        "connected",
        "127.0.0.1",
        "default",
    )


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"search": "AP"}, ["api"]),
        ({"runtime": "node"}, ["web"]),
        ({"status": "busy"}, []),
        ({"status": "connected"}, ["api", "web"]),
        ({"worker_id": "unknown"}, []),
        ({"status": "available"}, ["engine"]),
        (None, ["api", "engine", "web"]),
    ],
)
async def test_the_list_of_workers_is_filtered(
    connect: Connect, wanted: Any, names: list[str]
) -> None:
    worker = await connect(name="api", runtime="python")
    await connect(name="web", runtime="node")
    listed = await ask(worker, "engine.workers.list", wanted)
    assert [row["name"] for row in listed["workers"]] == names


@pytest.mark.parametrize(
    ("facts", "is_listed"),
    [
        ({"pid": 1}, True),
        ({"pid": None, "runtime": "node", "version": "0.3.0"}, True),
        ({"pid": None, "runtime": "python", "version": "0.8.1"}, True),
        ({"pid": None, "runtime": "python", "version": "0.8.2"}, False),
        ({"pid": None, "runtime": "browser", "version": "0.22.0"}, False),
        ({"pid": None}, False),
    ],
)
async def test_ghosts_and_browsers_are_not_listed(
    engine: Engine, connect: Connect, facts: dict[str, Any], is_listed: bool
) -> None:
    asking = await connect(name="asking")
    await connect(name="it", **facts)
    FakeWorker(engine)
    rows = (await ask(asking, "engine::workers::list"))["workers"]
    names = [row["name"] for row in rows if not row["internal"]]
    assert names == (["asking", "it"] if is_listed else ["asking"])


async def test_functions_are_listed_without_their_formats(engine: Engine, connect: Connect) -> None:
    worker = await connect(name="api")
    await worker.send(
        "registerfunction",
        id="a::b",
        description="Says hi.",
        request_format={"type": "object"},
        metadata={"m": 1},
    )
    await worker.send("registerfunction", id="odd", metadata=[1])
    await worker.send("registerfunction", id="hidden", metadata={"internal": True})
    engine.functions.add_local(declare(engine.site, "svc::site", print))
    built_in = {f.info.function_id for f in engine.functions.local() if f.is_builtin}
    built_in.remove("publish")
    rows = (await ask(worker, "engine.functions.list"))["functions"]
    listed = [row for row in rows if row["function_id"] not in built_in]
    assert listed == [
        {
            "function_id": "a::b",
            "namespace": "default",
            "worker_name": "api",
            "description": "Says hi.",
            "metadata": {"m": 1},
        },
        {"function_id": "odd", "namespace": "default", "worker_name": "api"},
        {
            "function_id": "publish",
            "namespace": "default",
            "worker_name": "publish",
            "description": "Publish to a topic.",
        },
        {"function_id": "svc::site", "namespace": "default", "worker_name": "svc"},
    ]
    everything = await ask(worker, "engine::functions::list", {"include_internal": True})
    ids = [row["function_id"] for row in everything["functions"]]
    assert {"hidden", "engine::workers::list", "engine.log.info"} <= set(ids)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"prefix": "mail::"}, ["mail::read", "mail::send"]),
        ({"search": "SEND"}, ["mail::send", "web"]),
        ({"worker": "w2"}, ["web"]),
        ({"workers": ["w1", "w2"]}, ["mail::read", "mail::send", "web"]),
    ],
)
async def test_the_list_of_functions_is_filtered(
    engine: Engine, connect: Connect, wanted: Any, ids: list[str]
) -> None:
    worker = await connect("mail::send", "mail::read", name="w1")
    other = await connect(name="w2")
    await other.send("registerfunction", id="web", description="sends pages")
    listed = await ask(worker, "engine::functions::list", wanted)
    built_in = {f.info.function_id for f in engine.functions.local() if f.is_builtin}
    found = [row["function_id"] for row in listed["functions"]]
    assert [id_ for id_ in found if id_ not in built_in] == ids


@pytest.mark.parametrize("version", ["0.12.0", "0.9.0"])
async def test_old_sdks_get_triggers_where_new_ones_get_types(
    connect: Connect, version: str
) -> None:
    worker = await connect(runtime="python", version=version)
    await worker.bind("t", "http", config={"api_path": "x"}, metadata={"m": 1})
    await worker.bind("u", "later", function_id="engine::internal")
    listed = await ask(worker, "engine::triggers::list", {})
    assert listed["triggers"] == [
        {
            "id": "t",
            "trigger_type": "http",
            "function_id": "f",
            "config": {"api_path": "x"},
            "metadata": {"m": 1},
        }
    ]


@pytest.mark.parametrize("version", ["0.13.0", "0.25.0", "", "dev"])
async def test_new_and_unknown_sdks_get_types(connect: Connect, version: str) -> None:
    worker = await connect(name="p", version=version)
    await worker.send("registertriggertype", id="ev", description="Events.")
    listed = await ask(worker, "engine::triggers::list")
    providers = {row["id"]: row["worker_name"] for row in listed["triggers"]}
    known = {type_.id for type_ in builtin_trigger_types().values()}
    built_in = {id_ for id_ in known if not id_.startswith("engine::")}
    assert providers == {"ev": "p", **dict.fromkeys(built_in, "engine")}
    assert [row["id"] for row in listed["triggers"]] == sorted(providers)


@pytest.mark.parametrize("function_id", ["engine::log::warn", "engine.log.warn"])
async def test_workers_log_through_the_logging_of_the_site(
    connect: Connect, function_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await connect(name="api")
    with caplog.at_level(logging.DEBUG, "iii_triggers.workers"):
        data = {"message": "100% %s", "data": {"a": 1}, "trace_id": "t"}
        assert "result" not in await worker.call(function_id, data)
        await worker.call("engine::log::info", {"message": "m", "function_name": "f"})
    first, second = caplog.records[-2:]
    assert (first.levelname, first.getMessage()) == ("WARNING", "api: 100% %s")
    assert (second.levelname, second.getMessage()) == ("INFO", "f: m")


async def test_a_log_line_without_a_message_is_refused(connect: Connect) -> None:
    worker = await connect()
    result = await worker.call("engine::log::error", {})
    assert result["error"]["code"] == "deserialization_error"
    assert result["error"]["message"].startswith(
        "Failed to deserialize input for engine::log::error"
    )


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("a\nERROR forged", r"a\nERROR forged"),
        ("a\r\x1b[31m\x00b", r"a\r\x1b[31m\x00b"),
        ("a\u202eb\u2028c", r"a\u202eb\u2028c"),
        ("Grüße, 世界\u00a0\u3000\U0001f600 \\n", "Grüße, 世界\u00a0\u3000\U0001f600 \\n"),
    ],
)
async def test_a_worker_cannot_forge_lines_of_the_log(
    connect: Connect, caplog: pytest.LogCaptureFixture, sent: str, logged: str
) -> None:
    worker = await connect()
    with caplog.at_level(logging.DEBUG, "iii_triggers.workers"):
        for key in ("function_name", "service_name"):
            data = {"message": sent, key: sent, "trace_id": sent}
            await worker.call("engine::log::info", data)
    for record in caplog.records[-2:]:
        assert record.getMessage() == f"{logged}: {logged}"
        assert record.__dict__["trace_id"] == logged
