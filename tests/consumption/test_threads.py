"""A thread that repeats database work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections

from iii_triggers.consumption import threads
from iii_triggers.consumption.threads import RepeatingThread
from iii_triggers.models import Node

WAIT_S = 5.0
NEVER_S = 3600.0

Repeat = Callable[..., RepeatingThread]


@pytest.fixture
def repeat() -> Iterator[Repeat]:
    """Start a thread: ``repeat(step, pause_s=...)``."""
    started: list[RepeatingThread] = []

    def repeat(
        step: Callable[[], object], *, pause_s: float = NEVER_S, is_forking: bool = False
    ) -> RepeatingThread:
        thread = RepeatingThread("step", step, interval=lambda: pause_s, is_forking=is_forking)
        started.append(thread)
        thread.start()
        return thread

    yield repeat
    for thread in started:
        thread.stop()


def test_repeats_the_step_until_it_is_stopped(repeat: Repeat) -> None:
    steps = threading.Semaphore(0)
    thread = repeat(steps.release, pause_s=0)
    assert all(steps.acquire(timeout=WAIT_S) for _ in range(3))
    thread.stop()
    assert not thread._thread.is_alive()


def test_a_poke_cuts_the_pause_short(repeat: Repeat) -> None:
    steps = threading.Semaphore(0)
    thread = repeat(steps.release)
    assert steps.acquire(timeout=WAIT_S)
    thread.poke()
    assert steps.acquire(timeout=WAIT_S)


def test_a_failing_step_is_tried_again_and_told_of_once_in_full(
    repeat: Repeat, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = [ValueError("first"), ValueError("second"), None]
    ended = threading.Event()

    def step() -> None:
        outcome = outcomes.pop(0) if outcomes else None
        if outcome is not None:
            raise outcome
        ended.set()

    with caplog.at_level(logging.INFO):
        thread = repeat(step, pause_s=0.001)
        assert ended.wait(WAIT_S)
        thread.stop()
    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "WARNING", "INFO"]
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, False]


def test_pauses_grow_with_failures_up_to_a_limit() -> None:
    thread = RepeatingThread("step", lambda: None, interval=lambda: 1.0, is_forking=False)
    assert [thread._pause_s(failures) for failures in (0, 1, 2, 3, 50)] == [
        1.0,
        2.0,
        4.0,
        8.0,
        threads.MAX_PAUSE_S,
    ]


def test_stopping_does_not_wait_for_ever_for_a_step_that_hangs(
    repeat: Repeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "STOP_TIMEOUT_S", 0.01)
    entered, left = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        left.wait(WAIT_S)

    thread = repeat(hang)
    assert entered.wait(WAIT_S)
    thread.stop()
    assert thread._thread.is_alive()
    left.set()


@pytest.mark.parametrize("is_forking", [True, False])
def test_a_connection_is_kept_between_steps_unless_the_process_forks(
    repeat: Repeat, transactional_db: None, is_forking: bool
) -> None:
    opened: list[object] = []
    looked = threading.Event()

    def step() -> None:
        opened.append(connection.connection)
        Node.objects.exists()
        if len(opened) > 1:
            looked.set()

    repeat(step, pause_s=0, is_forking=is_forking)
    assert looked.wait(WAIT_S)
    assert opened[0] is None
    assert (opened[1] is None) == is_forking


def test_no_connection_is_left_open_at_the_end(repeat: Repeat, transactional_db: None) -> None:
    held: list[Any] = []
    looked = threading.Event()

    def step() -> None:
        Node.objects.exists()
        held.append(connections["default"])
        looked.set()

    thread = repeat(step)
    assert looked.wait(WAIT_S)
    thread.stop()
    assert held[0].connection is None
