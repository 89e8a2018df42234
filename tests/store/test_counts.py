"""Numbers of what happens in a group, and reads that know theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections, transaction

from iii_triggers.models import StreamGroup
from iii_triggers.store import snapshots
from iii_triggers.store.counts import CHUNK, number_of, numbers_of, take_many, take_numbers
from iii_triggers.store.items import stream_items
from iii_triggers.store.keys import InvalidKey
from iii_triggers.store.snapshots import Snapshot, group_snapshot, item_snapshot

G = ("todos", "g")


def put(key: str, value: bytes = b"1") -> int | None:
    return stream_items.set(G, key, value).seq


@pytest.mark.django_db
class TestNumbers:
    """What is counted."""

    def test_every_write_has_the_next_number(self) -> None:
        assert [put("a"), put("b"), put("a")] == [1, 2, 3]
        assert stream_items.update(G, "a", []).seq == 4
        removed = stream_items.remove(G, "a")
        assert removed is not None and removed.seq == 5
        assert stream_items.set(("todos", "other"), "a", b"1").seq == 1

    def test_what_changes_nothing_takes_no_number(self) -> None:
        put("a")
        assert stream_items.remove(G, "missing") is None
        with pytest.raises(InvalidKey):
            put("")
        assert number_of(G) == 1

    def test_a_group_that_is_empty_again_goes_on_counting(self) -> None:
        put("a")
        stream_items.delete(G, "a")
        assert put("a") == 3

    def test_a_write_that_is_rolled_back_gives_its_number_back(self) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            put("a")
            raise RuntimeError
        assert put("a") == 1

    def test_several_are_taken_at_once(self) -> None:
        take_numbers(G, 3)
        assert take_many({G: 2, ("a", "b"): 1}) == {G: 5, ("a", "b"): 1}

    def test_many_groups_are_asked_for_in_parts(self) -> None:
        names = [("s", str(number)) for number in range(CHUNK + 1)]
        take_many(dict.fromkeys(names, 2))
        assert numbers_of([*names, ("never", "heard of")]) == dict.fromkeys(names, 2)

    def test_a_name_that_cannot_be_kept_is_refused(self) -> None:
        for work in (take_numbers, number_of):
            with pytest.raises(InvalidKey):
                work(("a\0", "b"))


@pytest.mark.django_db
class TestSnapshots:
    """What is read, and its number."""

    def test_what_is_there_has_the_number_of_the_newest_event(self) -> None:
        put("a", b"1")
        put("b", b"2")
        take_numbers(G)
        assert group_snapshot(G) == Snapshot([b"1", b"2"], 3)
        assert item_snapshot(G, "b") == Snapshot(b"2", 3)

    def test_what_is_gone_has_a_number_too(self) -> None:
        put("a")
        stream_items.delete(G, "a")
        assert group_snapshot(G) == Snapshot([], 2)
        assert item_snapshot(G, "a") == Snapshot(None, 2)

    def test_where_nothing_ever_happened_it_is_zero(self) -> None:
        assert group_snapshot(G) == Snapshot([], 0)
        assert item_snapshot(G, "a") == Snapshot(None, 0)

    def test_items_from_before_there_were_numbers_are_read(self) -> None:
        put("a")
        StreamGroup.objects.all().delete()
        assert group_snapshot(G) == Snapshot([b"1"], 0)

    def test_an_empty_group_that_is_filled_meanwhile_is_not_read_too_late(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its number must not be higher than what was read."""

        def number_then_write(group: Any) -> int:
            number = number_of(group)
            put("a")
            return number

        monkeypatch.setattr(snapshots, "number_of", number_then_write)
        assert group_snapshot(G) == Snapshot([b"1"], 1)


@pytest.mark.django_db(transaction=True)
def test_numbers_of_writers_at_the_same_time_follow_their_commits() -> None:
    """No reader ever sees a number without all that happened before it."""
    writers, each = 4, 25
    barrier = threading.Barrier(writers + 1)
    done = threading.Event()

    def write(writer: int) -> list[int | None]:
        barrier.wait(10)
        return [put(f"{writer}-{count}") for count in range(each)]

    def read() -> list[tuple[int, int]]:
        barrier.wait(10)
        seen = []
        while not done.is_set():
            snapshot = group_snapshot(G)
            seen.append((len(snapshot.value), snapshot.seq))
        return seen

    with ThreadPoolExecutor(writers + 1) as pool:
        reading = pool.submit(_closing, read)
        writing = [pool.submit(_closing, partial(write, writer)) for writer in range(writers)]
        numbers = [number for future in writing for number in future.result(60)]
        done.set()
        assert all(items == seq for items, seq in reading.result(60))
    assert sorted(number or 0 for number in numbers) == list(range(1, writers * each + 1))


def _closing(work: Callable[[], Any]) -> Any:
    try:
        if connection.vendor == "sqlite":
            connection.ensure_connection()
        return work()
    finally:
        connections.close_all()
