"""Following the history: each run once, whenever its row comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from iii_triggers.models import Invocation
from iii_triggers.operations import following
from iii_triggers.operations.following import Filters, Follower
from tests.support import history

pytestmark = pytest.mark.django_db


class Clock:
    """The time of the tests; it goes on when they say so."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 3, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Clock:
    settings.III_HISTORY = "all"
    clock = Clock()
    for module in (following, history):
        monkeypatch.setattr(module, "timezone", SimpleNamespace(now=clock.now))
    return clock


def run(name: str, *, ago_s: float = 0, **facts: Any) -> Invocation:
    """Write a run that started so long ago; its function tells which one it is."""
    return history.make_run(function_id=name, age=timedelta(seconds=ago_s), **facts)


def end(run: Invocation, status: str = "succeeded") -> None:
    Invocation.objects.filter(pk=run.pk).update(status=status, duration_ms=1.0)


def follow(**filters: str) -> Follower:
    follower = Follower(filters=Filters(**filters))
    assert list(follower.begin(since=None, at_most=0)) == []
    return follower


def names(runs: Any) -> list[str]:
    return [run.function_id for run in runs]


def test_each_run_is_found_once(clock: Clock) -> None:
    run("before")
    follower = follow()
    assert follower.look() == []
    run("a")
    assert names(follower.look()) == ["a"]
    for _ in range(100):
        clock.pass_(0.5)
        assert follower.look() == []


def test_a_row_that_comes_late_with_an_older_id_is_found(clock: Clock) -> None:
    follower = follow()
    run("new", ago_s=0.1)
    assert names(follower.look()) == ["new"]
    clock.pass_(5)
    run("old", ago_s=7)
    assert names(follower.look()) == ["old"]
    assert follower.look() == []


def test_a_run_that_has_a_row_before_it_ends_is_found_when_it_ends(clock: Clock) -> None:
    slow = run("slow", status="running", duration_ms=None)
    follower = follow()
    later = run("later", status="running", duration_ms=None)
    assert follower.look() == []
    for _ in range(100):
        clock.pass_(60)
        assert follower.look() == []
    end(slow)
    assert names(follower.look()) == ["slow"]
    end(later, "failed")
    assert names(follower.look()) == ["later"]
    clock.pass_(0.5)
    assert follower.look() == []


def test_a_long_run_that_ends_while_the_first_ones_are_printed_is_found_once(clock: Clock) -> None:
    run("old", ago_s=100)
    slow = run("slow", ago_s=90, status="running", duration_ms=None)
    follower = Follower(filters=Filters())
    printed = follower.begin(since=clock.now() - timedelta(hours=1), at_most=None)
    found = names([next(printed)])
    end(slow)
    found += names(printed) + names(follower.look()) + names(follower.look())
    assert found == ["old", "slow"]


def test_a_running_row_that_is_gone_is_forgotten(clock: Clock) -> None:
    gone = run("gone", status="running", duration_ms=None)
    follower = follow()
    gone.delete()
    assert follower.look() == []
    assert not follower._running


def test_a_row_that_ends_while_one_looks_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    follower = follow()
    one = run("one", status="running", duration_ms=None)
    look_at_ended = Follower._ended_lately

    def ended_meanwhile(self: Follower, floor: datetime) -> Any:
        end(one)
        return look_at_ended(self, floor)

    with monkeypatch.context() as patch:
        patch.setattr(Follower, "_ended_lately", ended_meanwhile)
        assert names(follower.look()) == ["one"]
    assert follower.look() == []


def test_runs_come_in_the_order_in_which_they_ended(clock: Clock) -> None:
    follower = follow()
    run("long", ago_s=4, duration_ms=4000)
    run("short", ago_s=2, duration_ms=10)
    assert names(follower.look()) == ["short", "long"]


@pytest.mark.parametrize("away_s", [20, 3600])
def test_what_was_written_after_a_time_without_the_database_is_found(
    clock: Clock, away_s: float
) -> None:
    follower = follow()
    clock.pass_(away_s)
    assert follower.look() == []
    clock.pass_(8)
    run("kept", ago_s=away_s)
    assert names(follower.look()) == ["kept"]


def test_only_failures_are_kept_and_come_as_late_as_they_end(clock: Clock, settings: Any) -> None:
    settings.III_HISTORY = "failures"
    follower = follow()
    run("slow", ago_s=300, status="failed", duration_ms=299_000.0)
    assert names(follower.look()) == ["slow"]
    clock.pass_(60)
    assert follower.look() == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"function_id": "f"}, ["f"]),
        ({"trigger_id": "t"}, ["g"]),
        ({"status": "failed"}, ["g"]),
        ({"status": "succeeded"}, ["f"]),
        ({"status": "running"}, ["r"]),
        ({"function_id": "f", "status": "failed"}, []),
    ],
)
def test_filters_choose(filters: dict[str, str], expected: list[str]) -> None:
    follower = follow(**filters)
    run("f", ago_s=3)
    run("g", ago_s=2, trigger_id="t", status="failed")
    run("r", ago_s=1, status="running", duration_ms=None)
    assert names(follower.look()) == expected
    assert follower.look() == []
    assert names(Follower(filters=Filters(**filters)).begin(since=None, at_most=9)) == expected


def test_a_running_row_that_ends_in_another_way_than_asked_for_is_left_out() -> None:
    follower = follow(status="failed")
    good, bad = (run(name, status="running", duration_ms=None) for name in ("good", "bad"))
    assert follower.look() == []
    end(good)
    end(bad, "failed")
    assert names(follower.look()) == ["bad"]


def test_the_last_runs_come_first_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAGE", 2)
    for number in range(7):
        run(str(number), ago_s=100 - number)
    run("r", status="running", duration_ms=None)
    since = following.timezone.now() - timedelta(seconds=97.5)
    follower = Follower(filters=Filters())
    assert names(follower.begin(since=None, at_most=3)) == ["4", "5", "6"]
    assert names(follower.begin(since=since, at_most=None)) == ["3", "4", "5", "6"]
    assert names(follower.begin(since=since, at_most=2)) == ["5", "6"]


def test_what_comes_while_the_last_runs_are_printed_is_shown_once(clock: Clock) -> None:
    run("a", ago_s=3)
    follower = Follower(filters=Filters())
    printed = follower.begin(since=clock.now() - timedelta(minutes=1), at_most=None)
    assert next(printed).function_id == "a"
    clock.pass_(300)  # a slow reader
    run("b", ago_s=299)
    run("c", ago_s=1)
    assert names(printed) == ["b", "c"]
    run("late", ago_s=305)
    assert names(follower.look()) == ["late"]
    assert follower.look() == []


def test_what_was_seen_long_ago_is_forgotten(clock: Clock) -> None:
    follower = follow()
    for _ in range(40):
        run("f")
        assert len(follower.look()) == 1
        clock.pass_(1)
    assert len(follower._seen) < 20
