"""The sweeper: nothing stays where it is because something was lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery import subscriptions, sweeping
from iii_triggers.delivery.claims import claim
from iii_triggers.delivery.outcomes import Outcome, store
from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.sweeping import (
    Sweeper,
    adopt_orphans,
    call_lanes,
    expire_subscriptions,
    give_up_the_abandoned,
    release_lost_leases,
    send_again,
    sweep,
    wake_for_functions,
)
from iii_triggers.models import Delivery, Function, Lane, Node, Subscription, Trigger
from tests.support.threads import race

from .conftest import NODE, Messages, let_time_pass

Make = Callable[..., Delivery]


@pytest.fixture(autouse=True)
def fresh_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_sweeper", Sweeper())


def lease(*rows: Delivery) -> list[Delivery]:
    return claim([str(row.pk) for row in rows], node_id=NODE)


def fetch(row: Delivery) -> Delivery:
    return Delivery.objects.get(pk=row.pk)


def make_subscription(topic: str = "orders", **facts: Any) -> Subscription:
    values = {"identity": f"queue:{topic}", "function_id": "f", "trigger_id": "t", **facts}
    return Subscription.objects.create(topic=topic, **values)


class TestLostMessages:
    """What waits is sent again, but not all the time."""

    def test_a_lost_message_is_sent_again(self, make: Make, messages: Messages) -> None:
        row = make(queue="iii.orders")
        messages.sent.clear()
        assert send_again() == 0
        let_time_pass(row, seconds=16)
        assert send_again() == 1
        assert messages.sent == [("iii.orders", str(row.pk))]
        assert send_again() == 0

    @override_settings(III_RESEND_S=10)
    def test_it_is_sent_later_each_time(self, make: Make, messages: Messages) -> None:
        row = make()
        pauses = []
        for _ in range(9):
            Delivery.objects.update(send_at=timezone.now())
            assert send_again() == 1
            row.refresh_from_db()
            assert row.send_at is not None
            pauses.append(round((row.send_at - timezone.now()).total_seconds()))
        assert pauses == [10, 20, 40, 80, 160, 320, 640, 640, 640]

    def test_what_comes_due_is_sent(self, make: Make, messages: Messages) -> None:
        row = make(run_at=timezone.now() + timedelta(seconds=30))
        assert send_again() == 0
        let_time_pass(row, seconds=31)
        assert send_again() == 1
        assert len(lease(row)) == 1

    @pytest.mark.parametrize(
        "values", [{"state": "held"}, {"state": "leased"}, {"state": "dead"}, {"send_at": None}]
    )
    def test_only_what_waits_is_sent(self, make: Make, values: dict[str, Any]) -> None:
        make()
        Delivery.objects.update(**{"send_at": timezone.now() - timedelta(hours=1), **values})
        assert send_again() == 0

    def test_the_longest_waiting_go_first_and_all_in_batches(
        self, make: Make, messages: Messages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweeping, "BATCH", 2)
        rows = [make() for _ in range(5)]
        for number, row in enumerate(rows):
            let_time_pass(row, seconds=100 + number)
        messages.sent.clear()
        assert send_again() == 5
        assert messages.ids[:2] in (
            [str(rows[4].pk), str(rows[3].pk)],
            [str(rows[3].pk), str(rows[4].pk)],
        )

    def test_one_pass_has_an_end(
        self, make: Make, messages: Messages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweeping, "BATCH", 1)
        monkeypatch.setattr(sweeping, "MAX_BATCHES", 2)
        for row in [make() for _ in range(3)]:
            let_time_pass(row, seconds=100)
        assert send_again() == 2

    def test_nothing_counts_as_sent_while_the_broker_is_away(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Away:
            is_away = True

        let_time_pass(make(), seconds=100)
        monkeypatch.setattr(sweeping, "sender", Away())
        assert send_again() == 0
        assert Delivery.objects.get().sends == 0

    def test_an_idle_pass_opens_no_transaction(
        self, messages: Messages, django_assert_num_queries: Any
    ) -> None:
        """On SQLite each would keep every writer waiting."""
        with django_assert_num_queries(8) as captured:
            assert sum(vars_of(sweep())) == 0
        assert all(query["sql"].startswith("SELECT") for query in captured.captured_queries)


def vars_of(swept: sweeping.Swept) -> list[int]:
    names = ("released", "woken", "adopted", "called", "expired", "sent")
    return [getattr(swept, name) for name in names]


class TestLostLeases:
    """What ran in a process that is gone is tried again, or dead."""

    def test_a_process_that_is_gone(self, make: Make, messages: Messages) -> None:
        (row,) = lease(make())
        assert release_lost_leases() == 1
        row = fetch(row)
        assert (row.state, row.attempts, row.error_code) == ("retry", 1, "process_died")
        assert row.lease_token is None
        assert row.send_at == row.run_at > timezone.now()
        assert "died" in row.error

    def test_a_process_that_lives_keeps_its_leases(self, make: Make, node: Node) -> None:
        lease(make())
        assert release_lost_leases() == 0

    def test_a_lease_that_ran_out(self, make: Make, node: Node) -> None:
        (row,) = lease(make())
        let_time_pass(row, seconds=10_000)
        assert release_lost_leases() == 1
        assert store([Outcome(delivery=row, kind="succeeded")]) == [False]

    def test_the_last_attempt_was_the_last(self, make: Make) -> None:
        lease(make(policy=Policy(max_attempts=1)))
        assert release_lost_leases() == 1
        row = Delivery.objects.get()
        assert (row.state, row.error_code) == ("dead", "process_died")
        assert row.finished_at is not None

    def test_its_place_goes_to_the_next(self, make: Make, messages: Messages) -> None:
        rows = [make(policy=Policy(concurrency=1)) for _ in range(2)]
        lease(*rows)
        messages.sent.clear()
        assert release_lost_leases() == 1
        assert messages.ids == [str(rows[1].pk)]

    def test_many_are_released_in_batches(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweeping, "BATCH", 2)
        lease(*[make() for _ in range(5)])
        assert release_lost_leases() == 5

    def test_one_pass_has_an_end(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sweeping, "BATCH", 1)
        monkeypatch.setattr(sweeping, "MAX_BATCHES", 2)
        lease(*[make() for _ in range(5)])
        assert release_lost_leases() == 2

    def test_one_that_was_released_before_is_left_alone(self, make: Make) -> None:
        (row,) = lease(make())
        assert sweeping._release([row], timezone.now()) == 1
        assert sweeping._release([row], timezone.now()) == 0
        assert fetch(row).attempts == 1

    def test_payloads_are_not_read(self, make: Make, django_assert_num_queries: Any) -> None:
        lease(make())
        with django_assert_num_queries(5) as captured:
            assert release_lost_leases() == 1
        assert not any('"payload"' in query["sql"] for query in captured.captured_queries)

    def test_an_outcome_that_comes_first_wins(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the look and the lock."""
        (row,) = lease(make())

        def store_first(rows: list[Delivery]) -> None:
            assert store([Outcome(delivery=row, kind="succeeded")]) == [True]

        monkeypatch.setattr(sweeping, "lock_limited", store_first)
        assert release_lost_leases() == 0
        assert fetch(row).state == "succeeded"


class TestFunctions:
    """What waits for its function goes on when that is there."""

    def away(self, row: Delivery) -> Delivery:
        (leased,) = lease(row)
        store([Outcome(delivery=leased, kind="away")])
        return leased

    def test_a_function_that_is_back_wakes_its_deliveries(
        self, make: Make, messages: Messages
    ) -> None:
        rows = [self.away(make()) for _ in range(2)]
        self.away(make(function_id="g"))
        self.away(make(namespace="tenant"))
        messages.sent.clear()
        assert wake_for_functions() == 0
        Function.objects.create(function_id="f")
        assert wake_for_functions() == 2
        assert send_again() == 2
        assert sorted(messages.ids) == sorted(str(row.pk) for row in rows)
        assert len(lease(*rows)) == 2
        assert wake_for_functions() == 0

    def test_several_functions_of_several_namespaces(self, make: Make) -> None:
        keys = [(namespace, name) for namespace in ("a", "b") for name in ("f", "g", "h")]
        for namespace, name in keys:
            self.away(make(namespace=namespace, function_id=name))
            if name != "g":
                Function.objects.create(namespace=namespace, function_id=name)
        assert wake_for_functions() == 4
        left = Delivery.objects.filter(waits_for="function").values_list("function_id", flat=True)
        assert list(left) == ["g", "g"]

    def test_one_whose_function_is_not_there_after_all_does_not_loop(self, make: Make) -> None:
        """As when the worker is on a node that this process cannot reach."""
        Function.objects.create(function_id="f")
        row = self.away(make())
        assert wake_for_functions() == 1
        Delivery.objects.update(away_since=timezone.now() - timedelta(seconds=30))
        self.away(row)
        assert wake_for_functions() == 0
        let_time_pass(row, seconds=31)
        assert wake_for_functions() == 1

    def test_a_fifo_one_keeps_its_place(self, make: Make) -> None:
        policy = Policy(is_ordered=True)
        rows = [make(policy=policy, ordering_key="k") for _ in range(2)]
        self.away(rows[0])
        assert lease(rows[1]) == []
        Function.objects.create(function_id="f")
        assert wake_for_functions() == 1
        assert [row.pk for row in lease(*rows)] == [rows[0].pk]


class TestAbandoned:
    """What has waited for too long is dead, with a reason."""

    @pytest.mark.parametrize(
        ("waits_for", "code"),
        [("function", "function_unavailable"), ("subscriber", "no_subscriber")],
    )
    def test_waiting_has_an_end(self, make: Make, waits_for: str, code: str) -> None:
        row = make()
        Delivery.objects.update(waits_for=waits_for, away_since=timezone.now(), send_at=None)
        assert give_up_the_abandoned() == 0
        let_time_pass(row, seconds=25 * 3600)
        assert give_up_the_abandoned() == 1
        row = fetch(row)
        assert (row.state, row.error_code) == ("dead", code)
        assert "too long" in row.error
        assert row.finished_at is not None

    def test_a_turn_may_take_its_time(self, make: Make) -> None:
        row = make()
        Delivery.objects.update(waits_for="turn", away_since=timezone.now())
        let_time_pass(row, seconds=25 * 3600)
        assert give_up_the_abandoned() == 0

    def test_the_next_of_its_key_goes_on(self, make: Make, messages: Messages) -> None:
        rows = [make(policy=Policy(is_ordered=True), ordering_key="k") for _ in range(2)]
        Delivery.objects.filter(pk=rows[0].pk).update(waits_for="function", away_since=ages_ago())
        assert lease(rows[1]) == []
        messages.sent.clear()
        assert give_up_the_abandoned() == 1
        assert messages.ids == [str(rows[1].pk)]


def ages_ago() -> Any:
    return timezone.now() - timedelta(days=30)


class TestOrphans:
    """What was published while nobody was subscribed."""

    def test_a_subscriber_that_came_while_it_was_written_gets_it(
        self, make: Make, messages: Messages
    ) -> None:
        row = make(waits_for="subscriber", function_id="", topic="orders", lane="topic:orders")
        other = make(waits_for="subscriber", function_id="", topic="others", lane="topic:others")
        assert adopt_orphans() == 0
        make_subscription()
        assert adopt_orphans() == 1
        assert send_again() == 1
        assert messages.ids == [str(row.pk)]
        assert fetch(row).function_id == "f"
        assert fetch(other).waits_for == "subscriber"
        assert adopt_orphans() == 0

    def test_many_are_handed_over_in_batches(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweeping, "BATCH", 2)
        for _ in range(5):
            make(waits_for="subscriber", function_id="", topic="orders")
        make_subscription()
        assert adopt_orphans() == 5

    def test_one_pass_has_an_end(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sweeping, "BATCH", 1)
        monkeypatch.setattr(sweeping, "MAX_BATCHES", 2)
        monkeypatch.setattr(subscriptions, "BATCH", 1)
        for _ in range(5):
            make(waits_for="subscriber", function_id="", topic="orders")
        make_subscription()
        assert adopt_orphans() == 2

    def test_the_first_subscriber_gets_it_and_no_other(self, make: Make) -> None:
        make(waits_for="subscriber", function_id="", topic="orders")
        first = make_subscription()
        make_subscription(identity="second", function_id="g")
        assert adopt_orphans() == 1
        assert Delivery.objects.get().lane == first.lane


class TestLostTurns:
    """A call that was lost is made again."""

    def park(self, *rows: Delivery) -> None:
        Delivery.objects.filter(pk__in=[r.pk for r in rows]).update(waits_for="turn", send_at=None)
        for row in rows:
            Lane.objects.get_or_create(name=row.lane)

    def test_as_many_as_there_are_places(self, make: Make, messages: Messages, node: Node) -> None:
        rows = [make(policy=Policy(concurrency=2)) for _ in range(4)]
        self.park(*rows)
        messages.sent.clear()
        assert call_lanes() == 2
        assert messages.ids == [str(row.pk) for row in rows[:2]]
        lease(*rows[:2])
        assert call_lanes() == 0

    def test_the_heads_of_all_keys(self, make: Make, messages: Messages) -> None:
        policy = Policy(is_ordered=True)
        rows = [make(policy=policy, ordering_key=key) for key in "aabbc"]
        self.park(*rows)
        messages.sent.clear()
        assert call_lanes() == 3
        assert messages.ids == [str(rows[number].pk) for number in (0, 2, 4)]

    def test_every_lane(self, make: Make) -> None:
        self.park(*[make(policy=Policy(concurrency=1), lane=lane) for lane in "abcc"])
        assert call_lanes() == 3


class TestSubscriptions:
    """A subscription that nobody holds ends after a while."""

    def test_one_that_nobody_holds_begins_to_end(self, messages: Messages) -> None:
        make_subscription()
        assert expire_subscriptions() == 0
        expires_at = Subscription.objects.get().expires_at
        assert expires_at is not None
        assert expires_at > timezone.now() + timedelta(hours=23)

    def test_one_that_is_held_stays_whatever_stands_there(self, messages: Messages) -> None:
        make_subscription(identity="i", expires_at=ages_ago())
        Trigger.objects.create(trigger_type="x", function_id="f")
        Trigger.objects.update(identity="i")
        assert expire_subscriptions() == 0
        Trigger.objects.update(enabled=False)
        assert expire_subscriptions() == 1
        assert not Subscription.objects.exists()

    def test_its_messages_wait_for_the_function_to_subscribe_again(self, make: Make) -> None:
        subscription = make_subscription(expires_at=ages_ago())
        row = make(lane=subscription.lane, topic="orders")
        assert expire_subscriptions() == 1
        row = fetch(row)
        assert (row.state, row.waits_for, row.send_at) == ("queued", "subscriber", None)
        assert row.away_since is not None


def test_a_pass_does_all_of_it(make: Make, messages: Messages) -> None:
    lease(make())
    subscription = make_subscription(expires_at=ages_ago())
    make(lane=subscription.lane, topic="orders")
    make(waits_for="subscriber", function_id="", topic="new")
    make_subscription("new")
    woken = make(function_id="g")
    Delivery.objects.filter(pk=woken.pk).update(waits_for="function", send_at=None)
    Function.objects.create(function_id="g")
    make(policy=Policy(concurrency=1), lane="narrow")
    Delivery.objects.filter(lane="narrow").update(waits_for="turn", send_at=None)
    Lane.objects.create(name="narrow")
    assert vars_of(sweep()) == [1, 1, 1, 1, 1, 2]


def test_any_number_of_sweepers_is_harmless(
    many_writers: None, make: Make, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)
    monkeypatch.setattr(sweeping, "BATCH", 7)
    lost = [make(policy=Policy(max_attempts=1)) for _ in range(20)]
    lease(*lost)
    limited = [make(policy=Policy(concurrency=2), lane="narrow") for _ in range(20)]
    lease(*limited)
    for row in [make(lane="late") for _ in range(20)]:
        let_time_pass(row, seconds=100)
    orphans = [make(waits_for="subscriber", function_id="", topic="orders") for _ in range(20)]
    make_subscription()
    messages.sent.clear()
    passes = race(*[sweep] * 6)
    totals = [sum(column) for column in zip(*map(vars_of, passes), strict=True)]
    released, _, adopted, _, _, _ = totals
    assert (released, adopted) == (22, len(orphans))
    assert Delivery.objects.filter(state="dead").count() == 20
    assert Delivery.objects.filter(lane="narrow", state="retry", attempts=1).count() == 2
    late = Delivery.objects.filter(lane="late")
    assert all(messages.ids.count(str(row.pk)) == 1 for row in late)


class TestPace:
    """A step that finds nothing takes a small share of the time."""

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        clock = [1000.0]

        class Time:
            @staticmethod
            def monotonic() -> float:
                return clock[0]

        monkeypatch.setattr(sweeping, "time", Time)
        return clock

    def sweeps(
        self,
        monkeypatch: pytest.MonkeyPatch,
        clock: list[float],
        *,
        takes_s: float,
        changed: int = 0,
    ) -> int:
        """Return how often a step is done in ten seconds."""
        done = []

        def adopt_orphans() -> int:
            clock[0] += takes_s
            done.append(1)
            return changed

        monkeypatch.setattr(sweeping, "adopt_orphans", adopt_orphans)
        sweeper = Sweeper()
        start = clock[0]
        for second in range(10):
            clock[0] = max(clock[0], start + second)
            sweeper.sweep()
        return len(done)

    def test_a_quick_step_is_done_each_time(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch, clock: list[float]
    ) -> None:
        assert self.sweeps(monkeypatch, clock, takes_s=0.01) == 10

    def test_a_slow_one_that_finds_nothing_is_done_less_often(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch, clock: list[float]
    ) -> None:
        assert self.sweeps(monkeypatch, clock, takes_s=0.25) == 2

    def test_a_slow_one_that_finds_something_goes_on(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch, clock: list[float]
    ) -> None:
        assert self.sweeps(monkeypatch, clock, takes_s=0.25, changed=1) == 10


def test_times_are_compared_in_one_zone(make: Make, messages: Messages) -> None:
    """Not in that of the site."""
    row = make()
    for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        with timezone.override(name), override_settings(TIME_ZONE=name):
            Delivery.objects.update(send_at=timezone.now() + timedelta(minutes=1))
            assert send_again() == 0
            Delivery.objects.update(send_at=timezone.now() - timedelta(minutes=1))
            assert send_again() == 1
    assert fetch(row).state == "queued"
