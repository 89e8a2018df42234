"""``triggers/``: made, changed and fired by scripts under the rules of the admin."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.models import Trigger
from iii_triggers.operations import triggers as operations
from iii_triggers.operations.audit import log_action
from iii_triggers.operations.firing import fire, sample_payload

from .filters import boolean, choice, text
from .running import EXAMPLES, RESPONSES, run_answer
from .schema import describe
from .trigger_serializers import FIRE, NEW, SHOWN, SWITCH, FireSerializer, TriggerSerializer
from .views import ApiViewSet


@extend_schema_view(
    list=describe(summary="List triggers", examples=[SHOWN]),
    retrieve=describe(summary="Look at a trigger", examples=[SHOWN]),
)
class TriggerViewSet(RetrieveModelMixin, ApiViewSet):
    """Triggers: those made here have the source `api`; those of workers can only be looked at."""

    queryset = Trigger.objects.select_related("worker", "created_by")
    serializer_class = TriggerSerializer
    lookup_value_regex = "[0-9]{1,18}"
    needs = {
        "list": "view_trigger",
        "retrieve": "view_trigger",
        "create": "add_trigger",
        "update": "change_trigger",
        "partial_update": "change_trigger",
        "destroy": "delete_trigger",
        "enable": "change_trigger",
        "disable": "change_trigger",
        "fire": "fire_trigger",
    }
    fires = frozenset({"fire"})
    filters = {
        "trigger_id": text("trigger_id"),
        "type": text("trigger_type", "Id of the trigger type."),
        "function": text("function_id", "Id of the function."),
        "namespace": text("namespace"),
        "state": choice("state", Trigger.State.values),
        "enabled": boolean("enabled"),
        "source": choice("source", Trigger.Source.values, "Who made it."),
    }

    def list(self, request: Request) -> Response:
        """List the triggers, newest first."""
        return self.page(self.get_queryset())

    @describe(summary="Make a trigger", examples=[NEW, SHOWN])
    def create(self, request: Request) -> Response:
        """Make a trigger; every process knows it within a second."""
        trigger = Trigger(**self._values(), source=Trigger.Source.API)
        operations.create(trigger, user=request.user, message="Made through the REST API.")
        response = self._shown(trigger.pk, status=HTTPStatus.CREATED)
        response["Location"] = self.reverse_action("detail", kwargs={"pk": trigger.pk})
        return response

    @describe(summary="Replace a trigger", examples=[NEW, SHOWN])
    def update(self, request: Request, pk: str) -> Response:
        """Replace all of a trigger but its id; what is left out gets its default.

        Of one that is declared in code only `enabled` can change.
        """
        return self._changed(pk, self._values)

    @describe(summary="Change a trigger", examples=[SWITCH, SHOWN])
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change just what is there."""
        return self._changed(pk, partial(self._values, partial=True))

    @describe(summary="Delete a trigger")
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a trigger of the site."""
        with transaction.atomic():
            message = "Deleted through the REST API."
            operations.delete(_locked(pk), user=request.user, message=message)
        return Response(status=HTTPStatus.NO_CONTENT)

    @describe(
        summary="Enable a trigger", request=None, responses=TriggerSerializer, examples=[SHOWN]
    )
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: str) -> Response:
        """Let it fire again, if its type has nothing against it; harmless if it does already."""
        return self._changed(pk, lambda _trigger: {"enabled": True})

    @describe(
        summary="Disable a trigger", request=None, responses=TriggerSerializer, examples=[SHOWN]
    )
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        """Let it fire no more; harmless if it does not."""
        return self._changed(pk, lambda _trigger: {"enabled": False})

    @describe(
        summary="Fire a trigger",
        request=FireSerializer,
        responses=RESPONSES,
        examples=[FIRE, *EXAMPLES],
    )
    @action(detail=True, methods=["post"], serializer_class=FireSerializer)
    def fire(self, request: Request, pk: str) -> Response:
        """Run its function as if the event had happened, and wait a while for the result.

        Also works for triggers of workers, and for those that are disabled.
        """
        trigger: Trigger = self.get_object()
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        data = values["data"] if "data" in values else _usual(trigger)
        # Before it runs: whatever dies then, it is known who did it.
        log_action(request.user, trigger, "Fired through the REST API.")
        return run_answer(request, fire(trigger, data, wait_s=values["wait_s"]))

    def _values(self, trigger: Trigger | None = None, *, partial: bool = False) -> dict[str, Any]:
        serializer = self.get_serializer(trigger, data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _changed(self, pk: str, values: Callable[[Trigger], dict[str, Any]]) -> Response:
        self.request.data  # noqa: B018 - read the body before anything is locked
        message = "Changed %s through the REST API."
        with transaction.atomic():
            trigger = _locked(pk)
            operations.change(trigger, values(trigger), user=self.request.user, message=message)
        return self._shown(trigger.pk)

    def _shown(self, pk: int, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
        trigger = get_object_or_404(self.get_queryset(), pk=pk)
        return Response(self.get_serializer(trigger).data, status=status)


def _locked(pk: str) -> Trigger:
    try:
        return operations.locked(int(pk))
    except Trigger.DoesNotExist as error:
        raise Http404 from error


def _usual(trigger: Trigger) -> Any:
    return json.loads(sample_payload(trigger, from_history=False))
