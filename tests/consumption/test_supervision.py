"""Work in a thread that is begun again when it ends by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from iii_triggers.consumption.supervision import Supervised, Work

WAIT_S = 5.0


class Job:
    """Runs until it is stopped, or breaks at once."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.breaks = breaks
        self.running = threading.Event()
        self.stopped = threading.Event()

    def run(self) -> None:
        self.running.set()
        if self.breaks:
            raise ValueError("broken")
        self.stopped.wait(WAIT_S)

    def stop(self) -> None:
        self.stopped.set()


Supervise = Callable[[Callable[[], Work]], Supervised]


@pytest.fixture
def supervise() -> Iterator[Supervise]:
    """Start work: ``supervise(make)``."""
    started: list[Supervised] = []

    def supervise(make: Callable[[], Work]) -> Supervised:
        supervised = Supervised("job", make, pause_s=0.01)
        started.append(supervised)
        supervised.start()
        return supervised

    yield supervise
    for supervised in started:
        supervised.begin_stop()
        assert supervised.wait_stopped(WAIT_S)


def test_runs_until_it_is_stopped(supervise: Supervise) -> None:
    job = Job()
    supervised = supervise(lambda: job)
    assert job.running.wait(WAIT_S)
    assert supervised.state == "running"
    supervised.begin_stop()
    assert supervised.wait_stopped(WAIT_S)
    assert supervised.state == "stopped"


@pytest.mark.parametrize("ends_by", ["error", "itself"])
def test_work_that_ends_is_begun_again(
    supervise: Supervise, caplog: pytest.LogCaptureFixture, ends_by: str
) -> None:
    first, second = Job(breaks=ends_by == "error"), Job()
    first.stop()
    jobs = [first, second]
    supervised = supervise(lambda: jobs.pop(0))
    assert second.running.wait(WAIT_S)
    assert supervised.state == "running"
    assert "The job ended; it starts again in 0.01 s." in caplog.text


def test_work_that_cannot_be_made_is_tried_again(supervise: Supervise) -> None:
    job = Job()
    failures = [OSError("no broker")]

    def make() -> Job:
        if failures:
            raise failures.pop()
        return job

    supervise(make)
    assert job.running.wait(WAIT_S)


def test_pauses_grow_and_stopping_cuts_them_short(supervise: Supervise) -> None:
    tries = threading.Semaphore(0)

    def make() -> Job:
        tries.release()
        return Job(breaks=True)

    supervised = supervise(make)
    assert all(tries.acquire(timeout=WAIT_S) for _ in range(4))
    assert supervised.state in ("restarting", "running")
    supervised.begin_stop()
    assert supervised.wait_stopped(WAIT_S)


def test_work_that_is_being_made_when_it_is_stopped_never_runs(supervise: Supervise) -> None:
    making, made, job = threading.Event(), threading.Event(), Job()

    def make() -> Job:
        making.set()
        made.wait(WAIT_S)
        return job

    supervised = supervise(make)
    assert making.wait(WAIT_S)
    supervised.begin_stop()
    made.set()
    assert supervised.wait_stopped(WAIT_S)
    assert not job.running.is_set()
