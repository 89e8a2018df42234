"""Runs for the tests of their pages, as the history would leave them."""

from __future__ import annotations

from typing import Any

from django.test import Client

from iii_triggers.models import Invocation, InvocationPayload
from iii_triggers.models.ordered_ids import new_ordered_id
from tests.support.history import make_run

LIST = "/admin/iii_triggers/invocation/"


def make(**facts: Any) -> Invocation:
    """Write a run; ``payload`` are the facts of what it was given and returned."""
    payload = facts.pop("payload", None)
    if "age" not in facts:
        # Sorts after all that were made before, also within a millisecond.
        facts.setdefault("id", new_ordered_id())
    run = make_run(**facts)
    if payload is not None:
        InvocationPayload.objects.create(run_id=run.pk, **payload)
    return run


def page_url(run: Invocation, part: str = "change") -> str:
    """Return the address of its page, or of another part such as ``live`` and ``input``."""
    return f"{LIST}{run.pk}/{part}/"


def listed(client: Client, **query: str) -> list[Invocation]:
    """Return the rows that the list shows."""
    response = client.get(LIST, query)
    assert response.status_code == 200, response
    return list(response.context["cl"].result_list)


def page_of(client: Client, run: Invocation) -> str:
    """Return the page of a run."""
    response = client.get(page_url(run))
    assert response.status_code == 200, response
    return response.content.decode()
