"""What the engine tells of functions, workers and triggers (protocol reference, section 7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError

from iii_triggers import ainvoke
from iii_triggers.builtins import baggage, visibility
from iii_triggers.engine.access.filters import read_filters
from iii_triggers.engine.access.rules import Rules
from iii_triggers.engine.access.sessions import Session
from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.core import Engine
from iii_triggers.engine.functions import FunctionInfo
from iii_triggers.engine.trigger_values import Trigger
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

FORMAT = {"type": "object"}
LISTED = "engine::registered-triggers::list"


async def ask(worker: FakeWorker, function_id: str, data: Any = None, **fields: Any) -> Any:
    return (await worker.call(function_id, data, **fields))["result"]


async def refusal(worker: FakeWorker, function_id: str, data: Any = None) -> Any:
    error = (await worker.call(function_id, data))["error"]
    return (error["code"], error["message"])


@pytest.fixture
def worker(connect: Connect, runner: Any) -> FakeWorker:
    """A worker with one of everything, and two things of another namespace beside it."""

    async def make() -> FakeWorker:
        worker = await connect(name="api", version="0.22.1", runtime="node", os="linux")
        await worker.send(
            "registerfunction",
            id="a::b",
            description="Says hi.",
            request_format=FORMAT,
            response_format={"type": "string"},
            metadata={"m": 1},
        )
        await worker.send(
            "registertriggertype", id="ev", description="Events.", trigger_request_format=FORMAT
        )
        await worker.bind("t", "ev", function_id="a::b", config={"c": 1}, metadata={"x": 1})
        away = await connect(name="away", namespace="beta")
        await away.offer("only.beta")
        await (await connect(name="gamma", namespace="gamma")).offer("a::b", "both")
        await (await connect(name="delta", namespace="delta")).offer("both")
        return worker

    worker: FakeWorker = runner.run(make())
    return worker


DETAIL = {
    "function_id": "a::b",
    "namespace": "default",
    "worker_name": "api",
    "description": "Says hi.",
    "metadata": {"m": 1},
    "request_schema": FORMAT,
    "response_schema": {"type": "string"},
    "registered_triggers": [{"id": "t", "trigger_type": "ev", "config": {"c": 1}}],
}


async def test_all_about_a_function(worker: FakeWorker) -> None:
    assert await ask(worker, "engine::functions::info", {"function_id": "a::b"}) == DETAIL
    only = await ask(worker, "engine.functions.info", {"function_id": "only.beta"})
    assert only == {
        "function_id": "only.beta",
        "namespace": "beta",
        "worker_name": "away",
        "registered_triggers": [],
    }
    gamma = {"function_id": "a::b", "namespace": "gamma"}
    assert (await ask(worker, "engine::functions::info", gamma))["worker_name"] == "gamma"


async def test_all_about_some_functions(worker: FakeWorker) -> None:
    data = {"function_ids": ["a::b", "nope", "both", "a::b"]}
    assert (await ask(worker, "engine::functions::info", data))["functions"] == [
        DETAIL,
        {"function_id": "nope", "error": "not_found"},
        {"function_id": "both", "error": "not_found"},
    ]


@pytest.mark.parametrize(
    ("function_id", "data", "code", "text"),
    [
        ("functions", {"function_id": "x"}, "NOT_FOUND", "Function 'x' is not registered."),
        (
            "functions",
            {"function_id": "a::b", "namespace": "beta"},
            "NOT_FOUND",
            "Function 'a::b' is not registered.",
        ),
        ("functions", {"function_id": "both"}, "NOT_FOUND", "ambiguous: it is in delta, gamma"),
        ("functions", {}, "INVALID_ARGUMENTS", "either"),
        ("functions", {"function_id": "x", "function_ids": ["y"]}, "INVALID_ARGUMENTS", "either"),
        ("functions", {"function_ids": []}, "INVALID_ARGUMENTS", "1 to 32"),
        (
            "functions",
            {"function_ids": [str(number) for number in range(33)]},
            "INVALID_ARGUMENTS",
            "1 to 32",
        ),
        ("functions", {"function_id": "x", "namespace": " "}, "INVALID_NAMESPACE", ""),
        ("functions", {"function_ids": "x"}, "deserialization_error", "function_ids"),
        ("workers", {"name": "x"}, "NOT_FOUND", "Worker 'x' is not connected."),
        ("workers", {"name": "api", "namespace": "beta"}, "NOT_FOUND", "not connected"),
        ("workers", {}, "INVALID_ARGUMENTS", "worker_id"),
        ("triggers", {"id": "x"}, "NOT_FOUND", "Trigger type 'x' is not registered."),
        ("triggers", {"id": "ev", "namespace": "beta"}, "NOT_FOUND", "not registered"),
        ("triggers", {"id": "ev", "namespace": ""}, "INVALID_NAMESPACE", ""),
        ("triggers", {}, "deserialization_error", "id"),
        ("registered-triggers", {"id": "x"}, "NOT_FOUND", "Trigger 'x' is not registered."),
        ("registered-triggers", {"id": "t", "namespace": "b"}, "NOT_FOUND", "not registered"),
    ],
)
async def test_what_is_not_there_or_not_clear(
    worker: FakeWorker, function_id: str, data: Any, code: str, text: str
) -> None:
    answer = await refusal(worker, f"engine::{function_id}::info", data)
    assert answer[0] == code
    assert text in answer[1]


async def test_all_about_a_worker(worker: FakeWorker) -> None:
    detail = await ask(worker, "engine::workers::info", {"name": "api"})
    row = detail["worker"]
    assert (row["id"], row["pid"], row["internal"], row["os"]) == (worker.id, 1, False, "linux")
    assert set(row["latest_metrics"]) == {
        "invocations_total",
        "failures_total",
        "in_flight",
        "malformed_frames",
    }
    assert [function["function_id"] for function in detail["functions"]] == ["a::b"]
    assert detail["trigger_types"] == [
        {"id": "ev", "namespace": "default", "worker_name": "api", "description": "Events."}
    ]
    assert [trigger["id"] for trigger in detail["registered_triggers"]] == ["t"]
    listed = await ask(worker, "engine::workers::list", {"worker_id": worker.id})
    assert listed["workers"] == [row]


async def test_workers_with_one_name_are_told_apart(worker: FakeWorker, connect: Connect) -> None:
    twin = await connect(name="api", pid=2)
    code, text = await refusal(worker, "engine::workers::info", {"name": "api"})
    assert (code, "worker_id" in text) == ("NOT_FOUND", True)
    detail = await ask(worker, "engine::workers::info", {"worker_id": twin.id})
    assert detail["worker"]["id"] == twin.id
    other = await connect(name="api", namespace="beta")
    detail = await ask(worker, "engine::workers::info", {"name": "api", "namespace": "beta"})
    assert detail["worker"]["id"] == other.id


async def test_the_engine_is_a_worker_to_sdks_that_know_it(
    engine: Engine, worker: FakeWorker, connect: Connect
) -> None:
    engine.functions.add_local(declare(engine.site, "site.f", print))
    detail = await ask(worker, "engine::workers::info", {"name": "engine"})
    row = detail["worker"]
    assert (row["runtime"], row["status"], row["isolation"]) == (
        "engine",
        "available",
        "in-process",
    )
    assert (row["internal"], row["pid"]) == (True, None)
    assert {"site.f", "engine::workers::info"} <= set(row["functions"])
    assert {"http", "cron"} <= {type_["id"] for type_ in detail["trigger_types"]}
    old = await connect(version="0.11.2", runtime="python")
    rows = (await ask(old, "engine::workers::list"))["workers"]
    assert all(row["runtime"] != "engine" for row in rows)


async def test_the_engine_counts_what_a_worker_runs(connect: Connect) -> None:
    worker, caller = await connect("f", name="busy"), await connect()
    for number in range(3):
        await caller.start_call("f", invocation_id=f"i{number}")
    first, second, _ = await worker.transport.receive("invokefunction", 3)
    await worker.answer(first, result=1)
    await worker.answer(second, error={"code": "x", "message": "Broken."})
    detail = await ask(caller, "engine::workers::info", {"name": "busy"})
    assert detail["worker"]["active_invocations"] == 1
    assert detail["worker"]["latest_metrics"] == {
        "invocations_total": 3,
        "failures_total": 1,
        "in_flight": 1,
        "malformed_frames": 0,
    }


async def test_all_about_a_trigger_type(worker: FakeWorker) -> None:
    assert await ask(worker, "engine::triggers::info", {"id": "ev"}) == {
        "id": "ev",
        "namespace": "default",
        "worker_name": "api",
        "description": "Events.",
        "configuration_schema": FORMAT,
        "instance_count": 1,
    }
    http = await ask(worker, "engine::triggers::info", {"id": "api"})
    assert (http["id"], http["worker_name"], http["instance_count"]) == ("http", "engine", 0)
    assert http["configuration_schema"]["type"] == "object"


async def test_trigger_types_are_filtered(worker: FakeWorker) -> None:
    async def ids(data: Any) -> list[str]:
        listed = await ask(worker, "engine::triggers::list", data)
        return [row["id"] for row in listed["triggers"]]

    assert await ids({"worker": "api"}) == await ids({"search": "EVENTS."}) == ["ev"]
    assert await ids({"prefix": "cro"}) == ["cron"]
    assert "engine::workers-available" not in await ids({})
    assert "engine::workers-available" in await ids({"include_internal": True})
    listed = await ask(worker, "engine::triggers::list")
    assert set(listed["triggers"][0]) == {"id", "namespace", "worker_name", "description"}


async def test_the_list_of_types_of_its_time(worker: FakeWorker) -> None:
    listed = (await ask(worker, "engine::trigger-types::list", {}))["trigger_types"]
    rows = {row["id"]: row for row in listed}
    assert rows["ev"] == {"id": "ev", "description": "Events.", "trigger_request_format": FORMAT}
    assert [row["id"] for row in listed] == sorted(rows)
    assert "engine::workers-available" not in rows
    everything = await ask(worker, "engine.trigger-types.list", {"include_internal": True})
    assert "engine::workers-available" in [row["id"] for row in everything["trigger_types"]]


ROW = {
    "id": "t",
    "trigger_type": "ev",
    "function_id": "a::b",
    "namespace": "default",
    "worker_name": "api",
    "config": {"c": 1},
    "config_summary": '{"c":1}',
    "state": "active",
}


async def test_all_about_a_trigger(worker: FakeWorker) -> None:
    detail = await ask(worker, "engine::registered-triggers::info", {"id": "t"})
    type_ = await ask(worker, "engine::triggers::info", {"id": "ev"})
    assert detail == {**ROW, "metadata": {"x": 1}, "trigger": type_, "function": DETAIL}


async def test_a_trigger_without_type_and_function(worker: FakeWorker) -> None:
    await worker.bind("lonely", "later", function_id="nobody", config={"long": "x" * 99})
    detail = await ask(worker, "engine::registered-triggers::info", {"id": "lonely"})
    assert (detail["trigger"], detail["function"]) == (None, None)
    assert (detail["state"], "not registered" in detail["error"]) == ("parked", True)
    assert len(detail["config_summary"]) == 81
    assert detail["config_summary"].endswith("x…")
    assert "metadata" not in detail


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, ["site", "t", "u"]),
        (None, ["site", "t", "u"]),
        ({"search": "A::B"}, ["t"]),
        ({"trigger_type": "http"}, ["site", "u"]),
        ({"trigger_type": "api"}, ["site", "u"]),
        ({"function_id": "f"}, ["site", "u"]),
        ({"worker": "api"}, ["t", "u"]),
        ({"worker": "engine"}, ["site"]),
        ({"include_internal": True}, ["hidden", "site", "t", "u"]),
    ],
)
async def test_triggers_are_filtered(
    engine: Engine, worker: FakeWorker, wanted: Any, ids: list[str]
) -> None:
    await worker.bind("u", "api", config={"api_path": "u"})
    await worker.bind("hidden", "http", function_id="engine::x", config={"api_path": "h"})
    site = Trigger(
        id="site", trigger_type="http", function_id="f", config={"api_path": "s"}, source="code"
    )
    await engine.triggers.register(site)
    listed = await ask(worker, "engine::registered-triggers::list", wanted)
    assert [row["id"] for row in listed["registered_triggers"]] == ids


async def test_triggers_of_the_site_with_one_id_are_told_apart(
    engine: Engine, worker: FakeWorker
) -> None:
    for namespace in ("one", "two"):
        trigger = Trigger(
            id="same", trigger_type="x", function_id="f", namespace=namespace, source="code"
        )
        await engine.triggers.register(trigger)
    code, text = await refusal(worker, "engine::registered-triggers::info", {"id": "same"})
    assert (code, "one, two" in text) == ("NOT_FOUND", True)
    data = {"id": "same", "namespace": "two"}
    detail = await ask(worker, "engine::registered-triggers::info", data)
    assert detail["namespace"] == "two"


async def test_metadata_that_old_models_refuse_are_left_out(connect: Connect) -> None:
    worker = await connect(runtime="python", version="0.11.2")
    await worker.bind("t", "later", metadata=[1])
    (row,) = (await ask(worker, "engine::triggers::list"))["triggers"]
    assert "metadata" not in row


async def test_ids_that_begin_with_what_is_searched_come_first(connect: Connect) -> None:
    worker = await connect("b.mail", "mail.z", "mail.a")
    await worker.send("registerfunction", id="a", description="All about mail.")
    listed = await ask(worker, "engine::functions::list", {"search": "mail"})
    ids = [row["function_id"] for row in listed["functions"]]
    assert ids == ["mail.a", "mail.z", "b.mail", "a"]


async def test_functions_are_filtered_by_any_worker_that_offers_them(connect: Connect) -> None:
    first = await connect("shared", name="first")
    await connect("shared", name="second")
    for name in ("first", "second"):
        listed = await ask(first, "engine::functions::list", {"worker": name})
        assert [row["worker_name"] for row in listed["functions"]] == [name]
    listed = await ask(first, "engine::functions::list", {"workers": [first.id]})
    assert [row["function_id"] for row in listed["functions"]] == ["shared"]


async def test_a_caller_sees_what_it_may_see(
    worker: FakeWorker, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def visible(connection: WorkerConnection | None, info: FunctionInfo) -> bool:
        return info.function_id.startswith(("engine::", "free"))

    monkeypatch.setattr(visibility, "sees_everything", lambda connection: connection is None)
    monkeypatch.setattr(visibility, "visible", visible)
    await worker.offer("free")
    await worker.bind("free-t", "ev", function_id="free")
    listed = await ask(worker, "engine::functions::list")
    assert {row["function_id"].split("::")[0] for row in listed["functions"]} == {"free", "engine"}
    for function_id in ("a::b", "unknown"):
        answer = await refusal(worker, "engine::functions::info", {"function_id": function_id})
        assert answer[0] == "FORBIDDEN"
    batch = await ask(worker, "engine::functions::info", {"function_ids": ["a::b", "free"]})
    assert batch["functions"][0] == {"function_id": "a::b", "error": "forbidden"}
    assert batch["functions"][1]["function_id"] == "free"
    detail = await ask(worker, "engine::workers::info", {"name": "api"})
    assert detail["worker"]["functions"] == ["free"]
    assert [row["function_id"] for row in detail["functions"]] == ["free"]
    assert [row["id"] for row in detail["registered_triggers"]] == ["free-t"]
    listed = await ask(worker, "engine::registered-triggers::list")
    assert [row["id"] for row in listed["registered_triggers"]] == ["free-t"]
    answer = await refusal(worker, "engine::registered-triggers::info", {"id": "t"})
    assert answer[0] == "NOT_FOUND"
    data = {"trigger_type": "ev", "function_id": "a::b"}
    assert (await refusal(worker, "engine::register_trigger", data))[0] == "FORBIDDEN"
    old = await connect(version="0.9.0", runtime="python")
    listed = await ask(old, "engine::triggers::list")
    assert [row["id"] for row in listed["triggers"]] == ["free-t"]
    assert (await ainvoke("engine::functions::info", {"function_id": "a::b"})) == DETAIL


async def test_a_session_decides_what_is_seen(engine: Engine, worker: FakeWorker) -> None:
    rules = Rules(restricts_calls=True, expose_functions=read_filters([{"metadata": {"m": 1}}]))
    everywhere = replace(rules, allowed_functions=("engine::functions::list", LISTED))
    guest = FakeWorker(engine, session=Session.of(everywhere))
    await guest.introduce(name="guest")
    listed = await ask(guest, "engine::functions::list", {"include_internal": True})
    ids = {row["function_id"] for row in listed["functions"]}
    assert {"a::b", LISTED} <= ids
    assert "engine::functions::info" not in ids
    (info,) = (await ask(guest, LISTED, {"search": "a::b"}))["registered_triggers"]
    assert info["function_id"] == "a::b"


async def test_without_the_database_this_node_is_told_of(
    engine: Engine, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*arguments: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(engine.database, "run", fail)
        listed = await ask(worker, "engine::workers::list", {"search": "api"})
        assert [row["name"] for row in listed["workers"]] == ["api"]
        assert await ask(worker, "engine::functions::info", {"function_id": "a::b"}) == DETAIL


async def test_baggage_is_that_of_the_call(worker: FakeWorker) -> None:
    sent = {"baggage": "user=a%20b;p=1, n=1,,=x,odd"}
    found = await ask(worker, "engine::baggage::get", {"key": "user"}, **sent)
    assert found == {"value": "a b"}
    assert await ask(worker, "engine::baggage::get", {"key": "other"}, **sent) == {"value": None}
    everything = await ask(worker, "engine::baggage::get_all", None, **sent)
    assert everything == {"baggage": {"user": "a b", "n": "1"}}
    assert await ask(worker, "engine::baggage::get_all") == {"baggage": {}}
    kept = await ask(worker, "engine::baggage::set", {"key": "k", "value": "v"})
    assert kept == {"success": True, "note": baggage.NOTE}
    code, _ = await refusal(worker, "engine::baggage::get", {})
    assert code == "deserialization_error"


def test_a_very_long_baggage_is_cut() -> None:
    assert len(baggage.members(",".join(f"k{n}=v" for n in range(1000)))) == baggage.MAX_MEMBERS
