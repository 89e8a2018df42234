"""The admin page of runs: the history, read only, but for replaying what ran."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Invocation
from iii_triggers.operations.bounded_scan import Index

from .base import EngineAdmin, ReadOnly
from .formatting import NOTHING, cut, moment, with_note
from .invocation_bulk import replay_runs
from .invocation_filters import (
    DeliveryFilter,
    FunctionFilter,
    ReplayFilter,
    StartedFilter,
    StatusFilter,
    TriggerFilter,
    TypeFilter,
    WorkerFilter,
)
from .invocation_links import (
    attach_triggers,
    delivery_of,
    function_of,
    list_links,
    node_of,
    original_of,
    replays_of,
    trigger_of,
    worker_of,
)
from .invocation_live import LivePages
from .invocation_payloads import PayloadPages
from .invocation_replays import ReplayPages
from .invocation_search import search
from .invocation_texts import ago, run_badge, took
from .newest_list import NewestFirst
from .ordered_filters import BeforeFilter

MAX_ERROR = 200
MAIN = ("badge", "started", "duration", "function", "trigger", "delivery", "original", "replays")
AFTER_PAYLOAD = "iii-after-payload"
WHERE = ("worker", "node", "called_by", "attempt")


@admin.register(Invocation)
class InvocationAdmin(
    LivePages, PayloadPages, ReplayPages, NewestFirst, ReadOnly, EngineAdmin[Invocation]
):
    """Runs, the newest first."""

    list_display = (
        "badge_and_duration",
        "function_and_error",
        "trigger_and_type",
        "worker_name_or_id",
        "started_and_since",
    )
    list_display_links = ("badge_and_duration", "function_and_error")
    list_filter = (
        BeforeFilter,
        StatusFilter,
        StartedFilter,
        FunctionFilter,
        TriggerFilter,
        WorkerFilter,
        TypeFilter,
        ReplayFilter,
        DeliveryFilter,
    )
    # Found by get_search_results; that there are some is what shows the search field.
    search_fields = ("function_id",)
    search_help_text = _(
        "Searches whole ids: of a run (the “error_id” of an answer), a delivery, the id that a "
        "caller chose, or a function."
    )
    actions = (replay_runs,)
    readonly_fields = (*MAIN, *WHERE, "full_error")

    class Media:
        css = {"all": ["iii_triggers/runs.css"]}
        js = ["iii_triggers/runs.js"]

    @admin.display(description=_("status"))
    def badge(self, run: Invocation) -> SafeString:
        """The status as symbol and word."""
        return run_badge(run)

    @admin.display(description=_("status and duration"))
    def badge_and_duration(self, run: Invocation) -> SafeString:
        """How it stands; below it how long it took, and which attempt it was, if not the first."""
        attempt = gettext("attempt %d") % run.attempt if run.attempt > 1 else ""
        return with_note(run_badge(run), ", ".join(filter(None, (self.duration(run), attempt))))

    @admin.display(description=_("function"))
    def function_and_error(self, run: Invocation) -> SafeString:
        """What ran, with the namespace if that is not the usual one; how the error begins."""
        is_usual = run.namespace == "default"
        shown = with_note(cut(run.function_id), "" if is_usual else cut(run.namespace))
        error = ": ".join(filter(None, (run.error_code, getattr(run, "error_begins", ""))))
        return with_note(shown, cut(error), is_error=True)

    @admin.display(description=_("trigger"))
    def trigger_and_type(self, run: Invocation) -> SafeString:
        """What made it run, as a link while that exists, and the trigger type."""
        if not run.trigger_type:
            return with_note(NOTHING, _("direct call"))
        return with_note(trigger_of(run, by_id=True), run.trigger_type)

    @admin.display(description=_("worker"))
    def worker_name_or_id(self, run: Invocation) -> str:
        """Where it ran."""
        return cut(run.worker_name or run.worker_id) or gettext("this site")

    @admin.display(description=_("started"))
    def started_and_since(self, run: Invocation) -> SafeString:
        """When it started, and how long ago that was."""
        return with_note(moment(run.started_at), ago(run.started_at))

    @admin.display(description=_("duration"))
    def duration(self, run: Invocation) -> str:
        """How long it took."""
        if run.status == Invocation.Status.RUNNING:
            return gettext("%s so far") % took(run)
        return took(run)

    @admin.display(description=_("function"))
    def function(self, run: Invocation) -> SafeString | str:
        """What ran; a link while somebody offers it."""
        return function_of(run)

    @admin.display(description=_("trigger"))
    def trigger(self, run: Invocation) -> SafeString | str:
        """What made it run; a link while it exists."""
        return with_note(trigger_of(run), run.trigger_type or _("direct call"))

    @admin.display(description=_("delivery"))
    def delivery(self, run: Invocation) -> SafeString | str:
        """The delivery whose attempt it was; a link while it is kept."""
        return delivery_of(run)

    @admin.display(description=_("replay of"))
    def original(self, run: Invocation) -> SafeString | str:
        """The run that it repeats."""
        return original_of(run)

    @admin.display(description=_("replayed as"))
    def replays(self, run: Invocation) -> SafeString | str:
        """The runs that repeat it."""
        return replays_of(run)

    @admin.display(description=_("started"))
    def started(self, run: Invocation) -> SafeString:
        """When it started."""
        return format_html("{} ({})", moment(run.started_at), ago(run.started_at))

    @admin.display(description=_("worker"))
    def worker(self, run: Invocation) -> SafeString | str:
        """Where it ran; a link while that worker is connected."""
        return worker_of(run)

    @admin.display(description=_("node"))
    def node(self, run: Invocation) -> SafeString | str:
        """The process of ours that had it run; a link while that lives."""
        return node_of(run)

    @admin.display(description=_("called by"))
    def called_by(self, run: Invocation) -> str:
        """The worker that made the call."""
        return run.caller or NOTHING

    @admin.display(description=_("message"))
    def full_error(self, run: Invocation) -> SafeString | str:
        """All of the error."""
        return format_html('<pre class="iii-json">{}</pre>', run.error) if run.error else NOTHING

    def get_fieldsets(self, request: HttpRequest, obj: Invocation | None = None) -> Any:
        """Show only what there is."""
        is_failed = obj is not None and obj.status == Invocation.Status.FAILED
        error = [(_("Error"), {"fields": ("error_code", "full_error")})] if is_failed else []
        ids = ("id", "invocation_id", "traceparent", "namespace")
        main = [name for name in MAIN if obj is None or _has(obj, name)]
        return (
            (None, {"fields": main}),
            *error,
            # The template puts the payload before this one.
            (_("Where it ran"), {"fields": WHERE, "classes": (AFTER_PAYLOAD,)}),
            (_("Ids"), {"fields": ids, "classes": ("collapse",)}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invocation]:
        """Leave the whole errors where they are; their beginning does for a list."""
        queryset: QuerySet[Invocation] = super().get_queryset(request).defer("error")
        return queryset.annotate(error_begins=Left("error", MAX_ERROR))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Invocation], search_term: str
    ) -> tuple[QuerySet[Invocation], bool]:
        """Find what the term is the id of."""
        term = search_term.strip()
        return (search(queryset, term) if term else queryset), False

    def search_index(self, search_term: str) -> Index:
        """Each reading of a term has one."""
        return Index.ORDERED

    def attach(self, rows: Sequence[Invocation]) -> None:
        """Read the triggers of a page."""
        attach_triggers(rows)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the timeline, the payload and the links."""
        run: Invocation | None = kwargs.get("obj")
        if run is not None:
            context |= self.live_context(run)
            context |= self.payload_context(request, run)
            context |= self.replay_context(request, run)
            context["list_links"] = list_links(run)
        return super().render_change_form(request, context, *args, **kwargs)


def _has(run: Invocation, name: str) -> bool:
    facts = {"delivery": run.delivery_id, "original": run.replay_of}
    return bool(facts.get(name, True))
