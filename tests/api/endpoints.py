"""Every endpoint of the API: how it is called, and which permissions that takes.

The one table for tests that go through all of them; test_endpoints.py holds it against the routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call, and the permissions without which it is refused."""

    method: str
    template: str
    """The path below ``/iii/api/v1/``; names in braces are models, in small letters."""

    needs: str = ""
    """Codenames, with a blank between them; none asks for a login only."""

    body: Any = None
    """What is sent as JSON; None is no body."""

    def __str__(self) -> str:
        return f"{self.method} /{self.template}"

    def path(self, rows: Mapping[str, Model]) -> str:
        """Return the path for one row of each model, by the names of the models."""
        return self.template.format(**rows)


TRIGGER = {"trigger_type": "http", "function_id": "demo.new", "config": {"api_path": "new"}}
RUN = {"data": {}, "wait_s": 0}

ENDPOINTS = [
    Endpoint("GET", ""),
    Endpoint("GET", "schema/"),
    Endpoint("GET", "trigger-types/", "view_triggertype"),
    Endpoint("GET", "trigger-types/{triggertype.pk}/", "view_triggertype"),
    Endpoint("GET", "triggers/", "view_trigger"),
    Endpoint("POST", "triggers/", "add_trigger", TRIGGER),
    Endpoint("GET", "triggers/{trigger.pk}/", "view_trigger"),
    Endpoint("PUT", "triggers/{trigger.pk}/", "change_trigger", TRIGGER),
    Endpoint("PATCH", "triggers/{trigger.pk}/", "change_trigger", {"metadata": "new"}),
    Endpoint("DELETE", "triggers/{trigger.pk}/", "delete_trigger"),
    Endpoint("POST", "triggers/{trigger.pk}/enable/", "change_trigger"),
    Endpoint("POST", "triggers/{trigger.pk}/disable/", "change_trigger"),
    Endpoint("POST", "triggers/{trigger.pk}/fire/", "fire_trigger", RUN),
    Endpoint("GET", "runs/", "view_invocation"),
    Endpoint("GET", "runs/{invocation.pk}/", "view_invocation"),
    Endpoint("GET", "runs/{invocation.pk}/payload/", "view_invocation view_payload"),
    Endpoint("POST", "runs/{invocation.pk}/replay/", "replay_invocation", {"wait_s": 0}),
    Endpoint("GET", "functions/", "view_function"),
    Endpoint("GET", "functions/{function.function_id}/", "view_function"),
    Endpoint("POST", "functions/{function.function_id}/invoke/", "invoke_function", RUN),
    Endpoint("GET", "workers/", "view_worker"),
    Endpoint("GET", "workers/{worker.pk}/", "view_worker"),
    Endpoint("POST", "workers/{worker.pk}/disconnect/", "view_worker manage_worker"),
    Endpoint("POST", "workers/{worker.pk}/drain/", "view_worker manage_worker"),
    Endpoint("GET", "topics/", "view_topic"),
    Endpoint("GET", "topics/{topic.name}/", "view_topic"),
    Endpoint("POST", "topics/{topic.name}/publish/", "publish_topic", {"data": 1}),
    Endpoint("GET", "deliveries/", "view_delivery"),
    Endpoint("GET", "deliveries/{delivery.pk}/", "view_delivery"),
    Endpoint("GET", "deliveries/{delivery.pk}/payload/", "view_delivery view_payload"),
    Endpoint("POST", "deliveries/{delivery.pk}/redrive/", "view_delivery redrive_delivery"),
    Endpoint("POST", "deliveries/{delivery.pk}/discard/", "view_delivery redrive_delivery"),
    Endpoint("POST", "deliveries/{delivery.pk}/hold/", "view_delivery hold_delivery"),
    Endpoint("POST", "deliveries/{delivery.pk}/release/", "view_delivery hold_delivery"),
    Endpoint("POST", "deliveries/{delivery.pk}/cancel/", "view_delivery hold_delivery"),
    Endpoint("GET", "nodes/", "view_node"),
]
