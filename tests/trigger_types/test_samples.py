"""Samples of inputs: something to try a trigger of each type with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from iii_triggers.models import Trigger
from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.json_schema import check_value
from iii_triggers.trigger_types.schema_examples import MAX_PARTS, example_of
from iii_triggers.trigger_types.validation import builtin_trigger_types


def sample(trigger_type: str, config: Any = None) -> Any:
    row = Trigger(trigger_id="t", trigger_type=trigger_type, function_id="f", config=config)
    return builtin_trigger_types()[trigger_type].sample_input(row)


CONFIGS: dict[str, Any] = {
    "state": {"scope": "orders"},
    "cron": {"schedule": "@daily"},
    "stream": {"channel": "todos", "item_id": "7"},
    "log": {"level": "error"},
    "http": {"api_path": "a"},
}


@pytest.mark.parametrize("type_id", sorted(builtin_trigger_types()))
def test_every_type_has_a_sample_that_its_call_schema_allows(type_id: str) -> None:
    registrator = builtin_trigger_types()[type_id]
    value = sample(type_id, CONFIGS.get(type_id, {"api_path": "a"}))
    assert isinstance(value, dict)
    if registrator.call_schema is not None:
        check_value(value, registrator.call_schema)


def test_a_request_has_the_shape_of_the_design() -> None:
    assert sample("http", {"api_path": "users/:id/a b", "http_method": "post"}) == {
        "id": "1",
        "name": "Ada",
        "path": "/users/1/a b",
        "method": "POST",
        "path_params": {"id": "1"},
        "query_params": {},
        "headers": {"content-type": "application/json"},
        "body": {"name": "Ada"},
        "trigger": {"type": "http", "path": "users/:id/a b", "method": "POST"},
    }
    read = sample("http", {"api_path": ""})
    assert (read["path"], read["headers"], read["body"]) == ("/", {}, None)


def test_samples_say_what_their_triggers_ask_for() -> None:
    assert sample("state", {"scope": "orders", "key": "k"})["scope"] == "orders"
    event = sample("stream", CONFIGS["stream"])
    assert (event["streamName"], event["id"], event["event"]["type"]) == ("todos", "7", "create")
    assert sample("log", {"level": "error"})["severity_number"] == 17
    firing = sample("cron", CONFIGS["cron"])
    assert firing["job_id"] == "t"
    assert datetime.fromisoformat(firing["scheduled_time"]).tzinfo is not None
    assert sample("queue", {"topic": "orders"}) == {}


@pytest.mark.parametrize("type_id", ["http", "stream", "log"])
def test_a_broken_config_is_told(type_id: str) -> None:
    with pytest.raises(InvalidConfig):
        sample(type_id, {"level": 1})


@pytest.mark.parametrize(
    ("type_id", "config", "seconds"),
    [
        ("http", {"api_path": "a", "timeout_ms": 1500}, 1.5),
        ("http", {"api_path": "a"}, None),
        ("cron", {"schedule": "@daily", "timeout_ms": 90_000}, 90),
        ("queue", {"topic": "t", "queue_config": {"visibilityTimeout": 7}}, 7),
        ("state", {}, None),
    ],
)
def test_types_tell_how_long_a_run_may_take(
    type_id: str, config: Any, seconds: float | None
) -> None:
    row = Trigger(trigger_type=type_id, function_id="f", config=config)
    assert builtin_trigger_types()[type_id].timeout_s(row) == seconds


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"examples": [3, 4], "default": 1}, 3),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": None}, None),
        ({"type": ["null", "string"]}, ""),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "boolean"}, False),
        ({"type": "array", "items": {"type": "number"}}, [0]),
        ({"type": "array"}, []),
        ({"anyOf": [{"type": "null"}, {"type": "string", "default": "x"}]}, "x"),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"const": 1}}}, {"a": 1}),
        ({"$ref": "https://example.com/schema"}, None),
        ({"type": []}, None),
        ({"properties": "?", "type": "object"}, {}),
        ("no schema", None),
        (True, None),
    ],
)
def test_schemas_give_examples(schema: Any, value: Any) -> None:
    assert example_of(schema) == value


def test_schemas_that_never_end_give_small_examples() -> None:
    every = {f"k{n}": {"$ref": "#"} for n in range(10)}
    text = str(example_of({"type": "object", "properties": every}))
    assert text.count("{") <= MAX_PARTS
