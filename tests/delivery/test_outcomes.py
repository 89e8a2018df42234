"""Outcomes: what becomes of a row, and who may say so."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery.claims import claim, lock_lanes
from iii_triggers.delivery.outcomes import Kind, Outcome, store
from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.sweeping import release_lost_leases
from iii_triggers.engine.history.rows import MAX_ERROR
from iii_triggers.models import Delivery
from tests.support.threads import Aside, wait_until_blocked

from .conftest import NODE, Messages, let_time_pass

Make = Callable[..., Delivery]

KINDS: list[Kind] = ["succeeded", "failed", "skipped", "away", "undone"]


@pytest.fixture
def lease(make: Make) -> Callable[..., Delivery]:
    """Make a delivery that runs."""

    def lease(**facts: object) -> Delivery:
        return run_again(make(**facts))

    return lease


def run_again(row: Delivery) -> Delivery:
    (leased,) = claim([str(row.pk)], node_id=NODE)
    return leased


def end(row: Delivery, kind: Kind, code: str = "", message: str = "") -> Delivery:
    assert store([Outcome(delivery=row, kind=kind, code=code, message=message)]) == [True]
    return Delivery.objects.get(pk=row.pk)


def pause_s(row: Delivery) -> float:
    return (row.run_at - timezone.now()).total_seconds()


def test_a_success_is_the_end(lease: Make) -> None:
    row = end(lease(), "succeeded")
    assert (row.state, row.error, row.leased_until, row.send_at) == ("succeeded", "", None, None)
    assert row.finished_at is not None


def test_a_success_wipes_out_earlier_failures(lease: Make) -> None:
    row = end(lease(policy=Policy(backoff_ms=0)), "failed", "E", "no")
    row = end(run_again(row), "succeeded")
    assert (row.attempts, row.error, row.error_code) == (2, "", "")


def test_no_secret_of_an_error_is_kept(lease: Make) -> None:
    row = end(lease(), "failed", "E", "x" * (MAX_ERROR - 12) + " password=hunter2 " + "x" * 5000)
    assert "hunt" not in row.error
    row = end(lease(), "failed", "E", "password=hunter2 was wrong")
    assert row.error == "password=[redacted] was wrong"


def test_a_failure_is_tried_again_after_a_pause(
    lease: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)
    row = lease(policy=Policy(max_attempts=4, backoff_ms=10_000))
    for expected in (10, 20, 40):
        row = end(row, "failed", "E", "no")
        assert (row.state, row.error_code, row.error) == ("retry", "E", "no")
        assert row.send_at == row.run_at
        assert (row.lease_token, row.leased_until, row.sends) == (None, None, 0)
        assert expected - 5 < pause_s(row) <= expected
        let_time_pass(row, seconds=60)
        row = run_again(row)
    row = end(row, "failed", "E", "at last")
    assert (row.state, row.attempts, row.error) == ("dead", 4, "at last")
    assert row.finished_at is not None


def test_an_error_is_cut_and_fit_for_the_database(lease: Make) -> None:
    row = end(lease(), "failed", "c" * 999, "a\0b" + "x" * 99_999)
    assert len(row.error_code) == 255
    assert row.error.startswith("abx")
    assert len(row.error) == MAX_ERROR


@pytest.mark.parametrize("text", ["a\0b", "a\udcffb"])
def test_an_error_in_text_that_no_database_takes_is_written_all_the_same(
    lease: Make, text: str
) -> None:
    """It would be tried for ever as lost, without its reason."""
    row = end(lease(), "failed", text, text)
    assert row.state == "retry"
    for kept in (row.error_code, row.error):
        assert kept.startswith("a")
        assert kept.endswith("b")


def test_a_skipped_one_is_the_end_without_an_error_code(lease: Make) -> None:
    row = end(lease(), "skipped", message="The condition said no.")
    assert (row.state, row.error) == ("skipped", "The condition said no.")
    assert row.finished_at is not None


def test_a_function_that_is_away_costs_no_attempt(lease: Make) -> None:
    row = end(lease(), "away", "function_not_found", "not there")
    assert (row.state, row.waits_for, row.attempts) == ("queued", "function", 0)
    assert (row.send_at, row.error_code) == (None, "function_not_found")
    assert row.away_since is not None


def test_a_function_said_to_be_there_that_is_not_is_tried_ever_later(lease: Make) -> None:
    row = end(lease(), "away")
    assert pause_s(row) <= 0
    Delivery.objects.update(away_since=timezone.now() - timedelta(seconds=30))
    row = end(run_again(row), "away")
    assert 25 < pause_s(row) < 31
    let_time_pass(row, seconds=5000)
    row = end(run_again(row), "away")
    assert 55 < pause_s(row) <= 60
    assert row.attempts == 0


def test_a_function_that_is_away_for_too_long_is_the_end(lease: Make) -> None:
    row = end(lease(), "away")
    let_time_pass(row, seconds=100)
    with override_settings(III_UNAVAILABLE_TTL_S=50):
        row = end(run_again(row), "away", "function_not_found", "not there")
    assert (row.state, row.error_code, row.error) == ("dead", "function_not_found", "not there")
    assert row.finished_at is not None


def test_the_time_away_ends_with_an_attempt(lease: Make) -> None:
    row = end(lease(policy=Policy(backoff_ms=0)), "away")
    row = end(run_again(row), "failed")
    assert row.away_since is None


def test_what_a_stopping_process_did_not_do_costs_no_attempt(lease: Make) -> None:
    row = end(lease(), "undone")
    assert (row.state, row.attempts, row.lease_token) == ("queued", 0, None)
    assert row.send_at is not None
    assert row.send_at <= timezone.now()
    assert run_again(row).attempts == 1


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_current_lease_may_end_it(lease: Make, kind: Kind) -> None:
    row = lease()
    stale = Outcome(delivery=row, kind=kind)
    Delivery.objects.update(lease_token=uuid.uuid4())
    before = Delivery.objects.values().get()
    assert store([stale]) == [False]
    assert Delivery.objects.values().get() == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", ["queued", "retry", "held", "dead", "cancelled"])
def test_what_does_not_run_cannot_end(lease: Make, kind: Kind, state: str) -> None:
    row = lease()
    Delivery.objects.update(state=state)
    assert store([Outcome(delivery=row, kind=kind)]) == [False]
    assert Delivery.objects.get().state == state


def test_a_batch_is_judged_row_by_row(make: Make) -> None:
    made = [make() for _ in range(5)]
    rows = claim([str(row.pk) for row in made], node_id=NODE)
    assert len({row.lease_token for row in rows}) == 1
    Delivery.objects.filter(pk=rows[1].pk).update(lease_token=uuid.uuid4())
    kinds: list[Kind] = ["succeeded", "succeeded", "failed", "succeeded", "skipped"]
    outcomes = [Outcome(delivery=row, kind=kind) for row, kind in zip(rows, kinds, strict=True)]
    assert store(outcomes) == [True, False, True, True, True]
    states = list(Delivery.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["succeeded", "leased", "retry", "succeeded", "skipped"]


def test_a_success_that_is_written_again_after_a_lost_commit_is_accepted(make: Make) -> None:
    made = [make(), make()]
    rows = claim([str(row.pk) for row in made], node_id=NODE)
    outcomes = [Outcome(delivery=row, kind="succeeded") for row in rows]
    assert store(outcomes) == store(outcomes) == [True, True]


def test_many_successes_of_one_claim_are_one_statement(
    make: Make, django_assert_num_queries: Callable[..., object]
) -> None:
    rows = claim([str(make().pk) for _ in range(20)], node_id=NODE)
    outcomes = [Outcome(delivery=row, kind="succeeded") for row in rows]
    # Begin, update, commit; PostgreSQL is also told not to wait for its disk.
    queries = 4 if connection.vendor == "postgresql" else 3
    with django_assert_num_queries(queries):  # type: ignore[attr-defined]
        store(outcomes)


def test_outcomes_and_the_sweep_of_lost_leases_do_not_deadlock(
    many_writers: None, make: Make, messages: Messages, aside: Aside
) -> None:
    """A lease that runs out while its outcome is written: the lane is locked before the row."""
    (row,) = claim([str(make(policy=Policy(concurrency=1)).pk)], node_id=NODE)
    Delivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    with transaction.atomic():
        lock_lanes(["lane"])
        swept = aside.start(release_lost_leases)
        # The sweeper holds no row while it waits for the lane.
        wait_until_blocked()
        Delivery.objects.filter(pk=row.pk).select_for_update(nowait=True).get()
        assert store([Outcome(delivery=row, kind="succeeded")]) == [True]
    assert swept.result(10) == 0
    assert Delivery.objects.get().state == "succeeded"
