"""Claims: who runs a delivery, and what a lane lets through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from iii_triggers.delivery.claims import _lease, claim
from iii_triggers.delivery.outcomes import Kind, Outcome, store
from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.redrive import hold, redrive, release
from iii_triggers.models import Delivery
from tests.support.threads import race

from .conftest import NODE, Messages, let_time_pass

Make = Callable[..., Delivery]


def claimed(*rows: Delivery) -> list[Any]:
    return [row.pk for row in claim([str(row.pk) for row in rows], node_id=NODE)]


def finish(row: Delivery, kind: Kind = "succeeded") -> bool:
    return store([Outcome(delivery=row, kind=kind)])[0]


def test_leases_and_counts_before_the_start(make: Make) -> None:
    (row,) = claim([str(make().pk)], node_id=NODE)
    stored = Delivery.objects.get()
    assert (stored.state, stored.attempts, stored.node_id) == ("leased", 1, NODE)
    assert stored.lease_token == row.lease_token
    assert stored.leased_until is not None and stored.leased_until > timezone.now()


def test_a_second_message_finds_it_taken(make: Make) -> None:
    row = make()
    assert claimed(row) == [row.pk]
    assert claimed(row) == []
    assert Delivery.objects.get().attempts == 1


def test_an_unknown_id_is_nothing(messages: Messages) -> None:
    assert claim(["00000000-0000-7000-8000-000000000000"], node_id=NODE) == []


def test_leaves_out_what_is_not_to_run(make: Make) -> None:
    later = make(run_at=timezone.now() + timedelta(hours=1))
    skipped = make(skipped="no")
    nobodys = make(waits_for="subscriber")
    assert claimed(later, skipped, nobodys) == []


def test_of_many_processes_one_wins(many_writers: None, make: Make) -> None:
    row = make()
    won = race(*[lambda: claimed(row)] * 8)
    assert sorted(map(len, won)) == [0] * 7 + [1]
    assert Delivery.objects.get().attempts == 1


def test_of_a_batch_only_those_that_still_wait_are_won(make: Make) -> None:
    """As where a database does not lock the rows that were read."""
    rows = [make(), make()]
    claimed(rows[0])
    won = _lease(rows, node_id=NODE, now=timezone.now())
    assert [row.pk for row in won] == [rows[1].pk]
    assert Delivery.objects.get(pk=rows[0].pk).lease_token != won[0].lease_token


def test_a_lease_is_longer_than_the_attempt_may_take(make: Make) -> None:
    claimed(make(policy=Policy(timeout_ms=3600_000)))
    until = Delivery.objects.get().leased_until
    assert until is not None
    assert until > timezone.now() + timedelta(seconds=3600 + 10)


class TestConcurrency:
    """At most so many of a lane at a time."""

    policy = Policy(concurrency=2)

    def test_lets_in_as_many_as_there_are_places(self, make: Make) -> None:
        rows = [make(policy=self.policy) for _ in range(4)]
        assert claimed(*rows) == [rows[0].pk, rows[1].pk]
        assert claimed(*rows[2:]) == []
        waiting = Delivery.objects.filter(waits_for="turn", send_at=None)
        assert waiting.count() == 2

    def test_calls_the_next_when_one_ends(self, make: Make, messages: Messages) -> None:
        rows = [make(policy=self.policy) for _ in range(4)]
        first, _ = claim([str(row.pk) for row in rows], node_id=NODE)
        messages.sent.clear()
        assert finish(first)
        assert messages.ids == [str(rows[2].pk)]
        assert claimed(rows[2], rows[3]) == [rows[2].pk]

    @pytest.mark.parametrize("kind", ["failed", "away", "skipped", "undone"])
    def test_calls_the_next_whatever_the_end_was(
        self, make: Make, messages: Messages, kind: Kind
    ) -> None:
        rows = [make(policy=Policy(concurrency=1)) for _ in range(2)]
        (first,) = claim([str(row.pk) for row in rows], node_id=NODE)
        messages.sent.clear()
        assert finish(first, kind)
        assert messages.ids == [str(rows[1].pk)]

    def test_holds_for_each_policy_of_the_lane(self, make: Make) -> None:
        narrow, wide = Policy(concurrency=1), Policy(concurrency=3)
        rows = [make(policy=policy) for policy in (narrow, narrow, wide, wide, wide)]
        assert claimed(*rows) == [rows[0].pk, rows[2].pk, rows[3].pk]

    def test_counts_each_lane_for_itself(self, make: Make) -> None:
        rows = [make(policy=Policy(concurrency=1), lane=lane) for lane in ("a", "b")]
        assert len(claimed(*rows)) == 2

    def test_is_not_exceeded_by_racing_processes(self, many_writers: None, make: Make) -> None:
        rows = [make(policy=self.policy) for _ in range(8)]
        won = race(*[partial(claimed, row) for row in rows])
        assert sum(map(len, won)) == Delivery.objects.filter(state="leased").count() == 2


class TestOrder:
    """One in flight for each key, in order."""

    policy = Policy(is_ordered=True)

    def make_three(self, make: Make) -> list[Delivery]:
        return [make(policy=self.policy, ordering_key="k") for _ in range(3)]

    def test_one_after_the_other(self, make: Make, messages: Messages) -> None:
        rows = self.make_three(make)
        (first,) = claim([str(row.pk) for row in rows], node_id=NODE)
        assert first.pk == rows[0].pk
        assert claimed(*rows[1:]) == []
        messages.sent.clear()
        finish(first)
        assert messages.ids == [str(rows[1].pk)]
        assert claimed(*rows[1:]) == [rows[1].pk]

    def test_the_message_of_a_later_one_may_come_first(self, make: Make) -> None:
        rows = self.make_three(make)
        assert claimed(rows[2]) == []
        assert claimed(rows[0]) == [rows[0].pk]

    def test_a_failing_one_is_not_overtaken(self, make: Make, messages: Messages) -> None:
        rows = self.make_three(make)
        (first,) = claim([str(rows[0].pk)], node_id=NODE)
        messages.sent.clear()
        finish(first, "failed")
        assert messages.sent == []
        assert claimed(*rows[1:]) == []
        let_time_pass(first, seconds=60)
        assert claimed(*rows) == [rows[0].pk]

    def test_a_dead_one_lets_the_next_go(self, make: Make, messages: Messages) -> None:
        policy = Policy(is_ordered=True, max_attempts=1)
        rows = [make(policy=policy, ordering_key="k") for _ in range(2)]
        (first,) = claim([str(row.pk) for row in rows], node_id=NODE)
        messages.sent.clear()
        finish(first, "failed")
        assert Delivery.objects.get(pk=first.pk).state == "dead"
        assert messages.ids == [str(rows[1].pk)]

    def test_keys_do_not_wait_for_each_other(self, make: Make) -> None:
        rows = [make(policy=self.policy, ordering_key=key) for key in ("a", "a", "b")]
        assert claimed(*rows) == [rows[0].pk, rows[2].pk]

    def test_a_dead_one_that_is_redriven_waits_for_the_one_that_runs(
        self, make: Make, messages: Messages
    ) -> None:
        first, second, third = self.make_three(make)
        Delivery.objects.filter(pk=first.pk).update(state="dead")
        (running,) = claim([str(second.pk)], node_id=NODE)
        assert redrive(Delivery.objects.all()) == 1
        assert claimed(first, third) == []
        messages.sent.clear()
        finish(running)
        assert messages.ids == [str(first.pk)]
        assert claimed(first, third) == [first.pk]

    def test_a_held_one_keeps_the_others_of_its_key_waiting(self, make: Make) -> None:
        rows = self.make_three(make)
        hold(Delivery.objects.filter(pk=rows[0].pk))
        assert claimed(*rows) == []
        release(Delivery.objects.all())
        assert claimed(*rows) == [rows[0].pk]

    def test_a_batch_of_many_keys_costs_no_more_queries(
        self, make: Make, django_assert_max_num_queries: Any
    ) -> None:
        rows = [make(policy=self.policy, ordering_key=f"k{n}") for n in range(10)]
        claimed(make(policy=self.policy, ordering_key="first, so that the lane has its row"))
        with django_assert_max_num_queries(8):
            assert claimed(*rows) == [row.pk for row in rows]

    def test_with_a_limit_the_heads_of_other_keys_are_called(
        self, make: Make, messages: Messages
    ) -> None:
        policy = Policy(is_ordered=True, concurrency=1)
        rows = [make(policy=policy, ordering_key=key) for key in ("a", "a", "b")]
        (first,) = claim([str(row.pk) for row in rows], node_id=NODE)
        messages.sent.clear()
        finish(first)
        assert messages.ids == [str(rows[1].pk)]
        (second,) = claim([str(row.pk) for row in rows[1:]], node_id=NODE)
        messages.sent.clear()
        finish(second)
        assert messages.ids == [str(rows[2].pk)]
