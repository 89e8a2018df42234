"""What people do with deliveries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iii_triggers.delivery import redrive as verbs
from iii_triggers.models import Delivery

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
