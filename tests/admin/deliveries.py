"""Deliveries for the tests of their pages, as the ledger would leave them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from iii_triggers.models import Delivery
from iii_triggers.models.ordered_ids import least_id_at

LIST = "/admin/iii_triggers/delivery/"
OUTCOMES = ("succeeded", "dead", "cancelled", "skipped")


def make(**values: Any) -> Delivery:
    """Write a delivery of the topic ``orders``; ``age`` is how long ago it was accepted."""
    accepted = timezone.now() - values.pop("age", timedelta())
    facts: dict[str, Any] = {
        "trigger_type": "queue",
        "topic": "orders",
        "function_id": "demo.bill",
        "payload": '{"total": 5}',
        "lane": "queue:x",
        "queue": "iii.orders",
        "created_at": accepted,
        "run_at": accepted,
        **values,
    }
    if accepted < timezone.now() - timedelta(minutes=1):
        facts["id"] = least_id_at(accepted)
    if facts.get("state") in OUTCOMES:
        facts.setdefault("finished_at", timezone.now())
    return Delivery.objects.create(**facts)


def change_url(delivery: Delivery) -> str:
    """Return the address of its page."""
    return f"{LIST}{delivery.pk}/change/"


def verb_url(delivery: Delivery, verb: str) -> str:
    """Return the address its button posts to."""
    return f"{LIST}{delivery.pk}/{verb}/"


def act(client: Client, action: str, *deliveries: Delivery, **more: Any) -> Any:
    """Run an action of the list."""
    data = {"action": action, "_selected_action": [row.pk for row in deliveries], **more}
    return client.post(LIST, data, follow=True)


def listed(client: Client, **query: str) -> list[Delivery]:
    """Return the rows that the list shows."""
    response = client.get(LIST, query)
    assert response.status_code == 200, response
    return list(response.context["cl"].result_list)
