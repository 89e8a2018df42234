"""Filters by what made a row and by what runs: trigger type, trigger, function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Worker
from iii_triggers.operations.bounded_scan import Index

from .text_filter import TextFilter
from .trigger_form import known_function_ids, type_ids

MAX_WORKER_NAMES = 100

NO_TYPE = "-"
"""Stands for rows that no trigger made."""


class TypeFilter(admin.SimpleListFilter):
    """Which trigger type made the row."""

    title = _("trigger type")
    parameter_name = "type"
    index = Index.NONE
    no_type: str | Promise = _("none")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The types anybody knows now, never those of a million rows."""
        return [(NO_TYPE, self.no_type), *((name, name) for name in type_ids(""))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by what was chosen."""
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(trigger_type="" if value == NO_TYPE else value)


class FunctionFilter(TextFilter):
    """The function."""

    title = _("function")
    parameter_name = "function"
    field_name = "function_id"

    def suggestions(self) -> Sequence[str]:
        """Functions that are there."""
        return known_function_ids()


class TriggerFilter(TextFilter):
    """The trigger that made the row."""

    title = _("trigger id")
    parameter_name = "trigger"
    field_name = "trigger_id"


def known_worker_names() -> list[str]:
    """Return names of workers that are connected."""
    names = Worker.objects.exclude(name="").order_by("name").values_list("name", flat=True)
    return list(names.distinct()[:MAX_WORKER_NAMES])
