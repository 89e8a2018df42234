"""The shape of a config file."""

from __future__ import annotations

import pytest

from iii_triggers.operations.config_files.problems import ConfigFileError
from iii_triggers.operations.config_files.values import FileTrigger, FileType, Managed

from .conftest import file_of, told


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        file_of(text)
    return told(caught.value)


def test_what_is_left_out_has_its_default() -> None:
    file = file_of("""
version: 1
triggers:
- id: greet
  trigger_type: http
  function_id: demo.greet
- {id: b, trigger_type: t, function_id: f, config: null}
trigger_types:
- id: slack
""")
    assert file.managed is None
    greet, other = file.triggers
    assert greet == FileTrigger(
        id="greet",
        namespace="default",
        trigger_type="http",
        provider_namespace="",
        function_id="demo.greet",
        enabled=True,
        source="admin",
        config={},
        metadata=None,
    )
    assert other.config == {}
    assert list(file.types) == [FileType(id="slack", namespace="default", description="")]


def test_everything_can_be_said() -> None:
    file = file_of("""
version: 1
manages: {sources: [api], namespaces: [a, b]}
triggers:
- id: x
  namespace: a
  trigger_type: http
  provider_namespace: p
  function_id: f
  enabled: false
  source: api
  config: {k: 1}
  metadata: [1]
""")
    assert file.managed == Managed(sources=["api"], namespaces=["a", "b"])
    assert file.triggers[0] == FileTrigger(
        id="x",
        namespace="a",
        trigger_type="http",
        provider_namespace="p",
        function_id="f",
        enabled=False,
        source="api",
        config={"k": 1},
        metadata=[1],
    )


def test_a_file_may_hold_nothing_but_its_version() -> None:
    file = file_of("version: 1")
    assert (list(file.triggers), list(file.types)) == ([], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "It must be an object with: version, manages, trigger_types, triggers."),
        ("triggers: []", "The key 'version' is missing."),
        ("[]", "It must be an object with: version, manages, trigger_types, triggers."),
        ("version: 2", "version, line 1: This version of iii-triggers reads version 1."),
        ("version: true", "version, line 1: This version of iii-triggers reads version 1."),
        ("version: 1\ntriggers: {}", "triggers, line 2: It must be a list."),
        ("version: 1\ntriggers:", "triggers, line 2: It must be a list."),
        ("version: 1\nmanages: all", "manages, line 2: It must be an object."),
        ("version: 1\ntrigers: []", "trigers, line 2: There is no such key here; there are: vers"),
        ("version: 1\nmanages: {sources: [code]}", "manages.sources, line 2: It must be a list of"),
        ("version: 1\nmanages: {sources: [[]]}", "manages.sources, line 2: It must be a list of"),
        ("version: 1\nmanages: {sources: []}", "manages.sources, line 2: It must be a list of: ad"),
        ("version: 1\nmanages: {namespaces: []}", "manages.namespaces, line 2: It must be a list"),
        ("version: 1\nmanages: {namespaces: [1]}", "manages.namespaces, line 2: It must be a list"),
    ],
)
def test_a_file_has_a_shape(text: str, expected: str) -> None:
    (problem,) = problems(text)
    assert expected in problem


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("5", "triggers[0], line 3: It must be an object with: id, namespace, trigger_type"),
        ("{trigger_type: t, function_id: f}", "triggers[0], line 3: The key 'id' is missing."),
        ("{id: a, trigger_type: t}", "triggers[0], line 3: The key 'function_id' is missing."),
        ("{id: a, type: t, function_id: f, trigger_type: t}", "triggers[0].type, line 3: There is"),
        ("{id: 5, trigger_type: t, function_id: f}", "triggers[0].id, line 3: It must be text of"),
        ("{id: ' ', trigger_type: t, function_id: f}", "triggers[0].id, line 3: It must be text"),
        ("{id: a, trigger_type: '', function_id: f}", "triggers[0].trigger_type, line 3: It must"),
        ("{id: a, trigger_type: t, function_id: []}", "triggers[0].function_id, line 3: It must"),
        ("{id: a, trigger_type: t, function_id: f, namespace: ''}", "triggers[0].namespace, line"),
        ("{id: a, trigger_type: t, function_id: f, enabled: yes}", "[0].enabled, line 3: It must"),
        ("{id: a, trigger_type: t, function_id: f, source: code}", "[0].source, line 3: It must"),
        ("{id: a, trigger_type: t, function_id: f, source: [x]}", "[0].source, line 3: It must"),
        ("{id: a, trigger_type: t, function_id: " + "f" * 256 + "}", "[0].function_id, line 3: It"),
        ("{id: a, trigger_type: t, function_id: f, config: " + "[" * 65 + "]" * 65 + "}", "64 lev"),
    ],
)
def test_a_trigger_has_a_shape(entry: str, expected: str) -> None:
    (problem,) = problems(f"version: 1\ntriggers:\n- {entry}")
    assert expected in problem


def test_a_trigger_type_has_a_shape() -> None:
    assert problems("version: 1\ntrigger_types: [{}, {id: a, description: 5}]") == [
        "trigger_types[0], line 2: The key 'id' is missing.",
        "trigger_types[1].description, line 2: It must be text.",
    ]


def test_an_id_is_there_once_in_a_namespace() -> None:
    assert problems("""
version: 1
trigger_types: [{id: t}, {id: t, namespace: b}, {id: t}]
triggers:
- {id: a, trigger_type: t, function_id: f}
- {id: a, trigger_type: t, function_id: f, namespace: b}
- {id: a, trigger_type: u, function_id: g, namespace: b}
""") == [
        "trigger_types[2].id, line 3: 't' is twice in namespace 'default'.",
        "triggers[2].id, line 7: 'a' is twice in namespace 'b'.",
    ]


def test_a_file_holds_only_what_it_manages() -> None:
    assert problems("""
version: 1
manages: {sources: [api], namespaces: [a]}
trigger_types: [{id: t, namespace: a}]
triggers:
- {id: a, trigger_type: t, function_id: f, namespace: a, source: api}
- {id: b, trigger_type: t, function_id: f, namespace: a}
- {id: c, trigger_type: t, function_id: f, source: api}
""") == [
        "trigger_types[0], line 4: The file does not say that it manages source 'admin'.",
        "triggers[1], line 7: The file does not say that it manages source 'admin'.",
        "triggers[2], line 8: The file does not say that it manages namespace 'default'.",
    ]


def test_the_limit_on_ids_holds_for_files(settings: object) -> None:
    settings.III_MAX_ID_LENGTH = 3  # type: ignore[attr-defined]
    (problem,) = problems("version: 1\ntriggers: [{id: abcd, trigger_type: t, function_id: f}]")
    assert problem == "triggers[0].id, line 2: It must be text of 1 to 3 characters."


def test_of_ten_thousand_mistakes_a_hundred_are_told() -> None:
    text = "version: 1\ntriggers:\n" + "- 5\n" * 10_000
    with pytest.raises(ConfigFileError) as error:
        file_of(text)
    lines = error.value.message.splitlines()
    assert (len(lines), lines[-1]) == (101, "... and 9900 more.")
