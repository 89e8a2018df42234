"""Problems are what does not get better by itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.utils import timezone

from iii_triggers.models import Node, Trigger
from iii_triggers.operations import problems
from iii_triggers.operations.overview import Backlog, Firing, Process
from iii_triggers.operations.problems import CODES, Problem, counted


def process(kind: str, *, is_alive: bool = True, dropped: int = 0) -> Process:
    node = Node(kind=kind, runs_dropped=dropped)
    return Process(node=node, heartbeat_age_s=0, is_alive=is_alive)


def codes(found: Iterable[Problem]) -> list[str]:
    return [problem.code for problem in found]


@pytest.mark.parametrize("kind", ["engine", "asgi", "celery"])
def test_some_process_must_run_functions(kind: str) -> None:
    assert codes(problems.of_processes([process("other"), process(kind)])) == []
    assert codes(problems.of_processes([process(kind, is_alive=False)])) == ["engine", "silent"]


@pytest.mark.parametrize("kind", ["other", "beat"])
def test_other_processes_run_none(kind: str) -> None:
    assert codes(problems.of_processes([process(kind)])) == ["engine"]


def test_processes_without_heartbeat_are_named() -> None:
    silent = [
        Process(node=Node(kind="asgi", host=f"web-{n}", pid=7), heartbeat_age_s=60, is_alive=False)
        for n in range(7)
    ]
    problem = next(p for p in problems.of_processes(silent) if p.code == "silent")
    assert problem.text.startswith("7 processes are silent: asgi web-0:7, asgi web-1:7")
    assert "web-5" not in problem.text


def test_runs_that_were_not_kept_are_a_problem() -> None:
    (problem,) = problems.of_processes([process("asgi", dropped=2000), process("celery")])
    assert (problem.code, "2,000 runs" in problem.text) == ("dropped", True)


def test_deliveries_that_are_due_for_long_are_a_problem() -> None:
    now = timezone.now()
    late = Backlog(due_since=now - timedelta(minutes=5))
    assert codes(problems.of_deliveries(Backlog(waiting=9, due_since=now))) == []
    (problem,) = problems.of_deliveries(late)
    assert (problem.code, "5 min" in problem.text) == ("late", True)


def test_dead_deliveries_are_a_problem_and_counted_up_to_a_limit() -> None:
    (one,) = problems.of_deliveries(Backlog(dead=1))
    (many,) = problems.of_deliveries(Backlog(dead=10_001))
    assert one.text == "1 delivery is dead."
    assert many.text == "10,000+ deliveries are dead."
    assert counted(10_000) == "10,000"


def test_cron_triggers_that_do_not_fire_are_a_problem() -> None:
    now = timezone.now()
    soon, late = (
        Firing(trigger=Trigger(), at=now + timedelta(minutes=minutes)) for minutes in (1, -2)
    )
    assert codes(problems.of_firings([])) == codes(problems.of_firings([soon])) == []
    assert codes(problems.of_firings([late, soon])) == ["cron"]


def test_rejected_triggers_are_a_problem() -> None:
    assert codes(problems.of_triggers({"active": 5, "parked": 3})) == []
    assert codes(problems.of_triggers({"rejected": 2})) == ["rejected"]


def test_every_problem_is_described() -> None:
    now = timezone.now()
    found = [
        *problems.of_processes([process("beat", dropped=1, is_alive=False)]),
        *problems.of_deliveries(Backlog(dead=1, due_since=now - timedelta(hours=1))),
        *problems.of_firings([Firing(trigger=Trigger(), at=now - timedelta(hours=1))]),
        *problems.of_triggers({"rejected": 1}),
    ]
    assert set(codes(found)) == set(CODES)
