"""From a schema to nodes: which kind of field each rule gets."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.admin.schema_form import read_schema
from iii_triggers.trigger_types.validation import builtin_trigger_types

from .building import node_of, plan_of

NULL = {"type": "null"}


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"]}, "text"),
        ({"minLength": 1}, "text"),
        ({"type": "string", "maxLength": 9000}, "long_text"),
        ({"type": "integer"}, "integer"),
        ({"type": "number"}, "number"),
        ({"minimum": 0}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"enum": ["a", "b"]}, "choice"),
        ({"const": 5}, "choice"),
        ({"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}]}, "choice"),
        ({"type": "array", "items": {"type": "string"}}, "lines"),
        ({"type": "array", "items": {"type": "integer"}}, "lines"),
        ({"items": {"enum": ["a", "b"]}}, "choices"),
        ({"type": "array", "items": {"enum": [f"item {n}" for n in range(30)]}}, "lines"),
        ({"type": "array", "items": {"enum": list(range(30))}}, "json"),
        ({"type": "array", "items": {"type": "object"}}, "json"),
        ({"type": "array"}, "json"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "group"),
        ({"properties": {"a": True}}, "group"),
        ({"type": "object", "properties": {}}, "json"),
        ({"type": "object"}, "json"),
        ({"type": ["string", "integer"]}, "json"),
        ({"type": "null"}, "json"),
        ({"anyOf": [{"type": "string"}, NULL]}, "text"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "json"),
        ({"allOf": [{"type": "integer"}]}, "integer"),
        ({"not": {"type": "string"}}, "json"),
        ({}, "json"),
        (True, "json"),
    ],
)
def test_each_rule_has_its_kind(rule: Any, kind: str) -> None:
    assert node_of(rule).kind == kind


@pytest.mark.parametrize("place", ["$defs", "definitions"])
def test_a_reference_within_the_schema_is_followed(place: str) -> None:
    rule = {"$ref": f"#/{place}/a~1b", "title": "Mine"}
    node = node_of(rule, **{place: {"a/b": {"type": "integer", "title": "Theirs"}}})
    assert (node.kind, node.title) == ("integer", "Mine")


def test_what_pydantic_writes_for_optional_models_is_a_group() -> None:
    model = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    rule = {"anyOf": [{"$ref": "#/$defs/Model"}, NULL], "default": None, "description": "One."}
    node = node_of(rule, **{"$defs": {"Model": model}})
    assert (node.kind, node.description, node.default) == ("group", "One.", "")
    assert node.children[0].required


def test_the_parts_of_all_of_are_put_together() -> None:
    parts = [
        {"properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
    ]
    nodes = plan_of({"allOf": parts, "properties": {"c": True}, "required": ["c"]}).nodes
    assert {(node.key, node.required) for node in nodes} == {("a", True), ("b", True), ("c", True)}


def test_what_must_be_there_comes_first() -> None:
    plan = plan_of({"properties": {"a": {}, "b": {}, "c": {}}, "required": ["c", 5, ["x"]]})
    assert [node.key for node in plan.nodes] == ["c", "a", "b"]


def test_groups_are_three_deep_and_json_below() -> None:
    rule: dict[str, Any] = {"type": "string"}
    for _level in range(4):
        rule = {"type": "object", "properties": {"k": rule}}
    node = node_of(rule)
    kinds = []
    while True:
        kinds.append(node.kind)
        if not node.children:
            break
        node = node.children[0]
    assert kinds == ["group", "group", "group", "json"]


def test_no_more_than_fifty_keys_are_shown_and_the_others_counted() -> None:
    plan = plan_of({"properties": {f"k{n}": {"type": "string"} for n in range(60)}})
    assert (len(plan.nodes), plan.omitted) == (50, 10)


def test_choices_of_any_json_type_are_told_apart() -> None:
    node = node_of({"enum": [1, True, "1", None, ["a"]]})
    assert [choice.text for choice in node.choices] == ["1", "true", '"1"', '["a"]']
    assert [choice.label for choice in node.choices] == ["1", "true", "1", "a"]


def test_choices_that_are_plain_texts_are_sent_as_they_are() -> None:
    assert [choice.text for choice in node_of({"enum": ["GET", "POST"]}).choices] == ["GET", "POST"]


def test_examples_and_defaults_are_texts_for_people() -> None:
    node = node_of({"type": "array", "items": {"type": "string"}, "examples": [["a", "b"], "c"]})
    assert node.examples == ("a, b", "c")
    assert node_of({"type": "integer", "default": 0}).default == "0"
    assert node_of({"type": "string", "default": ""}).default == '""'


@pytest.mark.parametrize("schema", [None, True, [], "x", {}, {"type": "object"}, {"properties": 5}])
def test_a_schema_that_names_no_keys_has_no_form(schema: Any) -> None:
    assert read_schema(schema) is None


def test_every_key_of_every_built_in_type_has_a_field_of_its_own() -> None:
    seen = 0
    for registrator in builtin_trigger_types().values():
        plan = read_schema(registrator.config_schema)
        nodes = () if plan is None else plan.nodes
        assert all(node.kind != "json" for node in nodes)
        seen += len(nodes)
    assert seen > 20
