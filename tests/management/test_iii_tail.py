"""``iii_tail`` prints runs as they end, and ends in peace however it is ended."""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.core.management.color import no_style
from django.db import OperationalError, connection, transaction

from iii_triggers.management.commands import iii_tail
from iii_triggers.management.run_lines import json_of, line_of
from iii_triggers.models import Invocation
from iii_triggers.operations.following import Follower
from tests.support.history import make_run

ROOT = Path(__file__).parent.parent.parent
DEADLINE_S = 60
AT = datetime(2026, 3, 3, 12, 0, 0, 42_000, tzinfo=UTC)
ESCAPE = "\x1b]0;owned\x07\x1b[2J"


def run_of(**facts: Any) -> Invocation:
    values = {"status": "succeeded", "function_id": "f", "started_at": AT, "duration_ms": 12.0}
    return Invocation(**{**values, **facts})


class Interrupted(iii_tail.Command):
    """Looks a few times, then behaves as after a signal."""

    looks = 1

    def _is_read(self) -> bool:
        self.looks -= 1
        if self.looks < 0:
            self.stop.set()
        return self.looks >= 0


@pytest.fixture
def tail(
    db: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Callable[..., tuple[list[str], str]]:
    """Run the command; it looks once after the beginning."""
    settings.III_HISTORY = "all"
    monkeypatch.setattr(iii_tail, "POLL_S", 0.0)

    def tail(*arguments: str, looks: int = 1, **options: Any) -> tuple[list[str], str]:
        out, err = StringIO(), StringIO()
        command = Interrupted()
        command.looks = looks
        before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
        try:
            call_command(command, *arguments, stdout=out, stderr=err, **options)
        finally:
            for one, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
                signal.signal(one, handler)
        return out.getvalue().splitlines(), err.getvalue()

    return tail


class TestLines:
    """What a line tells."""

    def test_a_run_in_a_line(self) -> None:
        run = run_of(trigger_type="cron", trigger_id="nightly", worker_name="w:1")
        expected = "12:00:00.042  succeeded     12 ms  f  cron:nightly  w:1"
        assert line_of(run, no_style()) == expected

    def test_a_failed_run_tells_why(self) -> None:
        run = run_of(status="failed", caller="w:2", error_code="TIMEOUT", error="No answer\nat all")
        assert line_of(run, no_style()).endswith("f  call:w:2  site  TIMEOUT: No answer at all")

    def test_a_running_one_took_no_time_yet(self) -> None:
        line = line_of(run_of(status="running", duration_ms=None), no_style())
        assert line.split() == ["12:00:00.042", "running", "f", "call", "site"]

    @pytest.mark.parametrize(
        "field", ["function_id", "trigger_type", "worker_name", "error", "error_code"]
    )
    def test_names_cannot_write_to_the_terminal(self, field: str) -> None:
        line = line_of(run_of(**{field: ESCAPE + "name"}), no_style())
        assert line.isprintable()
        assert "owned" in line

    def test_long_texts_are_cut(self) -> None:
        run = run_of(function_id="f" * 255, error="e" * 10_000, error_code="c")
        assert len(line_of(run, no_style())) < 400

    def test_json_is_one_line_with_every_column(self) -> None:
        run = run_of(error="a\nb" + ESCAPE, delivery_id=uuid4())
        text = json_of(run)
        assert text.isprintable()
        assert set(json.loads(text)) == {field.name for field in Invocation._meta.fields}


class TestArguments:
    """What may be asked for."""

    @pytest.mark.parametrize(
        ("text", "seconds"), [("90", 90), ("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86_400)]
    )
    def test_an_age(self, text: str, seconds: float) -> None:
        assert iii_tail.age(text) == timedelta(seconds=seconds)

    @pytest.mark.parametrize("text", ["", "m", "5x", "-5m", "1.5h", "٣m", "9" * 99])
    def test_what_is_no_age(self, text: str) -> None:
        with pytest.raises(argparse.ArgumentTypeError):
            iii_tail.age(text)

    @pytest.mark.parametrize(
        "words", [("--lines", "-1"), ("--lines", "x"), ("--status", "dead"), ("--since", "soon")]
    )
    def test_wrong_ones_are_refused(self, words: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            call_command("iii_tail", *words)

    def test_the_greatest_age_is_a_time(self, tail: Any) -> None:
        make_run(function_id="old")
        assert len(tail("--since", "9" * 9 + "d")[0]) == 1


class TestFollowing:
    """What is printed, and when."""

    def test_the_last_runs_come_first(self, tail: Any) -> None:
        for number in range(12):
            make_run(function_id=f"f{number:02}", age=timedelta(seconds=60 - number))
        lines, err = tail()
        assert [line.split()[4] for line in lines] == [f"f{number:02}" for number in range(2, 12)]
        assert err == ""
        assert len(tail("--lines", "3")[0]) == 3
        assert len(tail("--since", "55s")[0]) == 6
        assert len(tail("--since", "55s", "--lines", "2")[0]) == 2

    def test_then_what_ends(self, tail: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        look = Follower.look

        def look_later(self: Follower) -> Any:
            make_run(function_id="new")
            return look(self)

        monkeypatch.setattr(Follower, "look", look_later)
        make_run(function_id="old", age=timedelta(minutes=1))
        lines, _ = tail("--json", looks=2)
        assert [json.loads(line)["function_id"] for line in lines] == ["old", "new", "new"]

    def test_filters(self, tail: Any) -> None:
        make_run(function_id="a", trigger_id="t")
        make_run(function_id="b", status="failed")
        assert "  a  " in tail("--trigger", "t")[0][0]
        assert "  b  " in tail("--status", "failed")[0][0]
        assert tail("--function", "a", "--status", "failed")[0] == []

    def test_a_database_that_goes_is_waited_for(
        self, tail: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = iter([OperationalError("gone"), OperationalError("gone"), [run_of()]])

        def look(_follower: Follower) -> Any:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(Follower, "look", look)
        monkeypatch.setattr(iii_tail, "connection", StringIO())  # closing it would end the test's
        lines, err = tail(looks=3)
        assert len(lines) == 1
        assert err.count("tried again") == 1

    def test_without_a_database_it_says_so(self, tail: Any, monkeypatch: Any) -> None:
        def begin(*_: Any, **__: Any) -> Iterator[Invocation]:
            raise OperationalError("connection refused")

        monkeypatch.setattr(Follower, "begin", begin)
        with pytest.raises(CommandError, match="connection refused"):
            tail()

    @pytest.mark.parametrize("history", ["off", "failures"])
    def test_a_history_that_is_not_kept_is_mentioned(
        self, tail: Any, settings: Any, history: str
    ) -> None:
        settings.III_HISTORY = history
        assert f'III_HISTORY is "{history}"' in tail()[1]

    def test_it_can_run_beside_the_main_thread(self, tail: Any) -> None:
        command = Interrupted()
        command.looks = 0
        command._follow = lambda *_: None  # type: ignore[method-assign]
        errors: list[BaseException] = []

        def work() -> None:
            try:
                call_command(command, stdout=StringIO(), stderr=StringIO())
            except BaseException as error:  # noqa: BLE001 - handed to the test
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(DEADLINE_S)
        assert errors == []


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command in a process of its own, on the database of the tests."""
    facts = connection.settings_dict
    url = f"sqlite:///{facts['NAME']}"
    if connection.vendor != "sqlite":
        place = f"{facts['HOST'] or '127.0.0.1'}:{facts['PORT'] or 5432}"
        url = f"postgres://{facts['USER']}:{facts['PASSWORD']}@{place}/{facts['NAME']}"
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "iii_project.settings",
    }
    command = [sys.executable, "-W", "error", "manage.py", "iii_tail", *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], DEADLINE_S)[0], "nothing was printed"
    return process.stdout.readline()


def assert_ends_in_peace(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    assert process.wait(DEADLINE_S) == 0
    assert process.stderr.read() == ""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestProcess:
    """As it is typed."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it(self, number: signal.Signals) -> None:
        make_run(function_id="old")
        with started("--lines", "1") as process:
            assert "  old  " in read_line(process)
            make_run(function_id="new")
            line = read_line(process)
            assert "  new  " in line
            assert "\x1b" not in line
            process.send_signal(number)
            assert_ends_in_peace(process)

    def test_it_ends_when_nobody_reads_any_more(self) -> None:
        """Also while nothing happens: ``iii_tail | head -1``."""
        make_run(function_id="old")
        with started() as process:
            assert "  old  " in read_line(process)
            assert process.stdout is not None
            process.stdout.close()
            assert_ends_in_peace(process)

    def test_it_ends_when_its_reader_goes_in_the_middle_of_a_page(self) -> None:
        with transaction.atomic():
            for _ in range(500):
                make_run(error="x" * 200, status="failed")
        with started("--since", "1h") as process:
            read_line(process)
            assert process.stdout is not None
            process.stdout.close()
            assert_ends_in_peace(process)
