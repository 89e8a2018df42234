"""Turns: who gets a message when a place in a lane is free."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from iii_triggers.delivery import turns
from iii_triggers.delivery.claims import claim
from iii_triggers.delivery.outcomes import Outcome, store
from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.turns import call_next, call_waiting
from iii_triggers.models import Delivery
from tests.support.threads import race

from .conftest import NODE, Messages

Make = Callable[..., Delivery]

FIFO = Policy(is_ordered=True)
FIFO_BY_TWO = Policy(is_ordered=True, concurrency=2)


@pytest.fixture
def park(make: Make, messages: Messages) -> Callable[..., Delivery]:
    """Make a delivery that waits for its turn."""

    def park(key: str = "", *, policy: Policy = FIFO_BY_TWO, state: str = "queued") -> Delivery:
        row = make(policy=policy, ordering_key=key)
        Delivery.objects.filter(pk=row.pk).update(waits_for="turn", send_at=None, state=state)
        row.refresh_from_db()
        messages.sent.clear()
        return row

    return park


def call(*, places: int, after: str = "") -> int:
    with transaction.atomic():
        return call_waiting("lane", places=places, after=after)


def test_the_oldest_are_called_first(park: Make, messages: Messages) -> None:
    rows = [park() for _ in range(3)]
    assert call(places=2) == 2
    assert messages.ids == [str(row.pk) for row in rows[:2]]
    rows[0].refresh_from_db()
    assert rows[0].waits_for == ""
    assert rows[0].send_at is not None


def test_nobody_is_called_into_a_full_lane(park: Make, messages: Messages) -> None:
    park()
    assert call(places=0) == 0
    assert messages.sent == []


def test_what_is_not_due_is_not_called(park: Make, messages: Messages) -> None:
    later = timezone.now() + timedelta(hours=1)
    for row in (park(), park("k")):
        Delivery.objects.filter(pk=row.pk).update(run_at=later)
    assert call(places=5) == 0


@pytest.mark.parametrize("head", ["retry", "held", "leased", "queued"])
def test_only_the_head_of_a_key_is_called_and_only_if_it_waits_for_its_turn(
    park: Make, messages: Messages, head: str
) -> None:
    first, second = park("k"), park("k")
    Delivery.objects.filter(pk=first.pk).update(state=head, waits_for="")
    with transaction.atomic():
        call_next([second])
    assert call(places=5) == 0
    Delivery.objects.filter(pk=first.pk).update(state="succeeded")
    assert call(places=5) == 1
    assert messages.ids == [str(second.pk)]


def test_of_several_keys_the_oldest_head_is_called(park: Make, messages: Messages) -> None:
    rows = [park(key) for key in ("m", "a", "z", "m")]
    for expected in (rows[0], rows[1], rows[2]):
        assert call(places=1, after="m") == 1
        assert messages.ids[-1] == str(expected.pk)


def test_with_many_keys_none_waits_for_ever(
    park: Make, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_KEYS", 2)
    policy = Policy(is_ordered=True, concurrency=1)
    rows = [park(key, policy=policy) for key in "aaabcd"]
    called: list[str] = []
    (running,) = claim([str(rows[0].pk)], node_id=NODE)
    while running is not None:
        called.append(running.ordering_key)
        store([Outcome(delivery=running, kind="succeeded")])
        running = next(iter(claim(messages.ids[-1:], node_id=NODE)), None)  # type: ignore[assignment]
    assert sorted(called) == sorted("aaabcd")


def test_looking_for_the_next_of_a_key_costs_the_same_however_many_wait(
    park: Make, django_assert_num_queries: Callable[..., object]
) -> None:
    first, *_ = [park("k", policy=FIFO) for _ in range(20)]
    Delivery.objects.filter(pk=first.pk).update(state="retry", waits_for="")
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        call_next([first])


def test_those_without_a_key_and_the_heads_of_keys_share_the_places(
    park: Make, messages: Messages
) -> None:
    rows = [park("k"), park(), park("j"), park()]
    assert call(places=3) == 3
    assert messages.ids == [str(row.pk) for row in rows[:3]]


def test_callers_and_claims_at_the_same_time_end_well(many_writers: None, park: Make) -> None:
    rows = [park(policy=Policy(concurrency=2)) for _ in range(12)]
    ids = [str(row.pk) for row in rows]

    def work() -> int:
        done = 0
        for _ in range(30):
            for row in claim(ids, node_id=NODE):
                done += store([Outcome(delivery=row, kind="succeeded")])[0]
        return done

    assert sum(race(*[work] * 4)) == 12
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}
