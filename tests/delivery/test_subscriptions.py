"""Subscriptions: who gets the messages of a topic, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery import subscriptions
from iii_triggers.delivery.claims import claim
from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.subscriptions import Wish, adopt, end, let_go, subscribe, unheld
from iii_triggers.delivery.sweeping import adopt_orphans, expire_subscriptions
from iii_triggers.delivery.topics import Message, publish
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery, Subscription, Topic, Trigger
from tests.support.threads import Aside, race, wait_until_blocked

from .conftest import NODE, Messages

Make = Callable[..., Delivery]


def wish(function_id: str = "f", topic: str = "orders", **facts: Any) -> Wish:
    values = {
        "identity": f"queue:{topic}:{function_id}",
        "namespace": "default",
        "trigger_id": "t",
        **facts,
    }
    return Wish(function_id=function_id, topic=topic, **values)


def hold(subscription: Subscription) -> Trigger:
    """Have a trigger that holds a subscription."""
    trigger = Trigger.objects.create(trigger_type="x", function_id=subscription.function_id)
    Trigger.objects.filter(pk=trigger.pk).update(identity=subscription.identity)
    return trigger


def say(data: Any, topic: str = "orders", **facts: Any) -> list[Any]:
    return publish(Message(topic=topic, data=Payload.of(data), **facts))


def waiting() -> list[Delivery]:
    return list(Delivery.objects.filter(waits_for="subscriber").order_by("pk"))


class TestSubscribing:
    """A subscription is a row; the newest trigger says how."""

    def test_makes_the_subscription_and_the_topic(self, messages: Messages) -> None:
        policy = Policy(concurrency=3)
        row = subscribe(wish(namespace="tenant", metadata={"a": 1}, policy=policy))
        row = Subscription.objects.get(pk=row.pk)
        assert (row.topic, row.function_id, row.namespace) == ("orders", "f", "tenant")
        assert (row.trigger_id, row.metadata, row.policy) == ("t", {"a": 1}, {"concurrency": 3})
        assert row.expires_at is None
        assert Topic.objects.get().name == "orders"

    def test_the_topic_is_there_before_the_end_of_the_transaction(self, messages: Messages) -> None:
        """As the tests of a site see it, which roll everything back."""
        with transaction.atomic():
            subscribe(wish())
            assert Topic.objects.exists()

    def test_twice_is_once_with_the_policy_of_the_newest(self, messages: Messages) -> None:
        first = subscribe(wish())
        second = subscribe(wish(trigger_id="u", policy=Policy(concurrency=1)))
        assert first.pk == second.pk
        row = Subscription.objects.get()
        assert (row.trigger_id, row.policy) == ("u", {"concurrency": 1})

    def test_again_ends_the_end(self, messages: Messages) -> None:
        subscribe(wish())
        Subscription.objects.update(expires_at=timezone.now())
        subscribe(wish())
        assert Subscription.objects.get().expires_at is None

    def test_rolled_back_never_happened(self, messages: Messages) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            subscribe(wish())
            raise RuntimeError
        assert not Subscription.objects.exists()

    def test_of_several_at_the_same_time_one_is_left(
        self, many_writers: None, messages: Messages
    ) -> None:
        race(*[lambda: subscribe(wish())] * 6)
        assert Subscription.objects.count() == Topic.objects.count() == 1


class TestEnding:
    """A subscription ends when the last trigger lets go."""

    def test_at_once_when_it_was_asked_for(self, messages: Messages) -> None:
        row = subscribe(wish())
        let_go(row.identity, by_disconnect=False)
        assert not Subscription.objects.exists()

    @override_settings(III_SUBSCRIPTION_TTL_S=60)
    def test_later_when_the_worker_went_away(self, messages: Messages) -> None:
        row = subscribe(wish())
        let_go(row.identity, by_disconnect=True)
        expires_at = Subscription.objects.get().expires_at
        assert expires_at is not None
        left = expires_at - timezone.now()
        assert timedelta(seconds=50) < left <= timedelta(seconds=60)

    @pytest.mark.parametrize("by_disconnect", [True, False])
    def test_not_while_another_trigger_holds_it(
        self, messages: Messages, by_disconnect: bool
    ) -> None:
        row = subscribe(wish())
        hold(row)
        let_go(row.identity, by_disconnect=by_disconnect)
        assert Subscription.objects.get().expires_at is None
        assert not unheld(Subscription.objects.all()).exists()
        Trigger.objects.update(enabled=False)
        assert unheld(Subscription.objects.all()).get() == row
        let_go(row.identity, by_disconnect=by_disconnect)
        assert Subscription.objects.filter(expires_at=None).count() == 0

    def test_without_an_identity_nothing_ends(self, messages: Messages) -> None:
        subscribe(wish(identity=""))
        let_go("", by_disconnect=False)
        assert Subscription.objects.exists()

    def test_a_trigger_that_is_being_saved_keeps_it(
        self, many_writers: None, messages: Messages, aside: Aside
    ) -> None:
        """The old replica unregisters while the new one registers."""
        row = subscribe(wish())
        say(1)
        with transaction.atomic():
            hold(row)
            subscribe(wish(trigger_id="new"))
            left = aside.start(lambda: let_go(row.identity, by_disconnect=False))
            wait_until_blocked()
        left.result(10)
        assert Subscription.objects.get().trigger_id == "new"
        assert waiting() == []

    def test_a_trigger_that_is_saved_while_it_ends_begins_anew(
        self, many_writers: None, messages: Messages, aside: Aside
    ) -> None:
        row = subscribe(wish())
        say(1)
        with transaction.atomic():
            let_go(row.identity, by_disconnect=False)
            begun = aside.start(lambda: subscribe(wish(trigger_id="new")))
            wait_until_blocked()
        begun.result(10)
        assert Subscription.objects.get().trigger_id == "new"
        adopt_orphans()
        assert waiting() == []

    def test_the_sweeper_leaves_one_that_is_taken_up_at_the_same_time(
        self, many_writers: None, messages: Messages, aside: Aside
    ) -> None:
        row = subscribe(wish())
        Subscription.objects.update(expires_at=timezone.now())
        with transaction.atomic():
            hold(row)
            subscribe(wish(trigger_id="new"))
            assert aside.start(expire_subscriptions).result(10) == 0
        assert Subscription.objects.get().expires_at is None

    def test_what_waits_in_it_waits_for_the_same_function(self, messages: Messages) -> None:
        row = subscribe(wish())
        subscribe(wish("g"))
        say(1)
        end([row])
        say(2)
        subscribe(wish("h"))
        assert [(r.function_id, r.payload) for r in waiting()] == [("f", "1")]
        subscribe(wish(trigger_id="again"))
        assert waiting() == []
        mine = Delivery.objects.filter(function_id="f").order_by("pk")
        assert [(r.payload, r.trigger_id) for r in mine] == [("1", "again")]

    def test_what_runs_in_it_ends_well(self, messages: Messages) -> None:
        row = subscribe(wish())
        (delivery_id,) = say(1)
        claim([str(delivery_id)], node_id=NODE)
        end([row])
        assert Delivery.objects.get().state == "leased"


class TestAdopting:
    """The first subscriber gets what was published before."""

    def test_in_the_order_of_publishing_and_with_its_own_ways(self, messages: Messages) -> None:
        for number in range(3):
            say(number)
        row = subscribe(wish(metadata={"a": 1}, policy=Policy(max_attempts=9, is_ordered=True)))
        rows = list(Delivery.objects.order_by("pk"))
        assert [r.payload for r in rows] == ["0", "1", "2"]
        for got in rows:
            assert (got.waits_for, got.function_id, got.lane) == ("", "f", row.lane)
            assert (got.trigger_id, got.metadata, got.max_attempts) == ("t", {"a": 1}, 9)
            assert got.policy == row.policy
            assert (got.away_since, got.ordering_key) == (None, "default")
            assert got.send_at is not None
            assert got.send_at <= timezone.now()
        assert len(claim([str(r.pk) for r in rows], node_id=NODE)) == 1

    def test_each_by_the_key_in_its_data(self, messages: Messages) -> None:
        for data in ({"id": "a"}, {"id": 7}, {}, [1], {"id": "a"}):
            say(data)
        say({"id": "b"}, ordering_key="given")
        subscribe(wish(policy=Policy(is_ordered=True, order_by="id")))
        keys = list(Delivery.objects.order_by("pk").values_list("ordering_key", flat=True))
        assert keys == ["a", "7", "default", "default", "a", "given"]

    def test_without_an_order_keys_mean_nothing(self, messages: Messages) -> None:
        say(1, ordering_key="given")
        subscribe(wish())
        assert Delivery.objects.get().ordering_key == ""

    def test_not_before_its_time(self, messages: Messages) -> None:
        later = timezone.now() + timedelta(hours=1)
        say(1, run_at=later)
        subscribe(wish())
        row = Delivery.objects.get()
        assert (row.run_at, row.send_at) == (later, later)

    def test_what_the_function_has_already_is_not_given_twice(self, messages: Messages) -> None:
        row = subscribe(wish())
        end([row])
        say(1, idempotency_key="k")
        say(2, idempotency_key="l")
        Delivery.objects.create(
            function_id="f",
            payload="1",
            lane=row.lane,
            queue="q",
            topic="orders",
            idempotency_key="k",
            state="succeeded",
        )
        subscribe(wish())
        states = list(Delivery.objects.order_by("pk").values_list("state", "error", "lane"))
        assert states[0][:2] == ("cancelled", "A duplicate.")
        assert states[1] == ("queued", "", row.lane)

    @pytest.mark.parametrize("state", ["held", "dead", "cancelled"])
    def test_only_what_waits(self, messages: Messages, state: str) -> None:
        say(1)
        Delivery.objects.update(state=state)
        subscribe(wish())
        row = Delivery.objects.get()
        assert (row.state, row.function_id) == (state, "")

    def test_of_a_big_backlog_the_sweeper_hands_over_the_rest(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subscriptions, "BATCH", 2)
        for number in range(5):
            say(number)
        subscribe(wish())
        assert [row.payload for row in waiting()] == ["2", "3", "4"]
        assert adopt_orphans() == 3

    def test_where_order_counts_nothing_is_left_for_later(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subscriptions, "BATCH", 2)
        for number in range(5):
            say(number)
        subscribe(wish(policy=Policy(is_ordered=True)))
        assert waiting() == []

    def test_payloads_are_read_only_for_their_keys(
        self, messages: Messages, django_assert_max_num_queries: Any
    ) -> None:
        say(1)
        with django_assert_max_num_queries(20) as captured:
            subscribe(wish(policy=Policy(is_ordered=True)))
        assert not any('"payload"' in query["sql"] for query in captured.captured_queries)

    def test_what_another_transaction_changes_is_left_to_the_sweeper(
        self, many_writers: None, messages: Messages, aside: Aside
    ) -> None:
        (delivery_id,) = say(1)
        with transaction.atomic():
            Delivery.objects.select_for_update().get(pk=delivery_id)
            aside.start(lambda: subscribe(wish())).result(10)
        assert len(waiting()) == 1
        assert adopt_orphans() == 1


class TestRaces:
    """Publishing and subscribing at the same time."""

    def test_what_is_published_while_somebody_subscribes_is_not_lost(
        self, many_writers: None, messages: Messages, aside: Aside
    ) -> None:
        """Neither sees the other."""
        with transaction.atomic():
            say(1)
            aside.start(lambda: subscribe(wish())).result(10)
        assert len(waiting()) == 1
        assert adopt_orphans() == 1
        assert Delivery.objects.get().function_id == "f"

    def test_many_at_once(self, many_writers: None, messages: Messages) -> None:
        def publish_some() -> None:
            for number in range(20):
                say(number)

        race(publish_some, publish_some, lambda: subscribe(wish()), lambda: subscribe(wish()))
        adopt_orphans()
        assert Delivery.objects.filter(function_id="f", waits_for="").count() == 40
        with transaction.atomic():
            assert adopt(Subscription.objects.get(), at_most=1) == 0
