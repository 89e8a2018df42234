"""The admin page of workers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import EmptyFieldListFilter
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Function, Trigger, TriggerType, Worker

from .base import EngineAdmin, ReadOnly
from .formatting import NOTHING, moment, with_note
from .links import count_link, run_list_url
from .live_links import function_links, list_url, trigger_links, type_links
from .worker_verbs import WorkerVerbs

MEASURED = _("Counted since it connected, and written with every heartbeat of its process.")


@admin.register(Worker)
class WorkerAdmin(WorkerVerbs, ReadOnly, EngineAdmin[Worker]):
    """The workers that are connected now."""

    list_display = (
        "name_or_id",
        "function_count",
        "trigger_count",
        "in_flight",
        "seen",
        "sdk",
        "connected_since",
        "node_and_address",
        "namespace",
    )
    list_filter = ("runtime", "version", "namespace", ("draining_since", EmptyFieldListFilter))
    list_select_related = ("node",)
    search_fields = ("worker_id", "name", "description", "ip")
    fieldsets = (
        (None, {"fields": ("name", "description", "connected_since", "seen", "draining")}),
        (
            _("Invocations"),
            {
                "fields": ("in_flight", "invocations", "failures", "malformed_frames"),
                "description": MEASURED,
            },
        ),
        (_("What it offers"), {"fields": ("functions", "triggers", "trigger_types")}),
        (_("Process"), {"fields": ("sdk", "os", "pid", "isolation", "project")}),
        (_("Connection"), {"fields": ("worker_id", "ip", "node", "namespace")}),
    )
    readonly_fields = (
        "connected_since",
        "seen",
        "draining",
        "invocations",
        "failures",
        "malformed_frames",
        "functions",
        "triggers",
        "trigger_types",
        "sdk",
        "project",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        """Count what each worker offers, without a query for each."""
        queryset: QuerySet[Worker] = super().get_queryset(request)
        return queryset.annotate(functions_=_count(Function), triggers_=_count(Trigger))

    @admin.display(description=_("worker"), ordering="name")
    def name_or_id(self, worker: Worker) -> SafeString:
        """The name, or the id of a worker without one, and what it says of itself."""
        note = gettext("draining") if worker.draining_since else ""
        return with_note(str(worker), ", ".join(filter(None, (note, worker.description))))

    @admin.display(description=_("functions"), ordering="functions_")
    def function_count(self, worker: Worker) -> SafeString | str:
        """How many functions it offers."""
        count: int = getattr(worker, "functions_", 0)
        return count_link(count, list_url(Function, _of(worker)))

    @admin.display(description=_("triggers"), ordering="triggers_")
    def trigger_count(self, worker: Worker) -> SafeString | str:
        """How many triggers it registered."""
        count: int = getattr(worker, "triggers_", 0)
        return count_link(count, list_url(Trigger, _of(worker)))

    @admin.display(description=_("last seen"), ordering="last_seen")
    def seen(self, worker: Worker) -> str:
        """When its last frame came."""
        return moment(worker.last_seen)

    @admin.display(description=_("connected since"), ordering="connected_at")
    def connected_since(self, worker: Worker) -> str:
        """When the connection was opened."""
        return moment(worker.connected_at)

    @admin.display(description=_("draining since"))
    def draining(self, worker: Worker) -> str:
        """Since when it gets no new calls."""
        return moment(worker.draining_since)

    @admin.display(description=_("SDK"), ordering="version")
    def sdk(self, worker: Worker) -> str:
        """The runtime and the version of the SDK."""
        return f"{worker.runtime} {worker.version}".strip() or NOTHING

    @admin.display(description=_("node"), ordering="node")
    def node_and_address(self, worker: Worker) -> SafeString:
        """The process it is connected to, and where from."""
        return with_note(str(worker.node), worker.ip)

    @admin.display(description=_("invocations"))
    def invocations(self, worker: Worker) -> str:
        """How many calls it was sent."""
        return _metric(worker, "invocations_total")

    @admin.display(description=_("failed"))
    def failures(self, worker: Worker) -> str:
        """How many of them ended with an error."""
        return _metric(worker, "failures_total")

    @admin.display(description=_("malformed frames"))
    def malformed_frames(self, worker: Worker) -> str:
        """How many of its frames were no messages of the protocol."""
        return _metric(worker, "malformed_frames")

    @admin.display(description=_("functions"))
    def functions(self, worker: Worker) -> SafeString | str:
        """The functions it offers."""
        rows = Function.objects.filter(worker=worker).order_by("function_id")
        return function_links(rows, _of(worker))

    @admin.display(description=_("triggers"))
    def triggers(self, worker: Worker) -> SafeString | str:
        """The triggers it registered."""
        return trigger_links(Trigger.objects.filter(worker=worker), _of(worker))

    @admin.display(description=_("trigger types"))
    def trigger_types(self, worker: Worker) -> SafeString | str:
        """The trigger types it provides."""
        return type_links(TriggerType.objects.filter(worker=worker))

    @admin.display(description=_("project"))
    def project(self, worker: Worker) -> str:
        """Language, framework and project, if it told."""
        told = worker.telemetry if isinstance(worker.telemetry, dict) else {}
        names = (told.get(key) for key in ("project_name", "framework", "language"))
        return ", ".join(str(name) for name in names if name) or NOTHING

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add a link to its runs, and the button."""
        worker: Worker | None = kwargs.get("obj")
        if worker is not None:
            url = run_list_url(worker=worker.worker_id)
            context["list_links"] = {url: gettext("Runs on this worker")}
            context |= self.verbs_context(request, worker)
        return super().render_change_form(request, context, *args, **kwargs)


def _of(worker: Worker) -> str:
    """Return the query string of the rows of a worker."""
    return urlencode({"worker": worker.pk})


def _metric(worker: Worker, name: str) -> str:
    metrics: Any = worker.metrics if isinstance(worker.metrics, dict) else {}
    return str(metrics.get(name, NOTHING))


def _count(model: type[Model]) -> Coalesce:
    rows = model._default_manager.filter(worker=OuterRef("pk")).order_by()
    counted = rows.values("worker").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
