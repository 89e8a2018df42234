"""The admin page of nodes."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Node

from .base import EngineAdmin, ReadOnly


@admin.register(Node)
class NodeAdmin(ReadOnly, EngineAdmin[Node]):
    """The processes of ours that share the database."""

    list_display = (
        "host",
        "pid",
        "kind",
        "worker_count",
        "runs_dropped",
        "started_at",
        "heartbeat_at",
        "draining_since",
    )
    list_filter = ("kind", "host")
    search_fields = ("node_id", "host")
    fields = (
        "node_id",
        "kind",
        "host",
        "pid",
        "worker_count",
        "runs_dropped",
        "started_at",
        "heartbeat_at",
        "draining_since",
    )
    readonly_fields = ("worker_count",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Node]:
        """Count the workers of each node, without a query for each."""
        queryset: QuerySet[Node] = super().get_queryset(request)
        return queryset.annotate(workers_=Count("workers"))

    @admin.display(description=_("workers"), ordering="workers_")
    def worker_count(self, node: Node) -> int:
        """How many workers are connected to it."""
        count: int = getattr(node, "workers_", 0)
        return count
