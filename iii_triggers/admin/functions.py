"""The admin page of functions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Function

from .base import EngineAdmin, ReadOnly
from .formatting import NOTHING, cut, json_block


class WorkerFilter(admin.AllValuesFieldListFilter):
    """Who offers it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = gettext("worker")


@admin.register(Function)
class FunctionAdmin(ReadOnly, EngineAdmin[Function]):
    """The functions that can be invoked now."""

    list_display = ("function_id", "offered_by", "short_description", "namespace", "registered_at")
    list_filter = ("namespace", ("worker__name", WorkerFilter))
    list_select_related = ("worker",)
    search_fields = ("function_id", "description", "worker__name")
    fieldsets = (
        (None, {"fields": ("function_id", "description", "offered_by", "namespace")}),
        (
            _("Details"),
            {
                "fields": (
                    "pretty_request_format",
                    "pretty_response_format",
                    "pretty_metadata",
                    "pretty_invocation",
                    "registered_at",
                )
            },
        ),
    )
    readonly_fields = (
        "offered_by",
        "pretty_request_format",
        "pretty_response_format",
        "pretty_metadata",
        "pretty_invocation",
    )

    @admin.display(description=_("offered by"), ordering="worker__name")
    def offered_by(self, function: Function) -> str:
        """The worker, or the site itself."""
        return str(function.worker or gettext("this site"))

    @admin.display(description=_("description"))
    def short_description(self, function: Function) -> str:
        """The beginning of the description."""
        return cut(function.description) or NOTHING

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


def _without_header_values(invocation: Any) -> Any:
    headers = invocation.get("headers") if isinstance(invocation, dict) else None
    if not isinstance(headers, dict):
        return invocation
    return {**invocation, "headers": dict.fromkeys(headers, "…")}
