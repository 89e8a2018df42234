"""Files made into rows: what is created, changed, deleted and left alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import IntegrityError

from iii_triggers.models import Change, Subscription, Trigger, TriggerType, Worker
from iii_triggers.operations.config_files import applying
from iii_triggers.operations.config_files.applying import apply
from iii_triggers.operations.config_files.planning import plan
from iii_triggers.operations.config_files.plans import Plan
from iii_triggers.operations.config_files.problems import ConfigFileError
from iii_triggers.operations.config_files.summary import lines_of, totals_of

from .conftest import Write, exported, file_of

GREET = """
- id: greet
  trigger_type: http
  function_id: demo.greet
  config: {api_path: greet, http_method: POST}
"""
pytestmark = pytest.mark.django_db


def done(text: str, *, prune: bool = False, user: User | None = None) -> list[str]:
    """Apply a file and return what was done."""
    planned: Plan = apply(file_of(f"version: 1\n{text}"), prune=prune, user=user)
    return [*lines_of(planned), totals_of(planned, is_done=True)]


def again(text: str) -> None:
    """Apply a file that has been applied: nothing may happen."""
    revision = Change.objects.all().newest_revision()
    assert done(text)[:-1] == []
    assert Change.objects.all().newest_revision() == revision


def test_a_trigger_is_created_and_belongs_to_the_admin() -> None:
    text = f"triggers:{GREET}"
    assert done(text) == [
        "+ trigger greet (http → demo.greet)",
        "1 created, 0 changed, 0 deleted, 0 unchanged",
    ]
    row = Trigger.objects.get()
    assert (row.trigger_id, row.namespace, row.source) == ("greet", "default", "admin")
    assert (row.enabled, row.state, row.worker) == (True, "parked", None)
    assert row.config == {"api_path": "greet", "http_method": "POST"}
    assert Change.objects.filter(kind="trigger", key=str(row.pk)).exists()
    again(text)


def test_only_what_differs_is_changed(write: Write) -> None:
    row = write("greet", {"metadata": {"a": 1}}, api_path="hello", http_method="POST")
    Trigger.objects.update(state="active")
    text = f"triggers:{GREET}  metadata: {{a: 1, b: [2]}}"
    assert done(text) == [
        "~ trigger greet (http → demo.greet)",
        '    function_id: "f" → "demo.greet"',
        '    config.api_path: "hello" → "greet"',
        "    metadata.b: nothing → [2]",
        "0 created, 1 changed, 0 deleted, 0 unchanged",
    ]
    row.refresh_from_db()
    assert (row.function_id, row.config["api_path"], row.state) == ("demo.greet", "greet", "active")
    again(text)


def test_switching_off_and_on_follows_the_file(write: Write) -> None:
    row = write("greet", {"state": "active"}, api_path="greet")
    text = "triggers: [{id: greet, trigger_type: http, function_id: f, config: {api_path: greet}"
    assert "    enabled: true → false" in done(f"{text}, enabled: false}}]")
    row.refresh_from_db()
    assert (row.enabled, row.state) == (False, "disabled")
    assert "    enabled: false → true" in done(f"{text}}}]")
    row.refresh_from_db()
    assert (row.enabled, row.state) == (True, "parked")


def test_a_file_can_take_a_trigger_over_from_a_call(write: Write) -> None:
    write("a", {"source": "api"}, api_path="a")
    text = "triggers: [{id: a, trigger_type: http, function_id: f, config: {api_path: a}}]"
    assert '    source: "api" → "admin"' in done(text)
    assert Trigger.objects.get().source == "admin"


def test_types_are_there_before_triggers_are_judged_by_them() -> None:
    text = """
trigger_types:
- id: slack
  config_schema: {type: object, required: [channel]}
triggers:
- {id: a, trigger_type: slack, function_id: f, config: {channel: x}}
"""
    assert done(text)[:2] == ["+ trigger type slack", "+ trigger a (slack → f)"]
    row = TriggerType.objects.get()
    assert (row.source, row.config_schema) == ("admin", {"type": "object", "required": ["channel"]})
    again(text)
    done(text.replace("type: object, ", "").replace("id: slack", "id: slack\n  description: New"))
    row.refresh_from_db()
    assert (row.description, row.config_schema) == ("New", {"required": ["channel"]})


def test_what_one_trigger_gives_up_another_can_take(write: Write) -> None:
    write("a", api_path="one")
    write("b", api_path="two")
    write("c", api_path="three")
    text = """
manages: {sources: [admin]}
triggers:
- {id: a, trigger_type: http, function_id: f, config: {api_path: two}}
- {id: b, trigger_type: http, function_id: f, config: {api_path: one}}
- {id: d, trigger_type: http, function_id: f, config: {api_path: three}}
"""
    assert done(text, prune=True)[-1] == "1 created, 2 changed, 1 deleted, 0 unchanged"


def test_only_prune_deletes_and_only_what_the_file_manages(write: Write) -> None:
    write("named", api_path="a")
    write("other", api_path="b")
    write("called", {"source": "api"}, api_path="c")
    write("elsewhere", {"namespace": "b"}, api_path="d")
    write("declared", {"source": "code"}, api_path="e")
    TriggerType.objects.create(type_id="mine")
    TriggerType.objects.create(type_id="theirs", source="worker")
    text = """
manages: {sources: [admin], namespaces: [default]}
triggers:
- {id: named, trigger_type: http, function_id: f, config: {api_path: a}}
"""
    assert done(text) == [
        "0 created, 0 changed, 0 deleted, 1 unchanged, 2 not in the file (--prune deletes them)"
    ]
    assert done(text, prune=True) == [
        "- trigger other (http → f)",
        "- trigger type mine",
        "0 created, 0 changed, 2 deleted, 1 unchanged",
    ]
    assert set(Trigger.objects.values_list("trigger_id", flat=True)) == {
        "named",
        "called",
        "elsewhere",
        "declared",
    }
    assert TriggerType.objects.get().type_id == "theirs"


def test_a_subscription_passes_to_the_trigger_that_takes_it_over(write: Write) -> None:
    write("old", {"trigger_type": "queue"}, topic="orders")
    before = Subscription.objects.get()
    text = """
manages: {}
triggers: [{id: new, trigger_type: queue, function_id: f, config: {topic: orders}}]
"""
    done(text, prune=True)
    assert Subscription.objects.get().pk == before.pk


def test_all_or_nothing(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second row fails in the database, as it would if somebody took its id just now."""
    real, calls = Trigger.objects.create, []

    def create(**values: Any) -> Trigger:
        calls.append(values)
        if len(calls) == 2:
            raise IntegrityError("taken")
        return real(**values)

    monkeypatch.setattr(Trigger.objects, "create", create)
    text = f"triggers:{GREET}- {{id: b, trigger_type: x, function_id: f}}"
    with pytest.raises(ConfigFileError, match="try again"):
        done(text)
    assert not Trigger.objects.exists()


def test_a_row_that_goes_in_this_moment_is_no_failure_of_the_command(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("greet", api_path="hello")

    def plan_and_lose(*args: Any, **options: Any) -> Plan:
        planned = plan(*args, **options)
        Trigger.objects.all().delete()
        return planned

    monkeypatch.setattr(applying, "plan", plan_and_lose)
    with pytest.raises(ConfigFileError, match="try again"):
        done(f"triggers:{GREET}")
    assert Trigger.objects.get().config == {"api_path": "hello"}


def test_the_log_of_the_admin_names_who_did_it(write: Write) -> None:
    user = User.objects.create(username="ada")
    write("old", api_path="a")
    write("greet", api_path="b")
    done(f"manages: {{}}\ntriggers:{GREET}- {{id: b, trigger_type: x, function_id: f}}")
    assert not LogEntry.objects.exists()
    Trigger.objects.filter(trigger_id="greet").update(function_id="g")
    text = f"manages: {{}}\ntriggers:{GREET}- {{id: c, trigger_type: x, function_id: f}}"
    done(text, prune=True, user=user)
    entries = LogEntry.objects.order_by("pk").values_list("action_flag", "change_message", "user")
    assert list(entries) == [
        (2, "Applied a config file. Changed: function_id.", user.pk),
        (1, "Applied a config file.", user.pk),
        (3, "Applied a config file.", user.pk),
        (3, "Applied a config file.", user.pk),
    ]
    assert Trigger.objects.get(trigger_id="c").created_by == user


def test_an_export_applies_without_a_change(write: Write) -> None:
    config = {"z": 1, "a": {"y": [1.0, 1e20, 1e-7, True, None, 0]}, "text": "a\nb: 12:30 "}
    write("b", {"trigger_type": "x", "metadata": {"k": [{}]}}, **config)
    write("a", {"enabled": False, "source": "api"}, api_path=":x/y")
    write("c", {"namespace": "other", "provider_namespace": "p", "trigger_type": "x"})
    write("w", {"source": "code"}, api_path="w")
    TriggerType.objects.create(type_id="t", config_schema={"b": 1.0, "a": 2}, description="é\n")
    text = exported()
    planned = apply(file_of(text), prune=True)
    assert (list(planned.changes), planned.unchanged, planned.unnamed) == ([], 4, 0)
    assert exported() == text
    for model in (Trigger, TriggerType):
        model.objects.exclude(source="code").delete()
    apply(file_of(text), prune=True)
    assert exported() == text


def test_true_is_not_one(write: Write) -> None:
    write("a", {"trigger_type": "x"}, flag=1, same=1.0)
    text = "triggers: [{id: a, trigger_type: x, function_id: f, config: {flag: true, same: 1}}]"
    assert done(text)[1:2] == ["    config.flag: 1 → true"]
    assert Trigger.objects.get().config["flag"] is True


def test_long_values_and_markup_are_short_and_harmless(write: Write) -> None:
    write("a", {"trigger_type": "x", "function_id": "\x1b[2J"}, text="x" * 500)
    lines = done(r'triggers: [{id: a, trigger_type: x, function_id: "f\u202e", config: {}}]')
    assert lines[0] == r"~ trigger a (x → f\u202e)"
    assert lines[1] == r'    function_id: "\u001b[2J" → "f\u202e"'
    assert len(lines[2]) < 120


def test_a_trigger_of_a_worker_elsewhere_is_left_alone(make_worker: Any, write: Write) -> None:
    worker: Worker = make_worker()
    write("theirs", {"source": "worker", "worker": worker}, api_path="greet", http_method="POST")
    done(f"manages: {{}}\ntriggers:{GREET}", prune=True)
    assert Trigger.objects.filter(trigger_id="theirs", source="worker").exists()


def test_what_was_exported_applies_whatever_has_become_of_a_config(write: Write) -> None:
    """Its type asks for more than it did, and a race gave two triggers one route."""
    write("broken", http_method="POST")
    for name in ("one", "two"):
        write(name, api_path="same")
    text = exported()
    assert apply(file_of(text), prune=True).changes == []
    off = text.replace("- id: broken\n", "- id: broken\n  enabled: false\n")
    (change,) = apply(file_of(off), prune=True).changes
    assert change.fields == ["enabled"]
    with pytest.raises(ConfigFileError, match="api_path is required"):
        apply(file_of(off.replace("http_method: POST", "http_method: GET")), prune=True)
    third = "\n- {id: three, trigger_type: http, function_id: f, config: {api_path: same}}\n"
    with pytest.raises(ConfigFileError, match="'three' conflicts with"):
        apply(file_of(off + third), prune=True)


def test_a_new_schema_is_for_the_triggers_that_stay_too(write: Write) -> None:
    TriggerType.objects.create(type_id="slack", source=TriggerType.Source.ADMIN)
    write("a", {"trigger_type": "slack"})
    text = exported().replace("- id: slack", "- id: slack\n  config_schema: {required: [channel]}")
    with pytest.raises(ConfigFileError, match="'channel' is a required property"):
        apply(file_of(text), prune=False)
