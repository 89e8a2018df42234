"""Files that cannot be applied, each with its reason and its place."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.models import Trigger, TriggerType, Worker
from iii_triggers.operations.config_files.planning import plan
from iii_triggers.operations.config_files.problems import ConfigFileError
from iii_triggers.operations.config_files.values import SOURCES

from .conftest import Write, file_of, told

pytestmark = pytest.mark.django_db


def problems(text: str, *, prune: bool = False) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        plan(file_of(f"version: 1\n{text}"), prune=prune)
    return told(caught.value)


def test_every_config_is_judged_by_its_type_and_all_mistakes_are_told() -> None:
    TriggerType.objects.create(type_id="slack", config_schema={"required": ["channel"]})
    *found, cron = problems("""
triggers:
- {id: a, trigger_type: http, function_id: f, config: {}}
- id: b
  trigger_type: http
  function_id: f
  config:
    api_path: b
    http_method: BREW
- {id: c, trigger_type: slack, function_id: f}
- {id: d, trigger_type: nobody, function_id: f, config: [1]}
- {id: e, trigger_type: nobody, function_id: f, config: {fine: 1}}
- {id: f, trigger_type: cron, function_id: f, enabled: false, config: {schedule: x}}
""")
    assert found == [
        "triggers[0].config.api_path, line 4: api_path is required for http triggers",
        "triggers[1].config.http_method, line 10: http_method must be one of "
        "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS",
        "triggers[2].config.channel, line 11: 'channel' is a required property",
        "triggers[3].config, line 12: The config must be a JSON object.",
    ]
    assert cron.startswith("triggers[5].config.schedule, line 14: ")


def test_a_schema_of_the_file_counts_and_not_the_one_it_replaces() -> None:
    TriggerType.objects.create(type_id="slack", config_schema={"required": ["old"]})
    assert problems("""
trigger_types: [{id: slack, config_schema: {required: [new]}}]
triggers: [{id: a, trigger_type: slack, function_id: f, config: {old: 1}}]
""") == ["triggers[0].config.new, line 4: 'new' is a required property"]


def test_a_type_needs_schemas_and_an_id_of_its_own() -> None:
    assert problems("""
trigger_types:
- {id: http}
- {id: t, config_schema: {type: nonsense}, call_schema: [1]}
""") == [
        "trigger_types[0].id, line 4: A built-in trigger type has this id.",
        "trigger_types[1].config_schema.type, line 5: type: 'nonsense' is not valid under any of "
        "the given schemas",
        "trigger_types[1].call_schema, line 5: A schema must be a JSON object.",
    ]


def test_two_triggers_cannot_have_one_route(write: Write) -> None:
    write("there", {"namespace": "b"}, api_path="users/:id")
    write("off", {"enabled": False}, api_path="free")
    found = problems("""
triggers:
- {id: a, trigger_type: http, function_id: f, config: {api_path: "users/:name"}}
- {id: b, trigger_type: api, function_id: f, config: {api_path: x}}
- {id: c, trigger_type: http, function_id: f, config: {api_path: /x}}
- {id: d, trigger_type: http, function_id: f, config: {api_path: free}}
- {id: e, trigger_type: http, function_id: f, enabled: false, config: {api_path: free}}
""")
    assert found == [
        "triggers[0].config, line 4: 'a' conflicts with trigger 'there' of namespace 'b': "
        "only one enabled trigger may have 'http GET users/:'.",
        "triggers[2].config, line 6: 'c' conflicts with trigger 'b' of namespace 'default': "
        "only one enabled trigger may have 'http GET x'.",
    ]


def test_what_workers_and_code_own_is_not_touched(write: Write, make_worker: Any) -> None:
    worker: Worker = make_worker()
    write("w", {"source": "worker", "worker": worker}, api_path="w")
    write("c", {"source": "code"}, api_path="c")
    TriggerType.objects.create(type_id="left", source="worker")
    TriggerType.objects.create(type_id="declared", source="code")
    assert problems("""
trigger_types: [{id: left}, {id: declared}]
triggers:
- {id: w, trigger_type: x, function_id: f}
- {id: c, trigger_type: x, function_id: f, enabled: false}
""") == [
        "triggers[0].id, line 5: 'w' is taken: it belongs to a worker, and is changed there.",
        "triggers[1].id, line 6: 'c' is taken: it belongs to the code of the site, and is changed "
        "there.",
        "trigger_types[0].id, line 3: 'left' is taken: it belongs to a worker, and is changed "
        "there.",
        "trigger_types[1].id, line 3: 'declared' is taken: it belongs to the code of the site, "
        "and is changed there.",
    ]


def test_a_source_that_the_file_does_not_manage_is_not_touched(write: Write) -> None:
    write("a", {"source": "api"}, api_path="a")
    assert problems("""
manages: {sources: [admin]}
triggers: [{id: a, trigger_type: x, function_id: f}]
""") == [
        "triggers[0].id, line 4: 'a' has source 'api', which the file does not say that it manages."
    ]


def test_a_file_that_does_not_say_what_it_manages_deletes_nothing(write: Write) -> None:
    write("a", api_path="a")
    (problem,) = problems("triggers: []", prune=True)
    assert problem.startswith("The file does not say what it manages")
    assert plan(file_of("version: 1\nmanages: {}"), prune=True).count("delete") == 1


def test_a_type_that_a_worker_provides_now_is_not_deleted(make_worker: Any) -> None:
    TriggerType.objects.create(type_id="mine", worker=make_worker())
    assert problems("manages: {}", prune=True) == [
        "trigger_types: 'mine' is not in the file, but a worker provides it now."
    ]
    assert plan(file_of("version: 1\nmanages: {}"), prune=False).unnamed == 1


def test_a_trigger_may_have_a_type_that_nobody_provides() -> None:
    text = "version: 1\ntriggers: [{id: a, trigger_type: later, function_id: f, config: {x: 1}}]"
    assert plan(file_of(text), prune=False).count("create") == 1


def test_planning_takes_the_same_queries_for_any_number_of_triggers(
    write: Write, django_assert_num_queries: Any
) -> None:
    for number in range(30):
        write(f"t{number}", {"trigger_type": "slack"}, n=number)
    entries = "".join(
        f"\n- {{id: t{n}, trigger_type: slack, function_id: g, config: {{n: 0}}}}"
        for n in range(60)
    )
    file = file_of(f"version: 1\nmanages: {{}}\ntriggers:{entries}")
    with django_assert_num_queries(5):
        planned = plan(file, prune=True)
    assert (planned.count("create"), planned.count("update")) == (30, 30)


def test_every_source_is_managed_or_owned_by_somebody() -> None:
    assert set(Trigger.Source.values) == {*SOURCES, "code", "worker"}
