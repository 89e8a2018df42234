"""What a node tells of the functions, workers and triggers of others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import Node, Trigger
from iii_triggers.trigger_types import functions_available
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer
from tests.support.workers import FakeWorker

from .conftest import publish_rows

Offer = Callable[..., Awaitable[FakeWorker]]

FORMAT = {"type": "object"}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions_available, "QUIET_S", 0.02)


@pytest.fixture
def far(here: Engine, there: Engine, offer: Offer, runner: Any) -> FakeWorker:
    """A worker of the other node, with one of everything."""

    async def make() -> FakeWorker:
        worker = await offer(there, name="far", version="0.25.0", isolation="docker", os="linux")
        await worker.send(
            "registerfunction",
            id="far.f",
            description="Far away.",
            request_format=FORMAT,
            metadata={"m": 1},
        )
        await worker.send("registertriggertype", id="far.type", description="Events.")
        await worker.bind("far-t", "far.type", function_id="far.f", config={"a": 1})
        await publish_rows(there)
        await here.refresh()
        return worker

    worker: FakeWorker = runner.run(make())
    return worker


async def test_functions_of_other_nodes_are_listed(far: FakeWorker) -> None:
    listed = await ainvoke("engine::functions::list", {"prefix": "far."})
    row = {
        "function_id": "far.f",
        "namespace": "default",
        "worker_name": "far",
        "description": "Far away.",
        "metadata": {"m": 1},
    }
    assert listed["functions"] == [row]
    assert await ainvoke("engine::functions::list", {"worker": "far"}) == listed
    assert await ainvoke("engine::functions::info", {"function_id": "far.f"}) == {
        **row,
        "request_schema": FORMAT,
        "registered_triggers": [{"id": "far-t", "trigger_type": "far.type", "config": {"a": 1}}],
    }


async def test_workers_of_other_nodes_are_listed(here: Engine, far: FakeWorker) -> None:
    listed = (await ainvoke("engine::workers::list", {"search": "far"}))["workers"]
    (row,) = listed
    assert (row["id"], row["version"], row["status"]) == (far.id, "0.25.0", "connected")
    assert (row["functions"], row["function_count"]) == (["far.f"], 1)
    assert (row["isolation"], row["os"], row["internal"]) == ("docker", "linux", False)
    detail = await ainvoke("engine::workers::info", {"name": "far"})
    assert detail["worker"] == row
    assert [one["function_id"] for one in detail["functions"]] == ["far.f"]
    assert [one["id"] for one in detail["trigger_types"]] == ["far.type"]
    assert [one["id"] for one in detail["registered_triggers"]] == ["far-t"]


async def test_triggers_and_types_of_other_nodes_are_listed(here: Engine, far: FakeWorker) -> None:
    types = (await ainvoke("engine::triggers::list", {"search": "far"}))["triggers"]
    assert [(row["id"], row["worker_name"]) for row in types] == [("far.type", "far")]
    info = await ainvoke("engine::triggers::info", {"id": "far.type"})
    assert info["instance_count"] == 1
    listed = await ainvoke("engine::registered-triggers::list", {"worker": "far"})
    (row,) = listed["registered_triggers"]
    assert (row["id"], row["state"], row["config_summary"]) == ("far-t", "active", '{"a":1}')
    detail = await ainvoke("engine::registered-triggers::info", {"id": "far-t"})
    assert detail["trigger"]["id"] == "far.type"
    assert detail["function"]["function_id"] == "far.f"


async def watching(engine: Engine, offer: Offer, kind: str, function_id: str) -> FakeWorker:
    worker = await offer(engine, function_id)
    await worker.bind(f"t-{function_id}", kind, function_id=function_id)
    return worker


async def told(worker: FakeWorker, number: int) -> list[Any]:
    for count in range(1, number + 1):
        frames = await worker.transport.receive("invokefunction", count)
        await worker.answer(frames[count - 1], result=None)
    return [frame["data"] for frame in worker.invocations]


async def test_functions_that_come_and_go_elsewhere_are_told(
    here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await watching(here, offer, "engine::functions-available", "told")
    far = await offer(there, "far.f")
    (firing,) = await told(worker, 1)
    assert "far.f" in [row["function_id"] for row in firing["functions"]]
    await far.leave()
    await publish_rows(there)
    await here.refresh()
    firing = (await told(worker, 2))[1]
    assert "far.f" not in [row["function_id"] for row in firing["functions"]]


async def test_workers_that_come_and_go_elsewhere_are_told_once(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    layer.doubles = True
    worker = await watching(here, offer, "engine::workers-available", "told")
    far = await offer(there)
    await far.leave()
    events = [(event["event"], event["worker_id"]) for event in await told(worker, 3)]
    assert events == [
        ("worker_connected", far.id),
        ("worker_metadata_updated", far.id),
        ("worker_disconnected", far.id),
    ]


async def test_workers_of_a_node_that_vanished_are_told_once(
    here: Engine, there: Engine, offer: Offer
) -> None:
    before = await offer(there)
    worker = await watching(here, offer, "engine::workers-available", "told")
    after = await offer(there)
    await told(worker, 2)
    await here.database.run(Node.objects.filter(node_id=there.node.node_id).delete)
    await here.network.check()
    events = [(event["event"], event["worker_id"]) for event in await told(worker, 4)]
    assert sorted(events[2:]) == sorted(
        [("worker_disconnected", before.id), ("worker_disconnected", after.id)]
    )
    # It was not dead after all: what it says of workers that are gone is no news.
    await before.leave()
    beacon = await offer(there)
    events = [(event["event"], event["worker_id"]) for event in await told(worker, 6)]
    assert events[4:] == [("worker_connected", beacon.id), ("worker_metadata_updated", beacon.id)]


async def test_a_durable_trigger_is_live_on_every_node(
    here: Engine, there: Engine, offer: Offer
) -> None:
    far = await offer(there)
    data = {"trigger_type": "http", "function_id": "f", "config": {"api_path": "x"}}
    made = (await far.call("engine::register_trigger", data))["result"]
    await here.refresh()
    assert here.triggers.get(made["id"]) is not None

    async def is_gone() -> bool:
        await there.refresh()
        return there.triggers.get(made["id"]) is None

    assert (await ainvoke("engine::unregister_trigger", made)) == {"removed": True}
    await eventually(is_gone)


async def test_a_provider_of_another_node_may_refuse_a_durable_trigger(
    here: Engine, there: Engine, offer: Offer
) -> None:
    provider, near = await offer(there), await offer(here)
    await provider.send("registertriggertype", id="slack", description="Messages.")
    await publish_rows(there)
    for number, error in enumerate((None, {"code": "no", "message": "No."}), start=1):
        data = {"trigger_type": "slack", "function_id": "f", "config": {"n": number}}
        await near.start_call("engine::register_trigger", data, invocation_id=f"i{number}")
        frame = await handed(there, provider, number)
        fields = {key: frame[key] for key in ("id", "trigger_type", "function_id")}
        await provider.send("triggerregistrationresult", **fields, error=error)
        result = (await near.transport.receive("invocationresult", number + 1))[number]
        assert ("error" in result) == (error is not None)
    assert result["error"]["message"] == "no: No."
    rows = await here.database.run(lambda: list(Trigger.objects.values_list("config", flat=True)))
    assert rows == [{"n": 1}]
    assert provider.transport.of_type("unregistertrigger") == []


async def handed(engine: Engine, provider: FakeWorker, number: int) -> Any:
    """Return the trigger that a provider is handed once its node has seen the row."""

    async def is_there() -> bool:
        await engine.refresh()
        return len(provider.transport.of_type("registertrigger")) >= number

    await eventually(is_there)
    return provider.transport.of_type("registertrigger")[number - 1]
