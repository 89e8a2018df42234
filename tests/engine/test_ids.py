"""Ids of invocations: UUIDs of version 7, in the order they were made."""

from __future__ import annotations

import uuid

from iii_triggers.engine.ids import IdSource


def test_ids_are_uuids_that_sort_as_they_were_made() -> None:
    source = IdSource()
    ids = [source() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {uuid.UUID(one).version for one in ids} == {7}
    assert {str(uuid.UUID(one)) for one in ids} == set(ids)


def test_an_id_tells_the_moment_it_was_made_for() -> None:
    source = IdSource()
    one, two = (uuid.UUID(source.at(1_764_187_200.25)) for _ in range(2))
    assert one.int >> 80 == two.int >> 80 == 1_764_187_200_250
    assert one.variant == uuid.RFC_4122
    assert one != two


def test_ids_of_two_processes_differ_though_their_counters_do_not() -> None:
    one, two = IdSource(), IdSource()
    assert one.at(1.0) != two.at(1.0)
