"""Ids that sort by time, and tell it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from iii_triggers.models.ordered_ids import least_id_at, moment_of, new_ordered_id

MILLISECOND = timedelta(milliseconds=1)


def test_ids_sort_in_the_order_they_were_made() -> None:
    ids = [new_ordered_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_lie_between_the_bounds_of_their_time() -> None:
    before = timezone.now()
    made = new_ordered_id()
    after = timezone.now()
    assert least_id_at(before) <= made < least_id_at(after + MILLISECOND)
    assert before - MILLISECOND <= moment_of(made) <= after


def test_a_bound_is_an_id_of_its_time() -> None:
    moment = datetime(2031, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
    bound = least_id_at(moment)
    assert (bound.version, bound.variant) == (7, uuid.RFC_4122)
    assert moment_of(bound) == moment


def test_a_time_that_no_calendar_has_is_none() -> None:
    with pytest.raises(ValueError, match="9999"):
        moment_of(uuid.UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"))


def test_other_ids_know_no_time() -> None:
    with pytest.raises(ValueError, match="version 7"):
        moment_of(uuid.uuid4())
