"""A ledger whose Celery messages are only noted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from iii_triggers.delivery.create import NewDelivery, create_deliveries
from iii_triggers.models import Delivery, Node
from tests.support.ledger import Messages, close_batchers, messages
from tests.support.thread_fixtures import aside, many_writers

__all__ = ["Messages", "aside", "close_batchers", "many_writers", "messages"]

NODE = "this-node"


@pytest.fixture
def make(messages: Messages) -> Callable[..., Delivery]:
    """Make a delivery: ``make(lane="l", policy=Policy(...))``."""

    def make(**facts: Any) -> Delivery:
        values = {"function_id": "f", "payload": b"{}", "lane": "lane", **facts}
        (delivery_id,) = create_deliveries([NewDelivery(**values)])
        assert delivery_id is not None
        return Delivery.objects.get(pk=delivery_id)

    return make


@pytest.fixture
def node(messages: Messages) -> Node:
    """The node that runs things; it lives."""
    now = timezone.now()
    return Node.objects.create(
        node_id=NODE, host="elsewhere", pid=1, started_at=now, heartbeat_at=now
    )


def let_time_pass(row: Delivery, *, seconds: float) -> None:
    """Move all times of a delivery into the past."""
    row.refresh_from_db()
    names = ("run_at", "send_at", "leased_until", "created_at", "started_at", "finished_at")
    times = {name: getattr(row, name) for name in (*names, "away_since")}
    moved = {n: t - timedelta(seconds=seconds) for n, t in times.items() if t is not None}
    Delivery.objects.filter(pk=row.pk).update(**moved)
