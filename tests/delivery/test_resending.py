"""When the sweeper looks at a delivery again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery import resending, sweeping
from iii_triggers.delivery.resending import MAX_DOUBLINGS, next_send_at
from iii_triggers.delivery.sweeping import send_again
from iii_triggers.models import Delivery

from .conftest import Messages, let_time_pass

SLACK = timedelta(seconds=5)


@override_settings(III_RESEND_S=10)
@pytest.mark.parametrize(
    ("sends", "seconds"), [(0, 10), (1, 20), (2, 40), (99, 10 * 2**MAX_DOUBLINGS)]
)
def test_later_each_time(monkeypatch: pytest.MonkeyPatch, sends: int, seconds: float) -> None:
    monkeypatch.setattr(resending, "reaches_workers", lambda: True)
    expected = timezone.now() + timedelta(seconds=seconds)
    assert abs(next_send_at(sends) - expected) < SLACK


def test_at_once_where_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resending, "reaches_workers", lambda: False)
    assert next_send_at(3) <= timezone.now()


def test_what_a_process_without_workers_accepts_is_due_at_once(
    make: Callable[..., Delivery], messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resending, "reaches_workers", lambda: False)
    make()
    monkeypatch.setattr(resending, "reaches_workers", lambda: True)
    assert send_again() == 1


def test_nothing_counts_as_sent_while_the_broker_is_away(
    make: Callable[..., Delivery], messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make()
    let_time_pass(row, seconds=3600)
    monkeypatch.setattr(sweeping, "sender", SimpleNamespace(is_away=True))
    assert send_again() == 0
    monkeypatch.setattr(sweeping, "sender", SimpleNamespace(is_away=False))
    assert send_again() == 1
    row.refresh_from_db()
    assert row.sends == 1
