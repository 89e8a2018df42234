"""Rows of the site and the registry in step (design, section 4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions, trigger
from iii_triggers.engine.sync import prepare_rows
from iii_triggers.models import Change, Function, Node, Trigger, TriggerType, Worker
from iii_triggers.models.changes import KEEP
from tests.support.eventually import eventually
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]


def new(trigger_id: str, path: str = "x", **values: Any) -> Trigger:
    return Trigger.objects.create(
        trigger_id=trigger_id,
        **{"trigger_type": "http", "function_id": "f", "config": {"api_path": path}, **values},
    )


def change(id_: str, /, **values: Any) -> None:
    row = Trigger.objects.get(trigger_id=id_)
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


@pytest.fixture
def edit(engine: Engine) -> Callable[..., Awaitable[Any]]:
    """Do database work as another process would, and let the engine look once."""

    async def edit(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        result = await engine.database.run(partial(work, *arguments, **options))
        await engine.sync.poll()
        return result

    return edit


Edit = Callable[..., Awaitable[Any]]


def states(engine: Engine) -> dict[str, str]:
    return {entry.trigger.id: entry.state for entry in engine.triggers.entries()}


def paths(engine: Engine) -> set[str]:
    return {trigger.config["api_path"] for trigger in engine.triggers.active("http")}


def row(trigger_id: str) -> Trigger:
    return Trigger.objects.get(trigger_id=trigger_id)


async def test_a_saved_trigger_serves_after_one_look_and_its_state_is_shown(
    engine: Engine, edit: Edit, flush: Flush
) -> None:
    await edit(new, "t")
    assert states(engine) == {"t": "active"}
    await flush()
    assert (await engine.database.run(row, "t")).state == "active"
    assert await engine.sync.poll() == 0


async def test_a_disabled_trigger_is_gone_and_an_enabled_one_is_back(
    engine: Engine, edit: Edit
) -> None:
    await edit(new, "t")
    await edit(change, "t", enabled=False)
    assert states(engine) == {}
    await edit(change, "t", enabled=True)
    assert states(engine) == {"t": "active"}


async def test_a_trigger_switched_off_and_on_between_two_looks_is_shown_as_it_is(
    engine: Engine, edit: Edit, flush: Flush
) -> None:
    await edit(new, "t")
    await flush()

    def off_and_on() -> None:
        change("t", enabled=False)
        change("t", enabled=True)

    await edit(off_and_on)
    await flush()
    assert (await engine.database.run(row, "t")).state == "active"


async def test_a_deleted_trigger_is_gone(engine: Engine, edit: Edit) -> None:
    await edit(new, "t")
    await edit(lambda: Trigger.objects.all().delete())
    assert states(engine) == {}


async def test_a_trigger_that_comes_and_goes_between_two_looks_does_nothing(
    engine: Engine, edit: Edit
) -> None:
    await edit(lambda: new("t").delete())
    assert states(engine) == {}


async def test_a_trigger_that_changes_its_id_and_path_leaves_nothing_behind(
    engine: Engine, edit: Edit
) -> None:
    await edit(new, "t")
    await edit(change, "t", trigger_id="u", config={"api_path": "y"})
    assert states(engine) == {"u": "active"}
    assert paths(engine) == {"y"}


async def test_triggers_may_swap_their_ids_between_two_looks(engine: Engine, edit: Edit) -> None:
    await edit(lambda: [new("a", "one"), new("b", "two")])

    def swap() -> None:
        change("a", trigger_id="c")
        change("b", trigger_id="a")
        change("c", trigger_id="b")

    await edit(swap)
    assert states(engine) == {"a": "active", "b": "active"}
    assert paths(engine) == {"one", "two"}


async def test_many_triggers_come_at_once(engine: Engine, edit: Edit) -> None:
    await edit(lambda: [new(f"t{i}", f"p{i}") for i in range(50)])
    assert len(engine.triggers.active("http")) == 50


async def test_a_bad_config_is_rejected_with_its_reason_and_mended_by_a_save(
    engine: Engine, edit: Edit, flush: Flush
) -> None:
    await edit(new, "t", config={})
    await flush()
    stored = await engine.database.run(row, "t")
    assert stored.state == "rejected"
    assert "api_path is required" in stored.error
    await edit(change, "t", config={"api_path": "x"})
    await flush()
    stored = await engine.database.run(row, "t")
    assert (stored.state, stored.error) == ("active", "")


async def test_a_rejected_trigger_gets_its_route_when_the_other_lets_it_go(
    engine: Engine, edit: Edit
) -> None:
    await edit(new, "first", "same")
    await edit(new, "second", "same", function_id="g")
    assert states(engine) == {"first": "active", "second": "rejected"}
    await edit(change, "first", enabled=False)
    assert states(engine) == {"second": "active"}


async def test_triggers_may_swap_their_routes_between_two_looks(engine: Engine, edit: Edit) -> None:
    await edit(lambda: [new("a", "one"), new("b", "two", function_id="g")])

    def swap() -> None:
        change("a", config={"api_path": "two"})
        change("b", config={"api_path": "one"})

    await edit(swap)
    assert states(engine) == {"a": "active", "b": "active"}


async def test_a_start_loads_what_is_enabled(
    engine: Engine, edit: Edit, site: SiteFunctions
) -> None:
    await edit(lambda: [new("on"), new("off", "y", enabled=False)])
    second = Engine(site=site)
    await second.start()
    assert states(second) == {"on": "active"}
    await second.stop()


async def test_a_start_writes_no_states_that_the_rows_tell(
    engine: Engine, edit: Edit, site: SiteFunctions, flush: Flush
) -> None:
    """For ten thousand triggers that took seconds, in which no other process could write."""
    await edit(lambda: [new("a"), new("b", "y"), new("c", "x", function_id="g")])
    await flush()
    park = partial(Trigger.objects.filter(trigger_id="b").update, state="parked")
    await engine.database.run(park)
    second = Engine(site=site)
    await second.start()
    assert states(second) == {"a": "active", "b": "active", "c": "rejected"}
    assert [write.pk for _, write in second.mirror.take().values()] == [
        (await engine.database.run(row, "b")).pk
    ]
    await second.stop()


async def test_an_engine_that_slept_through_a_pruning_reads_everything(
    engine: Engine, edit: Edit
) -> None:
    await edit(new, "gone")

    def change_much() -> None:
        Trigger.objects.all().delete()
        new("t", "y")
        kept = range(10 * KEEP, 10 * KEEP + KEEP)
        Change.objects.all().delete()
        Change.objects.bulk_create(
            Change(revision=revision, kind=Change.Kind.TRIGGER, key="0") for revision in kept
        )

    await edit(change_much)
    assert states(engine) == {"t": "active"}


async def test_a_look_that_fails_is_made_again(engine: Engine, edit: Edit) -> None:
    class Broken(Exception):
        pass

    async def fail(*_: Any) -> None:
        raise Broken

    register = engine.triggers.register
    type(engine.triggers).register = fail  # type: ignore[method-assign]
    try:
        with pytest.raises(Broken):
            await edit(new, "t")
    finally:
        type(engine.triggers).register = register.__func__  # type: ignore[attr-defined, method-assign]
    assert await engine.sync.poll() == 1
    assert states(engine) == {"t": "active"}


async def test_the_loops_of_a_running_engine_look_and_write_by_themselves(
    engine: Engine, site: SiteFunctions
) -> None:
    with override_settings(III_SYNC_INTERVAL_S=0.01, III_WRITE_INTERVAL_S=0.01):
        second = Engine(site=site)
        await second.start()
        await second.database.run(lambda: new("t"))

        async def is_shown() -> bool:
            return (await second.database.run(row, "t")).state == "active"

        await eventually(is_shown)
        await second.stop()


def code_rows() -> list[tuple[str, dict[str, Any], bool]]:
    rows = Trigger.objects.filter(source=Trigger.Source.CODE).order_by("trigger_id")
    return [(row.trigger_id, row.config, row.enabled) for row in rows]


def test_triggers_in_code_become_rows_that_follow_the_code(transactional_db: None) -> None:
    site = SiteFunctions()
    http = partial(trigger, "http")
    declare(site, "f", print, triggers=[http(api_path="a"), http(api_path="b")])
    prepare_rows(site, [])
    assert code_rows() == [
        ("f:http", {"api_path": "a"}, True),
        ("f:http:2", {"api_path": "b"}, True),
    ]
    declare(site, "f", print, triggers=[http(api_path="changed")])
    prepare_rows(site, [])
    assert code_rows() == [("f:http", {"api_path": "changed"}, True)]
    prepare_rows(SiteFunctions(), [])
    assert code_rows() == []


def test_whether_a_trigger_in_code_is_enabled_is_the_admins_word(transactional_db: None) -> None:
    site = SiteFunctions()
    declare(site, "f", print, triggers=[trigger("http", id="t", api_path="a")])
    prepare_rows(site, [])
    change("t", enabled=False)
    prepare_rows(site, [])
    assert code_rows() == [("t", {"api_path": "a"}, False)]
    declare(site, "f", print, triggers=[trigger("http", id="t", api_path="b")])
    prepare_rows(site, [])
    assert code_rows() == [("t", {"api_path": "b"}, False)]


def test_code_that_did_not_change_changes_nothing(transactional_db: None) -> None:
    site = SiteFunctions()
    declare(site, "f", print, triggers=[trigger("http", api_path="a")])
    prepare_rows(site, [])
    before = list(Change.objects.filter(kind=Change.Kind.TRIGGER))
    prepare_rows(site, [])
    assert list(Change.objects.filter(kind=Change.Kind.TRIGGER)) == before


def test_triggers_of_others_are_not_touched_by_code(transactional_db: None) -> None:
    new("admins", source=Trigger.Source.ADMIN)
    new("apis", source=Trigger.Source.API)
    prepare_rows(SiteFunctions(), [])
    assert Trigger.objects.count() == 2


def test_a_trigger_in_code_outlives_the_worker_that_had_its_id(
    transactional_db: None, make_worker: Callable[[], Worker]
) -> None:
    worker = make_worker()
    new("f:http", source=Trigger.Source.WORKER, worker=worker)
    site = SiteFunctions()
    declare(site, "f", print, triggers=[trigger("http", api_path="a")])
    prepare_rows(site, [])
    worker.delete()
    assert code_rows() == [("f:http", {"api_path": "a"}, True)]


def test_functions_of_the_site_become_rows_and_go_with_the_code(transactional_db: None) -> None:
    site = SiteFunctions()
    declare(site, "f", print)
    prepare_rows(site, [])
    prepare_rows(site, [])
    assert [function.function_id for function in Function.objects.all()] == ["f"]
    prepare_rows(SiteFunctions(), [])
    assert not Function.objects.exists()


async def test_the_types_of_the_engine_become_rows(engine: Engine) -> None:
    row = await engine.database.run(lambda: TriggerType.objects.get(type_id="http"))
    assert row.source == TriggerType.Source.BUILTIN
    assert row.config_schema["required"] == ["api_path"]
    assert await engine.database.run(Node.objects.count) == 1
