"""The change counter: what every process agrees on (design, section 4)."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from iii_triggers.models import Change, Trigger
from iii_triggers.models.changes import KEEP, ChangeCounter, gathered_changes

KIND = Change.Kind.TRIGGER


def revisions() -> list[int]:
    return [change.revision for change in Change.objects.since(0)]


def make(**values: object) -> Trigger:
    return Trigger.objects.create(
        **{"trigger_id": "t", "trigger_type": "x", "function_id": "f", **values}
    )


@pytest.mark.django_db
def test_saves_and_deletes_of_the_sites_triggers_are_recorded() -> None:
    row = make()
    pk = str(row.pk)
    row.save()
    row.delete()
    assert [(change.kind, change.key) for change in Change.objects.since(0)] == [(KIND, pk)] * 3
    assert revisions() == [1, 2, 3]
    assert Change.objects.all().newest_revision() == 3
    assert [change.revision for change in Change.objects.since(2)] == [3]


@pytest.mark.django_db
def test_triggers_of_workers_are_not_recorded() -> None:
    make(source=Trigger.Source.WORKER).delete()
    assert revisions() == []


@pytest.mark.django_db
def test_nothing_changed_is_revision_0() -> None:
    assert Change.objects.all().newest_revision() == 0


@pytest.mark.django_db
def test_a_change_that_is_rolled_back_leaves_no_gap() -> None:
    make()
    with pytest.raises(RuntimeError), transaction.atomic():
        make(trigger_id="u")
        raise RuntimeError
    make(trigger_id="v")
    assert revisions() == [1, 2]


@pytest.mark.django_db
def test_many_changes_can_be_recorded_at_once() -> None:
    """The counter stays free until the last of them."""
    make()
    with transaction.atomic(), gathered_changes():
        rows = [make(trigger_id=str(number)) for number in range(KEEP + 1)]
        rows[0].delete()
        assert ChangeCounter.objects.get().value == 1
    newest = KEEP + 3
    assert revisions() == list(range(1, newest + 1))
    assert Change.objects.get(revision=newest - 1).key == str(rows[-1].pk)
    assert Change.objects.all().newest_revision() == newest
    make(trigger_id="after")
    assert revisions()[-1] == newest + 1


@pytest.mark.django_db
def test_changes_that_are_rolled_back_together_leave_no_gap() -> None:
    with pytest.raises(RuntimeError), transaction.atomic(), gathered_changes():
        make()
        raise RuntimeError
    with transaction.atomic(), gathered_changes():
        pass
    assert revisions() == []
    make()
    assert revisions() == [1]


@pytest.mark.django_db
def test_old_changes_are_pruned() -> None:
    ChangeCounter.objects.create(pk=1, value=2 * KEEP - 1)
    Change.objects.create(revision=KEEP, kind=KIND, key="1")
    Change.objects.create(revision=KEEP + 1, kind=KIND, key="1")
    assert Change.objects.record(KIND, "2") == 2 * KEEP
    assert revisions() == [KEEP + 1, 2 * KEEP]


def test_revisions_become_visible_in_order_although_transactions_overlap(
    transactional_db: None,
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    Change.objects.record(KIND, "0")
    first_recorded, second_started = threading.Event(), threading.Event()
    seen_while_open: list[list[int]] = []

    def first() -> None:
        with transaction.atomic():
            Change.objects.record(KIND, "first")
            first_recorded.set()
            assert second_started.wait(5)
            second.join(0.2)
            seen_while_open.append(revisions())
        connection.close()

    def second_work() -> None:
        assert first_recorded.wait(5)
        second_started.set()
        Change.objects.record(KIND, "second")
        connection.close()

    second = threading.Thread(target=second_work)
    one = threading.Thread(target=first)
    one.start()
    second.start()
    assert first_recorded.wait(5)
    assert revisions() == [1]
    one.join(5)
    second.join(5)
    assert seen_while_open == [[1, 2]]
    assert [change.key for change in Change.objects.since(0)] == ["0", "first", "second"]
    assert revisions() == [1, 2, 3]


def test_many_writers_lose_no_revision(transactional_db: None) -> None:
    def write() -> None:
        for _ in range(5):
            Change.objects.record(KIND, "x")
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert revisions() == list(range(1, 21))
