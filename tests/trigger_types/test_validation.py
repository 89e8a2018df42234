"""The gate every trigger of the site passes before it is stored."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.models import Trigger, TriggerType
from iii_triggers.protocol.errors import InvalidConfig, TriggerConflict
from iii_triggers.trigger_types import json_schema
from iii_triggers.trigger_types.base import TriggerRegistrator
from iii_triggers.trigger_types.json_schema import check_schema, check_value
from iii_triggers.trigger_types.validation import builtin_trigger_types, validate_trigger


class DoorType(TriggerRegistrator):
    """A type whose doors can each have one trigger."""

    id = "door"
    aliases = ("gate",)

    def validate_config(self, config: Any) -> None:
        super().validate_config(config)
        if "door" not in (config or {}):
            raise InvalidConfig("Which door?", field="door")

    def conflict_key(self, config: Any) -> str | None:
        self.validate_config(config)
        return None if config["door"] == "any" else str(config["door"]).lower()

    async def register_trigger(self, trigger: Any) -> None:
        raise NotImplementedError

    async def unregister_trigger(self, trigger: Any) -> None:
        raise NotImplementedError


DOOR = f"{__name__}.DoorType"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def door_type(settings: Any) -> None:
    settings.III_TRIGGER_TYPES = [DOOR]


def validate(config: Any, **values: Any) -> None:
    named = {"trigger_type": "door", "namespace": "default", "trigger_id": "mine"}
    validate_trigger(**{**named, "exclude_pk": None, **values}, config=config)


def store(config: Any, **values: Any) -> Trigger:
    named = {"trigger_id": "other", "trigger_type": "door", "function_id": "f"}
    return Trigger.objects.create(**{**named, **values}, config=config)


def test_types_are_found_by_id_and_alias_and_follow_the_setting(settings: Any) -> None:
    types = builtin_trigger_types()
    assert set(types) == {"door", "gate"}
    assert types["door"] is types["gate"]
    settings.III_TRIGGER_TYPES = []
    assert builtin_trigger_types() == {}
    settings.III_TRIGGER_TYPES = [DOOR]
    assert set(builtin_trigger_types()) == {"door", "gate"}


@pytest.mark.parametrize("type_id", ["door", "gate"])
def test_a_built_in_type_checks_its_configs(type_id: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        validate({}, trigger_type=type_id)
    assert caught.value.field == "door"


@pytest.mark.parametrize("type_id", ["door", "gate"])
@pytest.mark.parametrize("source", ["admin", "api", "code"])
def test_what_another_trigger_has_is_taken(type_id: str, source: str) -> None:
    store({"door": "Front"}, trigger_type=type_id, source=source, namespace="blue")
    with pytest.raises(TriggerConflict, match=r"'mine' conflicts with .* 'other'"):
        validate({"door": "front"})


@pytest.mark.parametrize(
    "values",
    [
        {"source": "worker"},
        {"enabled": False},
        {"trigger_type": "slack"},
        {"config": {"door": "back"}},
        {"config": {}},
    ],
)
def test_other_triggers_do_not_conflict(values: dict[str, Any]) -> None:
    store(**{"config": {"door": "front"}, **values})
    validate({"door": "front"})


def test_a_trigger_does_not_conflict_with_itself() -> None:
    row = store({"door": "front"})
    validate({"door": "front"}, exclude_pk=row.pk)


def test_a_config_without_conflict_key_conflicts_with_nothing() -> None:
    store({"door": "any"})
    validate({"door": "any"})


def test_a_type_nobody_knows_is_allowed_whatever_its_config() -> None:
    validate({"anything": 1}, trigger_type="unknown")
    validate(None, trigger_type="unknown")


def test_the_config_of_any_type_is_an_object() -> None:
    with pytest.raises(InvalidConfig, match="JSON object"):
        validate([1], trigger_type="unknown")


def test_the_schema_of_a_row_names_the_key_and_the_path() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"type": "string"}}}}}
    TriggerType.objects.create(type_id="slack", config_schema=schema)
    with pytest.raises(InvalidConfig, match=r"^a\.b: 5 is not of type 'string'") as caught:
        validate({"a": {"b": 5}}, trigger_type="slack")
    assert caught.value.field == "a"


def test_a_missing_key_is_the_key_at_fault() -> None:
    TriggerType.objects.create(type_id="slack", config_schema={"required": ["a", "b"]})
    with pytest.raises(InvalidConfig) as caught:
        validate({"a": 1}, trigger_type="slack")
    assert caught.value.field == "b"


def test_no_config_is_checked_as_an_empty_one() -> None:
    TriggerType.objects.create(type_id="slack", config_schema={"required": ["a"]})
    with pytest.raises(InvalidConfig):
        validate(None, trigger_type="slack")


def test_the_schema_of_the_own_namespace_goes_before_the_default() -> None:
    TriggerType.objects.create(type_id="slack", config_schema={"required": ["a"]})
    TriggerType.objects.create(type_id="slack", namespace="blue", config_schema=None)
    validate({}, trigger_type="slack", namespace="blue")
    with pytest.raises(InvalidConfig):
        validate({}, trigger_type="slack", namespace="green")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "https://schemas.invalid/x"},
        {"$schema": 5},
        {"$schema": "http://[x"},
        [],
    ],
)
def test_a_schema_that_cannot_be_used_rejects_and_never_crashes(schema: Any) -> None:
    with pytest.raises(InvalidConfig, match="schema of the trigger type cannot be used"):
        check_value({}, schema)


def test_no_schema_makes_this_process_open_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    for url in ("http://127.0.0.1:9/x", "file:///etc/hostname"):
        with pytest.raises(InvalidConfig):
            check_value({}, {"$ref": url})


DRAFT = "https://json-schema.org/draft/2020-12/schema"
EVIL = {"pattern": "^(x+x+)+y$"}


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"pattern": "^(x+x+)+y$"}}},
        {"properties": {"a": {"$schema": DRAFT, "pattern": "^(x+x+)+y$"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$schema": DRAFT, "properties": {"a": EVIL}}}},
        {"properties": {"a": {"patternProperties": {"^(x+x+)+y$": {}}}}},
        {"patternProperties": {"^(x+x+)+y$": {}}, "additionalProperties": False},
        {"patternProperties": {"^(x+x+)+y$": {}}, "unevaluatedProperties": False},
    ],
)
def test_regular_expressions_in_schemas_are_not_run(schema: dict[str, Any]) -> None:
    check_value({"a": "x" * 60, "x" * 60: 1}, schema)


def doubling(levels: int) -> dict[str, Any]:
    """Return a small schema that asks for twice as many steps with every level."""
    twice = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**twice, f"d{levels}": {}}}


@pytest.mark.timeout(10)
def test_a_schema_that_takes_too_long_to_check_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_value({}, doubling(4))
    monkeypatch.setattr(json_schema, "BUDGET_S", 0.05)
    with pytest.raises(InvalidConfig, match="takes too long"):
        check_value({}, doubling(60))
    check_value({}, doubling(4))


@pytest.mark.timeout(10)
def test_many_items_are_compared_in_no_time() -> None:
    schema = {"properties": {"a": {"uniqueItems": True}}}
    items: list[Any] = [{"n": n, "m": [n]} for n in range(20_000)]
    check_value({"a": [*items, 1, True, "1", None, 0, False, [], {}]}, schema)
    for twice in ([1, 1.0], [items[7], {"m": [7], "n": 7}], [None, None]):
        with pytest.raises(InvalidConfig, match="non-unique"):
            check_value({"a": [*items[:5], *twice]}, schema)
    with pytest.raises(InvalidConfig):
        check_schema({"required": items})


def test_keys_beyond_the_schema_are_refused_if_it_says_so() -> None:
    schema = {"properties": {"a": {}}, "additionalProperties": False}
    check_value({"a": 1}, schema)
    with pytest.raises(InvalidConfig, match="'b' was unexpected"):
        check_value({"b": 1}, schema)


def test_long_messages_are_cut() -> None:
    with pytest.raises(InvalidConfig) as caught:
        check_value({"a": "x" * 10_000}, {"properties": {"a": {"type": "integer"}}})
    assert len(caught.value.message) < 400


def test_check_schema_names_the_key_at_fault() -> None:
    check_schema({"type": "object"})
    with pytest.raises(InvalidConfig) as caught:
        check_schema({"properties": {"a": {"type": 5}}})
    assert caught.value.field == "properties"
