"""Runs: what is asked often is found by an index."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest

from iii_triggers.admin.invocation_filters import StatusFilter
from iii_triggers.models import Invocation
from iii_triggers.operations.following import Filters

Ask = Callable[[], QuerySet[Invocation]]


def admin_filter(status: str) -> QuerySet[Invocation]:
    """Return what the list of runs shows with a filter by status."""
    parameters: Any = {"status": [status]}
    chosen = StatusFilter(HttpRequest(), parameters, Invocation, None)  # type: ignore[arg-type]
    return chosen.queryset(HttpRequest(), Invocation.objects.all())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("index", "ask"),
    [
        ("iii_run_status", lambda: Invocation.objects.failed().order_by("-id")[:10]),
        ("iii_run_status", lambda: Invocation.objects.running().order_by("id")[:10]),
        ("iii_run_status", lambda: Filters(status="failed").shown().order_by("-id")[:10]),
        ("iii_run_status", lambda: admin_filter("failed").order_by("-id")[:10]),
        ("iii_run_delivery", lambda: Invocation.objects.of_delivery(uuid.uuid4())),
        ("iii_run_chosen_id", lambda: Invocation.objects.called("x").order_by()),
    ],
)
def test_rare_runs_are_found_by_their_index(index: str, ask: Ask) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off; SET enable_sort = off")
        plan = ask().explain()
        if connection.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan; RESET enable_sort")
    assert index in plan
