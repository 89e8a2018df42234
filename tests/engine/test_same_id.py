"""One id in several namespaces: the site's triggers are known by both, a worker's by its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger as LiveTrigger
from iii_triggers.models import Trigger
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]
Add = Callable[..., Awaitable[None]]


@pytest.fixture
def add(engine: Engine) -> Add:
    """Save a trigger of the site with the id ``same``, and let the engine look."""

    async def add(namespace: str, type_: str = "http", **config: Any) -> None:
        values = {"namespace": namespace, "trigger_type": type_, "config": config}
        create = partial(Trigger.objects.create, trigger_id="same", function_id="f", **values)
        await engine.database.run(create)
        await engine.sync.poll()

    return add


def paths(engine: Engine) -> set[str]:
    return {trigger.config["api_path"] for trigger in engine.triggers.active("http")}


def served(engine: Engine, *candidates: str) -> set[str]:
    routes = engine.trigger_type("http").routes  # type: ignore[union-attr]
    return {path for path in candidates if routes.match("GET", f"/{path}") is not None}


def states(engine: Engine) -> dict[str, str]:
    return {entry.trigger.namespace: entry.state for entry in engine.triggers.entries()}


async def test_triggers_of_two_namespaces_both_serve(
    engine: Engine, add: Add, flush: Flush
) -> None:
    await add("default", api_path="one")
    await add("tenant", api_path="two")
    assert paths(engine) == served(engine, "one", "two") == {"one", "two"}
    await flush()
    rows = await engine.database.run(lambda: list(Trigger.objects.values_list("state", flat=True)))
    assert rows == ["active", "active"]


async def test_each_goes_and_changes_alone(engine: Engine, add: Add) -> None:
    await add("default", api_path="one")
    await add("tenant", api_path="two")

    def move_one_and_change_the_other() -> None:
        default, tenant = Trigger.objects.order_by("namespace")
        default.namespace = "elsewhere"
        default.save()
        tenant.config = {"api_path": "three"}
        tenant.save()

    await engine.database.run(move_one_and_change_the_other)
    await engine.sync.poll()
    assert states(engine) == {"elsewhere": "active", "tenant": "active"}
    assert served(engine, "one", "two", "three") == {"one", "three"}
    await engine.database.run(lambda: Trigger.objects.get(namespace="elsewhere").delete())
    await engine.sync.poll()
    assert served(engine, "one", "two", "three") == {"three"}


async def test_a_worker_can_neither_take_nor_remove_the_id_in_any_namespace(
    engine: Engine, add: Add, connect: Connect
) -> None:
    await add("tenant", api_path="one")
    worker = await connect()
    await worker.send("unregistertrigger", id="same")
    for namespace in ("default", "tenant"):
        await worker.bind("same", "http", config={"api_path": "mine"}, namespace=namespace)
    refusals = worker.transport.of_type("triggerregistrationresult")
    assert ["taken by a trigger of the site" in r["error"]["message"] for r in refusals] == [
        True,
        True,
    ]
    assert served(engine, "one", "mine") == {"one"}


@pytest.mark.parametrize("namespace", ["default", "tenant"])
async def test_a_trigger_of_the_site_takes_the_id_from_a_worker(
    engine: Engine, add: Add, connect: Connect, flush: Flush, namespace: str
) -> None:
    worker = await connect()
    await worker.bind("same", "http", config={"api_path": "x/:mine"}, namespace="other")
    await add(namespace, api_path="x/:ours")
    assert states(engine) == {namespace: "active"}
    assert worker.connection.trigger_ids == set()
    await worker.leave()
    await flush()
    assert served(engine, "x/1") == {"x/1"}
    rows = await engine.database.run(lambda: list(Trigger.objects.values_list("namespace")))
    assert rows == [(namespace,)]


async def test_of_workers_the_id_alone_counts(engine: Engine, connect: Connect) -> None:
    first, second = await connect(), await connect()
    await first.bind("same", "http", config={"api_path": "one"}, namespace="one")
    await second.bind("same", "http", config={"api_path": "two"}, namespace="two")
    assert states(engine) == {"two": "active"}
    assert served(engine, "one", "two") == {"two"}


async def test_a_provider_gets_an_id_once_and_the_other_trigger_says_so(
    engine: Engine, connect: Connect
) -> None:
    """On the wire a trigger has its id only: a second one would replace the first."""
    provider = await connect()
    await provider.send("registertriggertype", id="ev")
    here, there = (
        LiveTrigger(
            id="same", trigger_type="ev", function_id="f", namespace=name, source="admin", pk=pk
        )
        for pk, name in enumerate(("default", "tenant"))
    )
    await engine.triggers.register(here)
    entry = await engine.triggers.register(there)
    assert states(engine) == {"default": "active", "tenant": "rejected"}
    assert "namespace 'default'" in entry.error
    assert len(provider.transport.of_type("registertrigger")) == 1
    await engine.triggers.unregister("same", namespace="default")
    assert states(engine) == {"tenant": "active"}


async def test_a_refusal_of_a_provider_meets_the_trigger_of_the_type_it_names(
    engine: Engine, connect: Connect
) -> None:
    provider = await connect()
    for pk, name in enumerate(("default", "tenant")):
        await provider.send("registertriggertype", id=f"ev-{name}")
        await engine.triggers.register(
            LiveTrigger(
                id="same",
                trigger_type=f"ev-{name}",
                function_id="f",
                namespace=name,
                source="admin",
                pk=pk,
            )
        )
    await provider.send(
        "triggerregistrationresult", id="same", trigger_type="ev-tenant", error="no"
    )
    assert states(engine) == {"default": "active", "tenant": "parked"}
