"""``iii_status`` prints how the engine stands, and says by its exit code whether that is well."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from iii_triggers.management.commands import iii_status
from iii_triggers.models import Function, Node, Trigger, Worker
from iii_triggers.operations.problems import CODES
from tests.admin.deliveries import make as make_delivery
from tests.support.history import count_runs

pytestmark = pytest.mark.django_db

DOCS = (Path(__file__).parent.parent.parent / "docs" / "monitoring.md").read_text()
ESCAPE = "\x1b[2J\x1b[1;1Hall is well"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def status(*arguments: str, out: StringIO | None = None) -> tuple[int, str]:
    """Run the command; return its exit code and what it prints."""
    out = out or StringIO()
    try:
        call_command("iii_status", *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def process(db: None) -> Node:
    now = timezone.now()
    return Node.objects.create(
        node_id="n", kind="engine", host="web-1", pid=4711, started_at=now, heartbeat_at=now
    )


def test_all_is_well_where_a_process_runs_and_nothing_is_dead(process: Node) -> None:
    code, text = status()
    assert code == 0
    assert "engine  web-1:4711  heartbeat 0 s ago" in text
    assert "!" not in text


def test_a_process_that_stops_is_told_with_what_it_still_does(process: Node) -> None:
    now = timezone.now()
    Node.objects.update(draining_since=now)
    for number in (1, 2):
        Worker.objects.create(
            worker_id=f"w{number}", node=process, connected_at=now, last_seen=now, in_flight=number
        )
    assert "2 workers, 3 in flight  draining" in status()[1]
    (one,) = json.loads(status("--json")[1])["processes"]
    assert (one["draining"], one["workers"], one["in_flight"]) == (True, 2, 3)


def test_a_history_that_is_off_is_told(process: Node, settings: Any) -> None:
    assert re.search(r"^Last hour +not known: the history is off$", status()[1], re.MULTILINE)
    settings.III_HISTORY = "all"
    assert re.search(r"^Last hour +no runs$", status()[1], re.MULTILINE)


def test_without_a_process_something_is_wrong() -> None:
    code, text = status()
    assert code == 1
    assert "! No engine is running" in text
    assert "[engine]" in text


def test_it_tells_all_there_is(process: Node, make_worker: Callable[[], Worker]) -> None:
    make_worker()
    Worker.objects.update(in_flight=3)
    Function.objects.create(function_id="f")
    Trigger.objects.create(trigger_type="http", function_id="f", state="parked")
    cron = Trigger.objects.create(
        trigger_type="cron", function_id="daily", config={"schedule": "0 9 * * *"}, state="active"
    )
    due = timezone.now() + timedelta(hours=1)
    Trigger.objects.filter(pk=cron.pk).update(next_fire_at=due)
    make_delivery(age=timedelta(minutes=12, seconds=5))
    make_delivery(state="held")
    count_runs(1500, ms=10)
    count_runs(500, ms=1000, failed=True)
    code, text = status()
    assert code == 0
    for line in (
        "Workers     1 connected, 3 runs in flight",
        "Functions   1",
        "Triggers    1 active, 1 parked, 0 rejected, 0 disabled",
        "1 waiting (oldest 12 min), 0 running, 0 to be retried, 1 held, 0 dead",
        "2,000 runs, 500 failed (25%), p50 ",
        "History     0 runs not kept",
        f"{due:%Y-%m-%d %H:%M:%S}  daily  At 09:00, every day",
    ):
        assert line in text


def test_the_same_as_json(process: Node) -> None:
    make_delivery(state="dead")
    count_runs(4, ms=10)
    Node.objects.update(runs_dropped=7)
    code, text = status("--json")
    told = json.loads(text)
    assert code == 1
    assert told["ok"] is False
    assert [problem["code"] for problem in told["problems"]] == ["dropped", "dead"]
    assert (told["deliveries"]["dead"], told["deliveries"]["oldest_waiting_s"]) == (1, None)
    assert (told["last_hour"]["runs"], told["runs_dropped"]) == (4, 7)
    (one,) = told["processes"]
    assert (one["node_id"], one["kind"], one["pid"], one["alive"]) == ("n", "engine", 4711, True)


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [("engine", 0), ("dead", 1), ("late, dead", 1), ("all", 1), ("none", 0), ("rejected", 0)],
)
def test_what_is_a_failure_can_be_chosen(process: Node, fail_on: str, code: int) -> None:
    make_delivery(state="dead")
    found, text = status("--fail-on", fail_on)
    assert found == code
    assert "1 delivery is dead" in text, "it is told in any case"


@pytest.mark.parametrize("fail_on", ["", "fire", "dead,fire", "none,dead"])
def test_a_problem_that_there_is_not_is_refused(fail_on: str) -> None:
    with pytest.raises(CommandError, match="unknown"):
        status("--fail-on", fail_on)


@pytest.mark.parametrize("code", CODES)
def test_every_problem_is_documented(code: str) -> None:
    rows = re.findall(rf"^\| `{code}` \|.*\|( fails)? \|$", DOCS, re.MULTILINE)
    assert rows, f"Describe {code} in docs/monitoring.md."
    assert bool(rows[0]) == (code in iii_status.DEFAULT.split(","))


def test_a_database_that_is_away_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def look() -> Any:
        raise OperationalError("connection refused")

    monkeypatch.setattr(iii_status, "look", look)
    with pytest.raises(CommandError, match="does not answer: connection refused") as caught:
        status()
    assert caught.value.returncode == 2


def test_names_cannot_write_to_the_terminal(process: Node) -> None:
    Node.objects.update(host=ESCAPE)
    cron = Trigger.objects.create(trigger_type="cron", function_id=ESCAPE * 9, config={})
    Trigger.objects.filter(pk=cron.pk).update(next_fire_at=timezone.now() + timedelta(hours=1))
    _, text = status(out=Terminal())
    assert "\x1b" not in text
    assert "all is well" in text


class Unread(StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_it_ends_in_peace_when_nobody_reads(
    process: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert status(out=Unread())[0] == 0
        print("to nowhere", file=out, flush=True)
    assert (tmp_path / "out").read_text() == ""


@pytest.mark.parametrize(
    ("out", "no_colour", "is_coloured"),
    [(Terminal(), "", True), (Terminal(), "1", False), (StringIO(), "", False)],
)
def test_problems_are_coloured_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, out: StringIO, no_colour: str, is_coloured: bool
) -> None:
    monkeypatch.setattr("django.core.management.color.supports_color", lambda: True)
    monkeypatch.setenv("NO_COLOR", no_colour)
    assert ("\x1b[" in status(out=out)[1]) == is_coloured


def test_the_number_of_queries_does_not_depend_on_the_rows(
    process: Node, make_worker: Callable[[], Worker], django_assert_num_queries: Any
) -> None:
    for number in range(10):
        make_worker()
        make_delivery(state="dead")
        count_runs(type_id=f"type-{number}")
    with django_assert_num_queries(7):
        status()
