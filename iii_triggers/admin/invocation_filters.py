"""The filters of the list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Invocation
from iii_triggers.operations.bounded_scan import Index

from . import name_filters
from .ordered_filters import PeriodFilter
from .text_filter import TextFilter, as_uuid

Status = Invocation.Status


class StatusFilter(admin.SimpleListFilter):
    """How the run stands."""

    title = _("status")
    parameter_name = "status"

    @property
    def index(self) -> Index:
        """Most runs succeed: those have no index."""
        return Index.NONE if self.value() == Status.SUCCEEDED else Index.ORDERED

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The statuses."""
        return [(status.value, status.label) for status in Status]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        """Filter by what was chosen."""
        value = self.value()
        chosen: QuerySet[Any]
        chosen = queryset.with_status(value) if value in Status.values else queryset
        return chosen


class StartedFilter(PeriodFilter):
    """When the run started."""

    title = _("start")
    parameter_name = "started"


class FunctionFilter(name_filters.FunctionFilter):
    """What ran."""

    index = Index.ORDERED


class TriggerFilter(name_filters.TriggerFilter):
    """What made it run."""

    index = Index.ORDERED


class TypeFilter(name_filters.TypeFilter):
    """The kind of event that made it run."""

    no_type = _("none (direct call)")
    index = Index.ORDERED


class WorkerFilter(TextFilter):
    """Where it ran: the id of a connection, or the name that all connections of a worker share."""

    title = _("worker (name or id)")
    parameter_name = "worker"

    @property
    def field_name(self) -> str:  # type: ignore[override]
        """What is typed tells which of the two is meant."""
        return "worker_name" if as_uuid(self.text()) is None else "worker_id"

    @property
    def index(self) -> Index:  # type: ignore[override]
        """Names have none."""
        return Index.ORDERED if self.field_name == "worker_id" else Index.NONE

    def suggestions(self) -> Sequence[str]:
        """Names of workers that are connected."""
        return name_filters.known_worker_names()


class DeliveryFilter(TextFilter):
    """The delivery whose attempts they were."""

    title = _("delivery id")
    parameter_name = "delivery"
    index = Index.ORDERED

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Find nothing for what is no id."""
        text = self.text()
        if not text:
            return queryset
        delivery_id = as_uuid(text)
        return queryset.none() if delivery_id is None else queryset.filter(delivery_id=delivery_id)


class ReplayFilter(admin.SimpleListFilter):
    """Whether the run repeats another."""

    title = _("replay")
    parameter_name = "replay"

    @property
    def index(self) -> Index:
        """Only replays have one, by what they repeat."""
        return Index.COUNTED if self.value() == "yes" else Index.NONE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Yes and no."""
        return [("yes", _("replays")), ("no", _("no replays"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by what was chosen."""
        value = self.value()
        if value not in ("yes", "no"):
            return queryset
        return queryset.filter(replay_of__isnull=value == "no")
