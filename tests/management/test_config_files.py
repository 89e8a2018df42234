"""``iii_export`` and ``iii_apply`` as they are typed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError

from iii_triggers.models import Trigger, TriggerType

EXPORTED = """\
version: 1
manages:
  sources:
  - admin
  - api
trigger_types:
- id: slack
  description: Events of Slack
triggers:
- id: greet
  trigger_type: http
  function_id: demo.greet
  config:
    api_path: greet
    http_method: POST
- id: 'off'
  namespace: other
  trigger_type: http
  function_id: f
  enabled: false
  source: api
  config:
    api_path: 'off'
  metadata:
    a: null
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(db: None) -> Run:
    """Run a command; return its exit code and what it printed to each stream."""

    def run(*arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        try:
            call_command(*arguments, stdout=out, stderr=err, no_color=True)
        except SystemExit as left:
            code = int(left.code or 0)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        return code, out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def rows(db: None) -> None:
    TriggerType.objects.create(type_id="slack", description="Events of Slack")
    config = {"http_method": "POST", "api_path": "greet"}
    Trigger.objects.create(
        trigger_id="greet", trigger_type="http", function_id="demo.greet", config=config
    )
    Trigger.objects.create(
        trigger_id="off",
        namespace="other",
        trigger_type="http",
        function_id="f",
        enabled=False,
        source="api",
        config={"api_path": "off"},
        metadata={"a": None},
    )
    Trigger.objects.create(
        trigger_id="declared", trigger_type="cron", function_id="f", source="code"
    )


def test_an_export_is_the_same_text_every_time(run: Run, rows: None) -> None:
    assert run("iii_export") == (0, EXPORTED, "")
    assert run("iii_export", "--format", "json")[1] == (
        json.dumps(json.loads(run("iii_export", "--format", "json")[1]), indent=2) + "\n"
    )


def test_a_part_of_the_site_can_be_exported(run: Run, rows: None) -> None:
    out = run("iii_export", "--source", "api", "--namespace", "other", "--format", "json")[1]
    said = json.loads(out)
    assert said["manages"] == {"sources": ["api"], "namespaces": ["other"]}
    assert [trigger["id"] for trigger in said["triggers"]] == ["off"]
    assert said["trigger_types"] == []
    assert json.loads(run("iii_export", "--namespace", "none", "--format", "json")[1]) == {
        "version": 1,
        "manages": {"sources": ["admin", "api"], "namespaces": ["none"]},
        "trigger_types": [],
        "triggers": [],
    }


@pytest.mark.parametrize("name", ["site.yaml", "site.json", "site.yml"])
def test_what_was_exported_applies_without_a_change(
    run: Run, rows: None, tmp_path: Path, name: str
) -> None:
    path = str(tmp_path / name)
    assert run("iii_export", "--output", path) == (0, "", "")
    text = Path(path).read_text()
    assert text.startswith("{") == name.endswith(".json")
    nothing = "0 to be created, 0 to be changed, 0 to be deleted, 3 unchanged\n"
    assert run("iii_apply", path, "--check", "--prune") == (0, nothing, "")
    code, out, _ = run("iii_apply", path)
    assert (code, out) == (0, "0 created, 0 changed, 0 deleted, 3 unchanged\n")


def test_check_tells_what_would_change_and_changes_nothing(
    run: Run, rows: None, tmp_path: Path
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(EXPORTED.replace("api_path: greet", "api_path: hello").replace("slack", "git"))
    before = list(Trigger.objects.values()), list(TriggerType.objects.values())
    assert run("iii_apply", str(path), "--check", "--prune") == (
        1,
        "+ trigger type git\n"
        "~ trigger greet (http → demo.greet)\n"
        '    config.api_path: "greet" → "hello"\n'
        "- trigger type slack\n"
        "1 to be created, 1 to be changed, 1 to be deleted, 1 unchanged\n",
        "",
    )
    assert before == (list(Trigger.objects.values()), list(TriggerType.objects.values()))
    assert run("iii_apply", str(path), "--prune")[0] == 0
    assert run("iii_apply", str(path), "--check", "--prune")[0] == 0


@pytest.mark.parametrize("options", [[], ["--check"], ["--prune"]])
def test_a_wrong_file_changes_nothing_and_ends_with_2(
    run: Run, rows: None, tmp_path: Path, options: list[str]
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(EXPORTED.replace("api_path: greet", "api_path: 5").replace("greet", "hi", 1))
    code, out, err = run("iii_apply", str(path), *options)
    assert (code, out) == (2, "")
    assert "triggers[0].config.api_path, line 14: " in err
    assert "Nothing was changed." in err
    assert not Trigger.objects.filter(trigger_id="hi").exists()


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (b'{"version": 1, "triggers": []}', []),
        (b"version: 1\ntriggers: []", []),
        (b"version: 1\ntriggers: []", ["--format", "yaml"]),
    ],
)
def test_a_file_can_come_from_standard_input(
    run: Run, monkeypatch: pytest.MonkeyPatch, content: bytes, arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run("iii_apply", "-", *arguments)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["iii_apply", "/nowhere.yaml"], "/nowhere.yaml cannot be read: "),
        (["iii_apply", "/"], "/ cannot be read: "),
        (["iii_apply", "a\0b"], "cannot be read: "),
        (["iii_apply", "-", "--user", "nobody"], "There is no user 'nobody'."),
        (["iii_apply", "-", "--user", "a\0b"], "There is no user 'a\\x00b'."),
        (["iii_apply", "-", "--user", "a\udcff"], "There is no user 'a\\udcff'."),
        (["iii_export", "--source", "admin,code"], "--source takes admin, api, not 'code'."),
        (["iii_export", "--source", ""], "--source takes admin, api, not ''."),
        (["iii_export", "--namespace", "a\0b"], "--namespace takes text of 1 to 255 characters"),
        (["iii_export", "--namespace", "a\udcff"], "--namespace takes text of 1 to 255 characters"),
        (["iii_export", "--output", "/nowhere/x.yaml"], "/nowhere/x.yaml cannot be written: "),
    ],
)
def test_wrong_arguments_end_with_2(run: Run, arguments: list[str], message: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err


def test_without_pyyaml_an_export_says_what_to_do(
    run: Run, rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    code, out, err = run("iii_export")
    assert (code, out) == (2, "")
    assert "pip install 'iii-triggers[yaml]', or use --format json" in err
    assert run("iii_export", "--format", "json")[0] == 0


def test_the_log_of_the_admin_has_an_entry_for_the_user_who_is_named(
    run: Run, tmp_path: Path
) -> None:
    user = User.objects.create(username="ada")
    path = tmp_path / "site.json"
    entry: dict[str, Any] = {"id": "a", "trigger_type": "x", "function_id": "f"}
    path.write_text(json.dumps({"version": 1, "triggers": [entry]}))
    assert run("iii_apply", str(path), "--user", "ada")[0] == 0
    assert LogEntry.objects.get().user == user
    assert Trigger.objects.get().created_by == user


def test_a_database_that_is_away_is_no_difference(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(type(Trigger.objects.all()), "of_the_site", away)
    path = tmp_path / "triggers.yaml"
    path.write_text("version: 1\n")
    for option in ((), ("--check",)):
        code, _, err = run("iii_apply", str(path), *option)
        assert (code, "the connection is lost" in err) == (2, True)
