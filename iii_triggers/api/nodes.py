"""``nodes/``: the processes of the site."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.models import Node

from .fields import RowSerializer
from .filters import choice, text
from .schema import describe
from .views import ApiViewSet

SHOWN = OpenApiExample(
    "A server",
    response_only=True,
    value={
        "node_id": "0197b2c0-0000-7000-8000-000000000000",
        "kind": "engine",
        "host": "web-1",
        "pid": 7,
        "started_at": "2026-01-31T12:00:00Z",
        "heartbeat_at": "2026-01-31T12:05:00Z",
        "draining_since": None,
    },
)


class NodeSerializer(RowSerializer):
    """A process that shares the database with the others."""

    class Meta:
        model = Node
        fields = (
            "node_id",
            "kind",
            "host",
            "pid",
            "started_at",
            "heartbeat_at",
            "draining_since",
        )
        read_only_fields = fields


@extend_schema_view(list=describe(summary="List nodes", examples=[SHOWN]))
class NodeViewSet(ApiViewSet):
    """The processes of the site that run now, as far as their heartbeats tell."""

    queryset = Node.objects.all()
    serializer_class = NodeSerializer
    needs = {"list": "view_node"}
    filters = {"kind": choice("kind", Node.Kind.values), "host": text("host")}

    def list(self, request: Request) -> Response:
        """List the nodes, by their ids."""
        return self.page(self.get_queryset())
