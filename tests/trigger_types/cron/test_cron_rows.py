"""What happens to the row of a cron trigger when it is saved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from iii_triggers.models import Trigger, Worker
from iii_triggers.trigger_types.cron.firing import fire_due

Add = Callable[..., Trigger]


def fresh(row: Trigger) -> Trigger:
    return Trigger.objects.get(pk=row.pk)


def make_due(row: Trigger) -> None:
    """Let the noted slot be one of a moment ago."""
    noted = timezone.now().replace(microsecond=0) - timedelta(seconds=2)
    Trigger.objects.filter(pk=row.pk).update(next_fire_at=noted)


def test_a_new_trigger_has_its_next_slot(add: Add) -> None:
    row = add(schedule="0 9 * * *")
    noted = fresh(row).next_fire_at
    assert noted is not None
    assert noted == row.next_fire_at
    assert timezone.now() < noted <= timezone.now() + timedelta(days=1)
    assert (noted.hour, noted.minute) == (9, 0)


def test_saving_the_same_keeps_a_slot_that_is_due(add: Add) -> None:
    row = add(schedule="* * * * * *")
    make_due(row)
    noted = fresh(row).next_fire_at
    fresh(row).save()
    row = fresh(row)
    row.metadata = {"other": 1}
    row.save(update_fields=["metadata"])
    assert fresh(row).next_fire_at == noted


def test_another_schedule_counts_from_now(add: Add) -> None:
    row = add(schedule="* * * * * *")
    make_due(row)
    row = fresh(row)
    row.config = {"schedule": "*/2 * * * * *"}
    row.save()
    noted = fresh(row).next_fire_at
    assert noted is not None
    assert noted > timezone.now() - timedelta(seconds=1)


def test_a_disabled_trigger_has_none_and_starts_from_now(add: Add) -> None:
    row = add(schedule="* * * * * *")
    make_due(row)
    row = fresh(row)
    row.enabled = False
    row.save()
    assert (fresh(row).identity, fresh(row).next_fire_at) == ("", None)
    row = fresh(row)
    row.enabled = True
    before = timezone.now()
    row.save()
    noted = fresh(row).next_fire_at
    assert noted is not None
    assert noted > before


def test_identical_triggers_have_one_identity(add: Add) -> None:
    first, second = add("one"), add("two", schedule=None, expression="0 * * * * ?")
    other = add("three", schedule="0 9 * * *")
    assert first.identity == second.identity != other.identity
    assert len(first.identity) <= 64


def test_a_config_that_became_invalid_does_not_fire(add: Add) -> None:
    row = add()
    row.config = {"schedule": "nonsense"}
    row.save()
    assert (fresh(row).identity, fresh(row).next_fire_at) == ("", None)


def test_a_row_that_becomes_another_type_does_not_fire(add: Add) -> None:
    row = add()
    row.trigger_type, row.config = "subscribe", {"topic": "t"}
    row.save()
    assert (fresh(row).identity, fresh(row).next_fire_at) == ("", None)


def test_a_workers_trigger_that_was_refused_does_not_fire(
    add: Add, make_worker: Callable[[], Worker]
) -> None:
    facts = {"trigger_type": "cron", "function_id": "f", "source": "worker"}
    worker = make_worker()
    for state in (Trigger.State.REJECTED, Trigger.State.ACTIVE):
        row = Trigger.objects.create(
            **facts, config={"schedule": "* * * * *"}, state=state, worker=worker
        )
        assert (row.next_fire_at is None) == (state == Trigger.State.REJECTED)


@pytest.mark.parametrize("by", ["delete", "disable"])
def test_a_trigger_that_ends_fires_no_more(add: Add, by: str) -> None:
    row = add(schedule="* * * * * *")
    make_due(row)
    row = fresh(row)
    if by == "delete":
        row.delete()
    else:
        row.enabled = False
        row.save()
    assert fire_due(timezone.now()) == 0
