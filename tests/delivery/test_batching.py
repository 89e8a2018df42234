"""Group commit: what comes together is done together, and nobody waits for ever."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import OperationalError

from iii_triggers.delivery import batching
from iii_triggers.delivery.batching import Batcher

DEADLINE_S = 5

Start = Callable[..., "Batcher[Any, Any]"]


class Work:
    """Doubles numbers; the test says when, and what fails."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.may_go = threading.Event()
        self.may_go.set()
        self.errors: list[Exception] = []
        self.has_begun = threading.Semaphore(0)

    def __call__(self, units: Sequence[Any]) -> list[Any]:
        self.batches.append(list(units))
        self.has_begun.release()
        assert self.may_go.wait(DEADLINE_S)
        if self.errors:
            raise self.errors.pop(0)
        return [unit * 2 for unit in units]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def start() -> Iterator[Start]:
    made: list[Batcher[Any, Any]] = []

    def start(work: Any) -> Batcher[Any, Any]:
        made.append(Batcher("iii-test", work))
        return made[-1]

    yield start
    for batcher in made:
        batcher.close()


def is_running() -> bool:
    return any(thread.name == "iii-test" for thread in threading.enumerate())


def test_a_single_unit_is_done_at_once(start: Start, work: Work) -> None:
    assert start(work).submit(1).result(DEADLINE_S) == 2


def test_what_comes_while_a_batch_is_done_makes_the_next(start: Start, work: Work) -> None:
    batcher = start(work)
    work.may_go.clear()
    first = batcher.submit(1)
    assert work.has_begun.acquire(timeout=DEADLINE_S)
    others = [batcher.submit(number) for number in (2, 3)]
    work.may_go.set()
    assert [future.result(DEADLINE_S) for future in (first, *others)] == [2, 4, 6]
    assert work.batches == [[1], [2, 3]]


def test_a_batch_has_a_limit(start: Start, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_BATCH", 2)
    batcher = start(work)
    work.may_go.clear()
    futures = [batcher.submit(0)]
    assert work.has_begun.acquire(timeout=DEADLINE_S)
    futures += [batcher.submit(number) for number in (1, 2, 3)]
    work.may_go.set()
    assert [future.result(DEADLINE_S) for future in futures] == [0, 2, 4, 6]
    assert work.batches == [[0], [1, 2], [3]]


def test_only_the_unit_at_fault_fails(start: Start) -> None:
    begun, may_go = threading.Event(), threading.Event()

    def halve(units: Sequence[Any]) -> list[Any]:
        begun.set()
        assert may_go.wait(DEADLINE_S)
        return [1 / unit for unit in units]

    batcher = start(halve)
    first = batcher.submit(1)
    assert begun.wait(DEADLINE_S)
    good, bad, other = (batcher.submit(number) for number in (2, 0, 4))
    may_go.set()
    assert first.result(DEADLINE_S) == 1
    assert (good.result(DEADLINE_S), other.result(DEADLINE_S)) == (0.5, 0.25)
    with pytest.raises(ZeroDivisionError):
        bad.result(DEADLINE_S)


def test_a_deadlock_gets_another_try(start: Start, work: Work) -> None:
    work.errors = [OperationalError("deadlock"), OperationalError("again")]
    assert start(work).submit(1).result(DEADLINE_S) == 2
    assert work.batches == [[1]] * 3


def test_a_database_that_stays_away_fails_everybody(start: Start, work: Work) -> None:
    batcher = start(work)
    work.errors = [OperationalError("away")] * 3
    with pytest.raises(OperationalError):
        batcher.submit(1).result(DEADLINE_S)
    assert batcher.submit(2).result(DEADLINE_S) == 4


def test_too_few_results_are_an_error_and_not_the_end(start: Start) -> None:
    batcher = start(lambda units: [])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="too few"):
            batcher.submit(1).result(DEADLINE_S)


def test_who_gives_up_before_its_turn_gets_nothing_done(start: Start, work: Work) -> None:
    batcher = start(work)
    work.may_go.clear()
    first = batcher.submit(1)
    assert work.has_begun.acquire(timeout=DEADLINE_S)
    given_up = batcher.submit(2)
    assert given_up.cancel()
    work.may_go.set()
    assert first.result(DEADLINE_S) == 2
    assert batcher.submit(3).result(DEADLINE_S) == 6
    assert work.batches == [[1], [3]]


def test_who_gives_up_later_harms_nobody(start: Start, work: Work) -> None:
    batcher = start(work)
    work.may_go.clear()
    first = batcher.submit(1)
    assert work.has_begun.acquire(timeout=DEADLINE_S)
    assert not first.cancel()
    work.may_go.set()
    assert first.result(DEADLINE_S) == 2


def test_an_idle_thread_ends_and_comes_back(
    start: Start, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "IDLE_S", 0)
    batcher = start(work)
    assert batcher.submit(1).result(DEADLINE_S) == 2
    for thread in threading.enumerate():
        if thread.name == "iii-test":
            thread.join(DEADLINE_S)
    assert not is_running()
    assert batcher.submit(2).result(DEADLINE_S) == 4


def test_closing_finishes_what_waits(start: Start, work: Work) -> None:
    batcher = start(work)
    work.may_go.clear()
    futures = [batcher.submit(number) for number in (1, 2)]
    threading.Timer(0, work.may_go.set).start()
    batcher.close()
    assert [future.result(0) for future in futures] == [2, 4]
    assert not is_running()


def test_after_closing_it_works_again(start: Start, work: Work) -> None:
    batcher = start(work)
    batcher.close()
    batcher.close()
    assert batcher.submit(1).result(DEADLINE_S) == 2
    batcher.close()
    assert batcher.submit(2).result(DEADLINE_S) == 4


def test_a_thread_that_does_not_start_is_the_error_of_the_caller(
    start: Start, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    batcher = start(work)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            batcher.submit(1)
    assert batcher.submit(2).result(DEADLINE_S) == 4


def test_a_system_without_fork_needs_no_care(
    start: Start, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    assert start(work).submit(1).result(DEADLINE_S) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_starts_with_nothing(start: Start, work: Work) -> None:
    batcher = start(work)
    work.may_go.clear()
    batcher.submit(1)
    assert work.has_begun.acquire(timeout=DEADLINE_S)
    batcher.submit(2)
    child = os.fork()
    if child == 0:
        work.may_go = threading.Event()
        work.may_go.set()
        work.batches = []
        is_good = batcher.submit(3).result(DEADLINE_S) == 6 and work.batches == [[3]]
        os._exit(0 if is_good else 1)
    work.may_go.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
