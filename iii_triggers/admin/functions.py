"""The admin page of functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Function, Trigger

from .attached import AttachingList
from .base import EngineAdmin, ReadOnly
from .formatting import cut, json_block, moment, with_note
from .links import count_link, run_list_url
from .live_links import list_url, offer_links, trigger_links, worker_link
from .name_filters import known_worker_names
from .text_filter import TextFilter


class WorkerFilter(TextFilter):
    """Who offers it; there may be thousands."""

    title = _("worker")
    parameter_name = "worker_name"
    field_name = "worker__name"

    def suggestions(self) -> Sequence[str]:
        """Return names of workers that are connected."""
        return known_worker_names()


@admin.register(Function)
class FunctionAdmin(ReadOnly, EngineAdmin[Function]):
    """The functions that can be invoked now."""

    list_display = (
        "id_and_description",
        "offered_by",
        "trigger_count",
        "namespace",
        "registered_since",
    )
    list_filter = ("namespace", WorkerFilter)
    list_select_related = ("worker",)
    search_fields = ("function_id", "description", "worker__name")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "function_id",
                    "description",
                    "offered_by",
                    "others",
                    "namespace",
                    "triggers",
                )
            },
        ),
        (
            _("Details"),
            {
                "fields": (
                    "pretty_request_format",
                    "pretty_response_format",
                    "pretty_metadata",
                    "pretty_invocation",
                    "registered_since",
                )
            },
        ),
    )
    readonly_fields = (
        "offered_by",
        "others",
        "triggers",
        "registered_since",
        "pretty_request_format",
        "pretty_response_format",
        "pretty_metadata",
        "pretty_invocation",
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AttachingList]:
        """The list that counts triggers."""
        return AttachingList

    def attach(self, functions: Sequence[Function]) -> None:
        """Count the triggers of a page."""
        ids = {function.function_id for function in functions}
        rows = Trigger.objects.filter(function_id__in=ids).order_by()
        counted = rows.values_list("namespace", "function_id").annotate(count=Count("pk"))
        counts = {(namespace, id_): count for namespace, id_, count in counted}
        for function in functions:
            key = (function.namespace, function.function_id)
            function.triggers_ = counts.get(key, 0)  # type: ignore[attr-defined]

    @admin.display(description=_("function"), ordering="function_id")
    def id_and_description(self, function: Function) -> SafeString:
        """The id, and the beginning of the description."""
        return with_note(function.function_id, cut(function.description))

    @admin.display(description=_("offered by"), ordering="worker__name")
    def offered_by(self, function: Function) -> SafeString | str:
        """The worker, or the site itself."""
        return worker_link(function.worker, gettext("this site"))

    @admin.display(description=_("also offered by"))
    def others(self, function: Function) -> SafeString | str:
        """Other workers with the same function, who share its calls."""
        same = Function.objects.filter(_same(function)).exclude(pk=function.pk)
        return offer_links(same, urlencode({"q": function.function_id}))

    @admin.display(description=_("triggers"))
    def trigger_count(self, function: Function) -> SafeString | str:
        """How many triggers run it."""
        url = list_url(Trigger, urlencode({"function_id": function.function_id}))
        return count_link(getattr(function, "triggers_", 0), url)

    @admin.display(description=_("triggers"))
    def triggers(self, function: Function) -> SafeString | str:
        """The triggers that run it."""
        query = urlencode({"function_id": function.function_id})
        return trigger_links(Trigger.objects.filter(_same(function)), query)

    @admin.display(description=_("registered at"), ordering="registered_at")
    def registered_since(self, function: Function) -> str:
        """When it was offered."""
        return moment(function.registered_at)

    @admin.display(description=_("request format"))
    def pretty_request_format(self, function: Function) -> str:
        """What the function takes."""
        return json_block(function.request_format)

    @admin.display(description=_("response format"))
    def pretty_response_format(self, function: Function) -> str:
        """What the function returns."""
        return json_block(function.response_format)

    @admin.display(description=_("metadata"))
    def pretty_metadata(self, function: Function) -> str:
        """What its worker says about it."""
        return json_block(function.metadata)

    @admin.display(description=_("HTTP invocation"))
    def pretty_invocation(self, function: Function) -> str:
        """How it is called over HTTP; header values may be secrets."""
        return json_block(_without_header_values(function.invocation))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add a link to its runs."""
        function: Function | None = kwargs.get("obj")
        if function is not None:
            url = run_list_url(function=function.function_id)
            context["list_links"] = {url: gettext("Runs of this function")}
        return super().render_change_form(request, context, *args, **kwargs)


def _same(function: Function) -> Q:
    return Q(function_id=function.function_id, namespace=function.namespace)


def _without_header_values(invocation: Any) -> Any:
    headers = invocation.get("headers") if isinstance(invocation, dict) else None
    if not isinstance(headers, dict):
        return invocation
    return {**invocation, "headers": dict.fromkeys(headers, "…")}
