"""The admin page of workers."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Function, Trigger, Worker

from .base import EngineAdmin, ReadOnly


@admin.register(Worker)
class WorkerAdmin(ReadOnly, EngineAdmin[Worker]):
    """The workers that are connected now."""

    list_display = (
        "name_or_id",
        "function_count",
        "trigger_count",
        "runtime",
        "version",
        "last_seen",
        "node",
        "ip",
        "namespace",
        "connected_at",
    )
    list_filter = ("runtime", "version", "namespace")
    list_select_related = ("node",)
    search_fields = ("worker_id", "name", "description", "ip")
    fieldsets = (
        (None, {"fields": ("name", "description", "function_count", "trigger_count")}),
        (_("Process"), {"fields": ("runtime", "version", "os", "pid")}),
        (
            _("Connection"),
            {"fields": ("worker_id", "ip", "node", "namespace", "connected_at", "last_seen")},
        ),
    )
    readonly_fields = ("function_count", "trigger_count")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        """Count what each worker offers, without a query for each."""
        queryset: QuerySet[Worker] = super().get_queryset(request)
        return queryset.annotate(functions_=_count(Function), triggers_=_count(Trigger))

    @admin.display(description=_("worker"), ordering="name")
    def name_or_id(self, worker: Worker) -> str:
        """The name, or the id of a worker without one."""
        return str(worker)

    @admin.display(description=_("functions"), ordering="functions_")
    def function_count(self, worker: Worker) -> int:
        """How many functions it offers."""
        count: int = getattr(worker, "functions_", 0)
        return count

    @admin.display(description=_("triggers"), ordering="triggers_")
    def trigger_count(self, worker: Worker) -> int:
        """How many triggers it registered."""
        count: int = getattr(worker, "triggers_", 0)
        return count


def _count(model: type[Model]) -> Coalesce:
    rows = model._default_manager.filter(worker=OuterRef("pk")).order_by()
    counted = rows.values("worker").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
