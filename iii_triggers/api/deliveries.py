"""``deliveries/``: what waits, what is dead, and what to do about it."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.models import Delivery
from iii_triggers.operations.bounded_scan import Index
from iii_triggers.operations.deliveries import Verb, act

from .delivery_serializers import (
    PAYLOAD,
    SHOWN,
    DeliverySerializer,
    MessageSerializer,
    message_of,
)
from .filters import choice, moment, text
from .long_lists import LongListViewSet
from .schema import describe

REDRIVE = "view_delivery redrive_delivery"
HOLD = "view_delivery hold_delivery"


@extend_schema_view(
    list=describe(summary="List deliveries", examples=[SHOWN]),
    retrieve=describe(summary="Look at a delivery", examples=[SHOWN]),
)
class DeliveryViewSet(RetrieveModelMixin, LongListViewSet):
    """Durable invocations: each is retried until it succeeds or is dead."""

    queryset = Delivery.objects.defer("payload", "metadata")
    serializer_class = DeliverySerializer
    lookup_value_regex = "[0-9a-fA-F-]{32,36}"
    needs = {
        "list": "view_delivery",
        "retrieve": "view_delivery",
        "payload": "view_delivery view_payload",
        "redrive": REDRIVE,
        "discard": REDRIVE,
        "hold": HOLD,
        "release": HOLD,
        "cancel": HOLD,
    }
    filters = {
        "state": choice("state", Delivery.State.values),
        "topic": text("topic", "Name of the topic or named queue.", index=Index.COUNTED),
        "function": text("function_id", "Id of the function.", index=Index.NONE),
        "namespace": text("namespace", index=Index.NONE),
        "type": text("trigger_type", "Id of the trigger type.", index=Index.NONE),
        "trigger": text("trigger_id", "Id of the trigger (`trigger_id`).", index=Index.NONE),
        "since": moment("id__gte", "Accepted then or later."),
        "until": moment("id__lt", "Accepted before."),
    }

    def list(self, request: Request) -> Response:
        """List the deliveries, newest first.

        A page with few or no deliveries need not be the last one: what several filters allow may be
        rare, so each page looks at so many deliveries only, and `next` goes on from there.
        """
        return self.page(self.get_queryset())

    @describe(
        summary="Look at the payload of a delivery",
        responses=MessageSerializer,
        examples=[PAYLOAD],
    )
    @action(detail=True)
    def payload(self, request: Request, pk: str) -> Response:
        """Tell what its function is given."""
        return Response(MessageSerializer(message_of(self.get_object())).data)

    @describe(summary="Redrive a delivery", request=None, examples=[SHOWN])
    @action(detail=True, methods=["post"])
    def redrive(self, request: Request, pk: str) -> Response:
        """Try a dead delivery again, with all its attempts."""
        return self._acted("redrive", "Redriven")

    @describe(summary="Discard a delivery", request=None, examples=[SHOWN])
    @action(detail=True, methods=["post"])
    def discard(self, request: Request, pk: str) -> Response:
        """Give a dead delivery up for good."""
        return self._acted("discard", "Discarded")

    @describe(summary="Hold a delivery", request=None, examples=[SHOWN])
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """Keep a delivery that waits from running until it is released."""
        return self._acted("hold", "Held")

    @describe(summary="Release a delivery", request=None, examples=[SHOWN])
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Let a held delivery run."""
        return self._acted("release", "Released")

    @describe(summary="Cancel a delivery", request=None, examples=[SHOWN])
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """End a delivery that waits or is held; one that runs is left running."""
        return self._acted("cancel", "Cancelled")

    def get_queryset(self) -> QuerySet[Delivery]:
        """Return the deliveries without what may be large, unless that is asked for."""
        rows: QuerySet[Delivery] = super().get_queryset()
        return rows.defer(None) if self.action == "payload" else rows

    def _acted(self, verb: Verb, done: str) -> Response:
        delivery: Delivery = self.get_object()
        message = f"{done} through the REST API."
        act(verb, delivery, user=self.request.user, message=message)
        return Response(self.get_serializer(self.get_object()).data)
