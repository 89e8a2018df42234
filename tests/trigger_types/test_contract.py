"""What every trigger type promises (``TriggerRegistrator``); a new type is enrolled by one line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import IiiError, InvalidConfig
from iii_triggers.trigger_types.base import TriggerRegistrator
from iii_triggers.trigger_types.configuration import ConfigurationTriggerType
from iii_triggers.trigger_types.cron import CronTriggerType
from iii_triggers.trigger_types.functions_available import FunctionsAvailableTriggerType
from iii_triggers.trigger_types.http import HttpTriggerType
from iii_triggers.trigger_types.http.routes import Match
from iii_triggers.trigger_types.log import LogTriggerType
from iii_triggers.trigger_types.queue import QueueTriggerType
from iii_triggers.trigger_types.site_fired import SiteFiredTriggerType
from iii_triggers.trigger_types.state import StateTriggerType
from iii_triggers.trigger_types.stream import (
    StreamJoinTriggerType,
    StreamLeaveTriggerType,
    StreamTriggerType,
)
from iii_triggers.trigger_types.stream.places import Place
from iii_triggers.trigger_types.subscribe import SubscribeTriggerType
from iii_triggers.trigger_types.worker_owned import WorkerOwnedTriggerType
from iii_triggers.trigger_types.workers_available import WorkersAvailableTriggerType
from tests.support.workers import FakeTransport


class Subject:
    """A type under test. ``live`` tells the configs it serves now, by trigger id."""

    good: tuple[Any, Any] = ({}, {"a": 1})
    bad: tuple[tuple[Any, str], ...] = (([], ""), ("text", ""))
    """Configs that must be refused, with the field to blame."""

    type: TriggerRegistrator

    def live(self) -> dict[str, Any] | None:
        """None: the type itself has nothing to look at."""
        return None


class Http(Subject):
    good = ({"api_path": "one", "http_method": "POST"}, {"api_path": "two/:id"})
    bad = (
        ([], ""),
        ({}, "api_path"),
        ({"api_path": 7}, "api_path"),
        ({"api_path": "x", "http_method": "FETCH"}, "http_method"),
        ({"api_path": "x", "timeout_ms": 0}, "timeout_ms"),
    )

    def __init__(self) -> None:
        self.type = self.http = HttpTriggerType()

    def live(self) -> dict[str, Any]:
        found = [self.http.routes.match("POST", "/one"), self.http.routes.match("GET", "/two/2")]
        triggers = [match.target.trigger for match in found if isinstance(match, Match)]
        return {trigger.id: trigger.config for trigger in triggers}


class WorkerOwned(Subject):
    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.type = WorkerOwnedTriggerType(WorkerConnection(transport=self.transport))

    def live(self) -> dict[str, Any]:
        """What a provider that follows the protocol has."""
        live: dict[str, Any] = {}
        for frame in self.transport.frames:
            if frame["type"] == "registertrigger":
                live[frame["id"]] = frame["config"]
            else:
                live.pop(frame["id"], None)
        return live


class SiteFired(Subject):
    bad = (([], ""), ({"n": "text"}, "n"), ({"n": 1, "m": 2}, ""))
    good = ({}, {"n": 2})

    def __init__(self) -> None:
        schema = {"properties": {"n": {"type": "integer"}}, "additionalProperties": False}
        self.type = SiteFiredTriggerType(schema)


class Subscribe(Subject):
    good = ({"topic": "one"}, {"topic": "two"})
    bad = (([], ""), ({}, "topic"), ({"topic": ""}, "topic"), ({"topic": 7}, "topic"))

    def __init__(self) -> None:
        self.type = self.subscribe = SubscribeTriggerType()

    def live(self) -> dict[str, Any]:
        triggers = [t for topic in ("one", "two") for t in self.subscribe.subscribers(topic)]
        return {trigger.id: trigger.config for trigger in triggers}


class Queue(Subject):
    good = ({"topic": "one"}, {"topic": "two", "queue_config": {"type": "fifo"}})
    bad = (
        ([], ""),
        ({}, "topic"),
        ({"topic": ""}, "topic"),
        ({"topic": "t", "queue_config": {"concurrency": 0}}, "queue_config"),
    )

    def __init__(self) -> None:
        self.type = QueueTriggerType()


class Cron(Subject):
    good = ({"schedule": "0 9 * * *"}, {"expression": "*/5 * * * * *"})
    bad = (
        ([], ""),
        ({}, "schedule"),
        ({"expression": "61 * * * *"}, "expression"),
        ({"schedule": "0 9 * * *", "timezone": "Mars"}, "timezone"),
        ({"schedule": "0 9 * * *", "misfire": "never"}, "misfire"),
    )

    def __init__(self) -> None:
        self.type = CronTriggerType()


class Stream(Subject):
    good = ({"stream_name": "one"}, {"channel": "two", "group_id": "", "item_id": "i"})
    bad = (
        ([], ""),
        ({}, "stream_name"),
        ({"stream_name": ""}, "stream_name"),
        ({"channel": 7}, "channel"),
        ({"stream_name": "one", "channel": "two"}, "channel"),
        ({"stream_name": "one", "group_id": 7}, "group_id"),
        ({"stream_name": "one", "condition_function_id": 7}, "condition_function_id"),
    )

    def __init__(self) -> None:
        self.type = self.stream = StreamTriggerType()

    def live(self) -> dict[str, Any]:
        places = [Place(stream_name=name, group_id="g", item_id="i") for name in ("one", "two")]
        found = [trigger for place in places for trigger, _ in self.stream.triggers_for(place)]
        return {trigger.id: trigger.config for trigger in found}


class StreamJoin(Subject):
    def __init__(self) -> None:
        self.type = self.presence = StreamJoinTriggerType()

    def live(self) -> dict[str, Any]:
        return {trigger.id: trigger.config for trigger in self.presence.triggers()}


class StreamLeave(StreamJoin):
    def __init__(self) -> None:
        self.type = self.presence = StreamLeaveTriggerType()


class FunctionsAvailable(Subject):
    def __init__(self) -> None:
        self.type = self.available = FunctionsAvailableTriggerType()

    def live(self) -> dict[str, Any]:
        return {trigger.id: trigger.config for trigger in self.available.triggers()}


class WorkersAvailable(Subject):
    def __init__(self) -> None:
        self.type = self.workers = WorkersAvailableTriggerType()

    def live(self) -> dict[str, Any]:
        return {trigger.id: trigger.config for trigger in self.workers.triggers()}


class Log(Subject):
    good = ({"level": "all", "severity_min": 0}, {"level": "error"})
    bad = (([], ""), ({"level": 7}, "level"), ({"severity_min": "9"}, "severity_min"))

    def __init__(self) -> None:
        self.type = self.log = LogTriggerType()

    def live(self) -> dict[str, Any]:
        return {trigger.id: trigger.config for trigger in self.log.triggers()}


class ConfigurationChanges(Subject):
    good = (
        {"configuration_id": "one", "event_types": ["configuration:updated"]},
        {"configuration_id": "two"},
    )
    bad = (
        ([], ""),
        ({"configuration_id": 7}, "configuration_id"),
        ({"event_types": ["exploded"]}, "event_types"),
        ({"condition_function_id": 1}, "condition_function_id"),
    )

    def __init__(self) -> None:
        self.type = self.configuration = ConfigurationTriggerType()

    def live(self) -> dict[str, Any]:
        triggers = self.configuration.triggers
        found = [t for id_ in ("one", "two") for t in triggers.matching((id_, "updated"))]
        return {trigger.id: trigger.config for trigger in found}


class State(Subject):
    good = ({"scope": "one", "key": "k"}, {"scope": "two", "condition_function_id": "c"})
    bad = (
        ([], ""),
        ({"scope": 7}, "scope"),
        ({"key": []}, "key"),
        ({"condition_function_id": 1}, "condition_function_id"),
    )

    def __init__(self) -> None:
        self.type = self.state = StateTriggerType()

    def live(self) -> dict[str, Any]:
        found = [t for scope in ("one", "two") for t in self.state.triggers.matching((scope, "k"))]
        return {trigger.id: trigger.config for trigger in found}


SUBJECTS = [
    Http,
    WorkerOwned,
    SiteFired,
    Subscribe,
    Queue,
    Cron,
    Stream,
    StreamJoin,
    StreamLeave,
    State,
    ConfigurationChanges,
    FunctionsAvailable,
    WorkersAvailable,
    Log,
]


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.__name__)
def subject(request: pytest.FixtureRequest) -> Subject:
    subject: Subject = request.param()
    subject.type.bind(Engine())
    return subject


def trigger(subject: Subject, trigger_id: str = "t", *, config: int = 0) -> Trigger:
    return Trigger(
        id=trigger_id,
        trigger_type=subject.type.id or "custom",
        function_id="f",
        source="admin",
        config=subject.good[config],
    )


class TestEveryTriggerType:
    """The contract."""

    async def test_registers_and_unregisters(self, subject: Subject) -> None:
        await subject.type.register_trigger(trigger(subject))
        assert subject.live() in (None, {"t": subject.good[0]})
        await subject.type.unregister_trigger(trigger(subject))
        assert not subject.live()

    async def test_has_several_triggers_and_loses_the_right_one(self, subject: Subject) -> None:
        await subject.type.register_trigger(trigger(subject, "t"))
        await subject.type.register_trigger(trigger(subject, "u", config=1))
        await subject.type.unregister_trigger(trigger(subject, "t"))
        assert subject.live() in (None, {"u": subject.good[1]})

    async def test_replaces_a_trigger_of_the_same_id(self, subject: Subject) -> None:
        await subject.type.register_trigger(trigger(subject))
        await subject.type.register_trigger(trigger(subject, config=1))
        assert subject.live() in (None, {"t": subject.good[1]})
        await subject.type.register_trigger(trigger(subject, config=1))
        await subject.type.unregister_trigger(trigger(subject, config=1))
        assert not subject.live()

    async def test_keeps_the_old_trigger_when_the_new_one_is_rejected(
        self, subject: Subject
    ) -> None:
        if isinstance(subject, WorkerOwned):
            pytest.skip("the provider judges, later")
        await subject.type.register_trigger(trigger(subject))
        for config, _ in subject.bad[1:]:
            with pytest.raises(IiiError):
                await subject.type.register_trigger(replace(trigger(subject), config=config))
        assert subject.live() in (None, {"t": subject.good[0]})

    async def test_ignores_an_unknown_trigger_that_ends(self, subject: Subject) -> None:
        await subject.type.register_trigger(trigger(subject))
        await subject.type.unregister_trigger(trigger(subject, "unknown"))
        assert subject.live() in (None, {"t": subject.good[0]})

    def test_names_the_field_of_a_bad_config(self, subject: Subject) -> None:
        for config, field in subject.bad:
            with pytest.raises(InvalidConfig) as caught:
                subject.type.validate_config(config)
            assert caught.value.field == field
            assert caught.value.message

    def test_accepts_a_good_config_without_keeping_anything(self, subject: Subject) -> None:
        for config in subject.good:
            subject.type.validate_config(config)
        assert not subject.live()

    def test_makes_a_conflict_key_of_any_config(self, subject: Subject) -> None:
        for config in [*subject.good, *(config for config, _ in subject.bad), None]:
            key = subject.type.conflict_key(config)
            assert key is None or (isinstance(key, str) and key)
            assert key == subject.type.conflict_key(config)

    def test_describes_itself(self, subject: Subject) -> None:
        kind = subject.type
        assert isinstance(kind.description, str)
        assert kind.config_schema is None or isinstance(kind.config_schema, dict)
        assert list(kind.run_checks()) == []


def test_http_triggers_conflict_by_method_and_shape_of_the_path() -> None:
    def key(path: str, method: str | None = None) -> str | None:
        return HttpTriggerType().conflict_key({"api_path": path, "http_method": method})

    assert key("a/:x") == key("/a/:y", "get") != key("a/x")
    assert key("a/:x") != key("a/:x", "POST")
    assert key("a") != key("a/")


def test_every_built_in_type_is_enrolled() -> None:
    from iii_triggers.trigger_types.validation import builtin_trigger_types

    enrolled = {type(subject().type) for subject in SUBJECTS}
    missing = {type(kind).__name__ for kind in builtin_trigger_types().values()} - {
        kind.__name__ for kind in enrolled
    }
    assert not missing, f"add a Subject for {missing} to SUBJECTS in this file"
