"""What people do with deliveries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from iii_triggers.delivery import redrive as verbs
from iii_triggers.delivery.claims import claim
from iii_triggers.models import Delivery
from tests.support.threads import Aside, wait_until_blocked

from .conftest import Messages

Make = Callable[..., Delivery]
Verb = Callable[[Any], int]


def set_row(row: Delivery, **values: Any) -> None:
    Delivery.objects.filter(pk=row.pk).update(**values)


@pytest.mark.parametrize(
    ("verb", "states", "result"),
    [
        (verbs.redrive, {"dead"}, "queued"),
        (verbs.discard, {"dead"}, "cancelled"),
        (verbs.cancel, {"queued", "retry", "held"}, "cancelled"),
        (verbs.hold, {"queued", "retry"}, "held"),
        (verbs.release, {"held"}, "queued"),
    ],
)
def test_changes_what_the_verb_is_about_and_nothing_else(
    make: Make, verb: Verb, states: set[str], result: str
) -> None:
    for state in Delivery.State:
        set_row(make(), state=state)
    before = dict(Delivery.objects.values_list("pk", "state"))
    assert verb(Delivery.objects.all()) == len(states)
    after = dict(Delivery.objects.values_list("pk", "state"))
    assert all(after[pk] == (result if before[pk] in states else before[pk]) for pk in before)


def test_a_redriven_one_has_all_its_attempts_again(make: Make, messages: Messages) -> None:
    row = make(idempotency_key="k")
    set_row(row, state="dead", attempts=3, sends=4)
    messages.sent.clear()
    assert verbs.redrive(Delivery.objects.all()) == 1
    row.refresh_from_db()
    assert (row.attempts, row.sends, row.finished_at) == (0, 0, None)
    assert row.send_at is not None
    assert messages.ids == [str(row.pk)]


def test_a_redriven_one_leaves_its_key_to_a_later_message(make: Make) -> None:
    row = make(idempotency_key="k")
    set_row(row, state="dead")
    later = make(idempotency_key="k")
    assert verbs.redrive(Delivery.objects.filter(pk=row.pk)) == 1
    assert make(idempotency_key="k").pk == later.pk


@pytest.mark.parametrize(("verb", "state"), [(verbs.redrive, "dead"), (verbs.release, "held")])
@pytest.mark.parametrize("function_id", ["", "f"])
def test_what_nobody_subscribes_to_waits_and_can_be_given_up_again(
    make: Make, messages: Messages, verb: Verb, state: str, function_id: str
) -> None:
    row = make(waits_for="subscriber", function_id=function_id)
    set_row(row, state=state, away_since=None)
    assert verb(Delivery.objects.all()) == 1
    row.refresh_from_db()
    assert (row.state, row.waits_for, row.send_at) == ("queued", "subscriber", None)
    assert row.away_since is not None
    assert messages.sent == []


def test_what_waited_for_its_function_is_tried(make: Make, messages: Messages) -> None:
    row = make()
    set_row(row, state="dead", waits_for="function")
    messages.sent.clear()
    verbs.redrive(Delivery.objects.all())
    row.refresh_from_db()
    assert row.waits_for == ""
    assert messages.ids == [str(row.pk)]


def test_a_cancelled_one_gives_its_turn_to_the_next(make: Make, messages: Messages) -> None:
    first, second = (make(ordering_key="k") for _ in range(2))
    set_row(second, waits_for="turn")
    messages.sent.clear()
    assert verbs.cancel(Delivery.objects.filter(pk=first.pk)) == 1
    assert messages.ids == [str(second.pk)]


def test_many_are_changed_in_batches(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "AT_ONCE", 2)
    for _ in range(5):
        make()
    assert verbs.hold(Delivery.objects.all()) == 5


def test_what_is_released_before_its_time_still_waits_for_it(
    make: Make, messages: Messages
) -> None:
    row = make(run_at=timezone.now() + timedelta(hours=1))
    verbs.hold(Delivery.objects.all())
    assert verbs.release(Delivery.objects.all()) == 1
    row.refresh_from_db()
    assert row.send_at == row.run_at
    assert messages.sent == []


def test_messages_go_out_in_the_order_of_acceptance(make: Make, messages: Messages) -> None:
    rows = [make() for _ in range(3)]
    Delivery.objects.update(state="dead")
    messages.sent.clear()
    assert verbs.redrive(Delivery.objects.all()) == 3
    assert messages.ids == [str(row.pk) for row in rows]


def test_payloads_are_not_read(make: Make, django_assert_num_queries: Any) -> None:
    make()
    Delivery.objects.update(state="dead")
    with django_assert_num_queries(8) as captured:
        assert verbs.redrive(Delivery.objects.all()) == 1
    assert not any('"payload"' in query["sql"] for query in captured.captured_queries)


def test_a_deleted_or_running_one_is_left_alone(make: Make) -> None:
    row = make()
    Delivery.objects.update(state="leased")
    for verb in (verbs.redrive, verbs.discard, verbs.cancel, verbs.hold, verbs.release):
        assert verb(Delivery.objects.filter(pk=row.pk)) == 0


def test_a_claim_that_comes_first_wins_over_a_hold(
    many_writers: None, make: Make, aside: Aside
) -> None:
    row = make()
    with transaction.atomic():
        (leased,) = claim([str(row.pk)], node_id="n")
        held = aside.start(lambda: verbs.hold(Delivery.objects.all()))
        wait_until_blocked()
    assert held.result(10) == 0
    assert Delivery.objects.get().state == "leased"
    assert leased.pk == row.pk
