"""Leases: renewed while the process lives and the run may still take its time."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery import leases
from iii_triggers.delivery.claims import claim
from iii_triggers.delivery.leases import HeldLeases
from iii_triggers.models import Delivery

from .conftest import NODE, let_time_pass

Make = Callable[..., Delivery]


@pytest.fixture
def held() -> HeldLeases:
    return HeldLeases()


def lease(*rows: Delivery) -> list[Delivery]:
    return claim([str(row.pk) for row in rows], node_id=NODE)


def left_s(row: Delivery) -> float:
    until = Delivery.objects.get(pk=row.pk).leased_until
    assert until is not None
    return (until - timezone.now()).total_seconds()


def test_what_runs_is_renewed_before_it_runs_out(make: Make, held: HeldLeases) -> None:
    (row,) = lease(make())
    held.add(row)
    assert held.renew() == 0
    let_time_pass(row, seconds=200)
    assert held.renew() == 1
    assert left_s(row) > 300


def test_what_is_done_is_not_renewed(make: Make, held: HeldLeases) -> None:
    (row,) = lease(make())
    held.add(row)
    held.remove(row)
    held.remove(row)
    let_time_pass(row, seconds=200)
    assert held.renew() == 0


def test_nothing_held_asks_nothing(
    make: Make, held: HeldLeases, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert held.renew() == 0


def test_a_run_that_is_over_its_time_is_not_renewed(
    make: Make, held: HeldLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = lease(make())
    held.add(row)
    now = time.monotonic()

    class Later:
        @staticmethod
        def monotonic() -> float:
            return now + 300 + 31

    let_time_pass(row, seconds=200)
    monkeypatch.setattr(leases, "time", Later)
    assert held.renew() == 0


def test_a_lease_that_was_lost_is_not_taken_back(make: Make, held: HeldLeases) -> None:
    (row,) = lease(make())
    held.add(row)
    let_time_pass(row, seconds=200)
    Delivery.objects.update(lease_token=uuid.uuid4())
    assert held.renew() == 0


def test_the_end_of_a_lost_run_leaves_the_later_one_of_this_process(
    make: Make, held: HeldLeases
) -> None:
    (first,) = lease(make())
    held.add(first)
    Delivery.objects.update(state="queued")
    (second,) = lease(first)
    held.add(second)
    held.remove(first)
    let_time_pass(second, seconds=200)
    assert held.renew() == 1


def test_many_are_one_statement(
    make: Make, held: HeldLeases, django_assert_num_queries: Any
) -> None:
    for row in [*lease(make(), make()), *lease(make())]:
        held.add(row)
        let_time_pass(row, seconds=200)
    with django_assert_num_queries(1):
        assert held.renew() == 3


@override_settings(III_LEASE_S=20)
def test_the_site_says_how_long_a_lease_is(make: Make, held: HeldLeases) -> None:
    (row,) = lease(make())
    held.add(row)
    Delivery.objects.update(leased_until=timezone.now() + timedelta(seconds=10))
    assert held.renew() == 1
    assert 15 < left_s(row) <= 20
