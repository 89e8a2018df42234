"""The filters of the delivery list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Delivery, Subscription, Topic
from iii_triggers.models.deliveries import UNFINISHED, WAITING
from iii_triggers.operations.bounded_scan import Index

from . import name_filters
from .function_field import MAX_SUGGESTIONS
from .ordered_filters import PeriodFilter
from .text_filter import TextFilter

State = Delivery.State
WaitsFor = Delivery.WaitsFor

UNFINISHED_STATES = "unfinished"
WAITS = {
    f"for_{what.value}": what for what in (WaitsFor.FUNCTION, WaitsFor.SUBSCRIBER, WaitsFor.TURN)
}


class StateFilter(admin.SimpleListFilter):
    """Where a delivery stands; of those that wait, also what for."""

    title = _("state")
    parameter_name = "state"

    @property
    def index(self) -> Index:
        """Of single states the newest are found by their index."""
        return Index.ORDERED if self.value() in State.values else Index.NONE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The states, and what is waited for below “waiting”."""
        waits = [(key, _wait_title(what)) for key, what in WAITS.items()]
        first, *rest = [(state.value, state.label) for state in State]
        return [(UNFINISHED_STATES, _("not finished")), first, *waits, *rest]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Filter by what was chosen."""
        value = self.value()
        if value in WAITS:
            return queryset.filter(state__in=WAITING, waits_for=WAITS[value])
        if value == UNFINISHED_STATES:
            return queryset.filter(state__in=UNFINISHED)
        return queryset.filter(state=value) if value else queryset


class TopicFilter(TextFilter):
    """The topic or the named queue."""

    title = _("topic or queue")
    parameter_name = "topic"
    field_name = "topic"
    index = Index.COUNTED

    def suggestions(self) -> Sequence[str]:
        """Names of topics and named queues."""
        names = Topic.objects.order_by("name").values_list("name", flat=True)
        return list(names.distinct()[:MAX_SUGGESTIONS])


class FunctionFilter(name_filters.FunctionFilter):
    """The function that is to run."""

    def suggestions(self) -> Sequence[str]:
        """Functions that are there or subscribed."""
        subscribed = Subscription.objects.order_by().values_list("function_id", flat=True)
        ids = {*super().suggestions(), *subscribed.distinct()[:MAX_SUGGESTIONS]}
        return sorted(ids)[:MAX_SUGGESTIONS]


class TypeFilter(name_filters.TypeFilter):
    """Which trigger type made the delivery."""

    no_type = _("none (named queue)")


class AcceptedFilter(PeriodFilter):
    """When the delivery was accepted."""

    title = _("time of acceptance")
    parameter_name = "accepted"


def _wait_title(what: Delivery.WaitsFor) -> str:
    return gettext("waiting for %s") % what.label
