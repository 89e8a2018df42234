"""``workers/``: who is connected, and sending them away."""

from __future__ import annotations

from http import HTTPStatus

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.models import Worker
from iii_triggers.operations.workers import disconnect, drain

from .fields import RowSerializer
from .filters import text
from .schema import describe
from .views import ApiViewSet

SHOWN = OpenApiExample(
    "A worker",
    response_only=True,
    status_codes=["200", "202"],
    value={
        "worker_id": "6f1c0000-0000-4000-8000-000000000000",
        "name": "shop",
        "description": "",
        "runtime": "node",
        "version": "0.22.1",
        "os": "linux 6.1",
        "pid": 4711,
        "ip": "127.0.0.1",
        "namespace": "default",
        "node": "0197b2c0-0000-7000-8000-000000000000",
        "isolation": "",
        "telemetry": {"language": "typescript"},
        "in_flight": 0,
        "metrics": {"invocations_total": 41},
        "connected_at": "2026-01-31T12:00:00Z",
        "last_seen": "2026-01-31T12:05:00Z",
        "draining_since": None,
    },
)


class WorkerSerializer(RowSerializer):
    """One live connection of a worker."""

    node = serializers.CharField(source="node_id", read_only=True, help_text="Id of its node.")
    telemetry = serializers.JSONField(read_only=True, help_text="What it tells of its project.")
    metrics = serializers.JSONField(read_only=True, help_text="Counted since it connected.")

    class Meta:
        model = Worker
        fields = (
            "worker_id",
            "name",
            "description",
            "runtime",
            "version",
            "os",
            "pid",
            "ip",
            "namespace",
            "node",
            "isolation",
            "telemetry",
            "in_flight",
            "metrics",
            "connected_at",
            "last_seen",
            "draining_since",
        )
        read_only_fields = fields


@extend_schema_view(
    list=describe(summary="List workers", examples=[SHOWN]),
    retrieve=describe(summary="Look at a worker", examples=[SHOWN]),
)
class WorkerViewSet(RetrieveModelMixin, ApiViewSet):
    """The workers that are connected now; one that connects again has another id."""

    queryset = Worker.objects.all()
    serializer_class = WorkerSerializer
    lookup_value_regex = "[0-9a-zA-Z-]{1,36}"
    needs = {
        "list": "view_worker",
        "retrieve": "view_worker",
        "disconnect": "view_worker manage_worker",
        "drain": "view_worker manage_worker",
    }
    filters = {
        "name": text("name"),
        "namespace": text("namespace"),
        "runtime": text("runtime", "What it is written in, such as `node` or `python`."),
        "version": text("version", "The version of its SDK."),
        "node": text("node_id", "Id of the node it is connected to."),
    }

    def list(self, request: Request) -> Response:
        """List the workers, by their ids."""
        return self.page(self.get_queryset())

    @describe(
        summary="Disconnect a worker",
        request=None,
        responses={202: OpenApiResponse(WorkerSerializer, description="It will be, in a second.")},
        examples=[SHOWN],
    )
    @action(detail=True, methods=["post"])
    def disconnect(self, request: Request, pk: str) -> Response:
        """Close its connection, whichever process holds it, within a second.

        The worker connects again by itself, under another id: to be rid of one, stop its process or
        revoke its token. What it runs ends with an error; deliveries are tried again.
        """
        worker: Worker = self.get_object()
        disconnect(worker, user=request.user, message="Disconnected through the REST API.")
        return Response(self.get_serializer(worker).data, status=HTTPStatus.ACCEPTED)

    @describe(
        summary="Drain a worker",
        request=None,
        responses={202: OpenApiResponse(WorkerSerializer, description="It has begun.")},
        examples=[SHOWN],
    )
    @action(detail=True, methods=["post"])
    def drain(self, request: Request, pk: str) -> Response:
        """Send it no new calls, and close its connection once it has finished those it has.

        It gets `III_SHUTDOWN_GRACE_S` for them. The worker connects again by itself, under another
        id, as after a disconnect; when none of its calls is to be lost, this is the way.
        """
        worker: Worker = self.get_object()
        drain(worker, user=request.user, message="Drained through the REST API.")
        worker.refresh_from_db()
        return Response(self.get_serializer(worker).data, status=HTTPStatus.ACCEPTED)
