"""The filters of the delivery list. Time is read from the ids, which sort by it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Delivery, Subscription, Topic
from iii_triggers.models.deliveries import UNFINISHED, WAITING
from iii_triggers.models.ordered_ids import least_id_at, moment_of

from .text_filter import TextFilter
from .trigger_form import MAX_SUGGESTIONS, known_function_ids, type_ids

State = Delivery.State
WaitsFor = Delivery.WaitsFor

UNFINISHED_STATES = "unfinished"
WAITS = {
    f"for_{what.value}": what for what in (WaitsFor.FUNCTION, WaitsFor.SUBSCRIBER, WaitsFor.TURN)
}
NO_TYPE = "-"
"""Stands for deliveries that no trigger made: calls through a named queue."""

PERIODS = {
    "hour": (timedelta(hours=1), _("in the last hour")),
    "day": (timedelta(days=1), _("in the last 24 hours")),
    "week": (timedelta(days=7), _("in the last 7 days")),
}


class StateFilter(admin.SimpleListFilter):
    """Where a delivery stands; of those that wait, also what for."""

    title = _("state")
    parameter_name = "state"

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


class TypeFilter(admin.SimpleListFilter):
    """Which trigger type made the delivery."""

    title = _("trigger type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The types anybody knows now, never those of a million rows."""
        return [(NO_TYPE, _("none (named queue)")), *((name, name) for name in type_ids(""))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Filter by what was chosen."""
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(trigger_type="" if value == NO_TYPE else value)


class AcceptedFilter(admin.SimpleListFilter):
    """When the delivery was accepted."""

    title = _("time of acceptance")
    parameter_name = "accepted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Some periods that end now."""
        return [(key, title) for key, (_period, title) in PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Filter by id, whose index is there anyway."""
        if self.value() not in PERIODS:
            return queryset
        period, _title = PERIODS[str(self.value())]
        return queryset.filter(pk__gte=least_id_at(timezone.now() - period))


class BeforeFilter(admin.SimpleListFilter):
    """Goes on where the pages of a long list end; shown only when it is in use."""

    title = _("place in the list")
    parameter_name = "before"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """There is nothing to choose: a link below the list leads here."""
        return []

    def has_output(self) -> bool:
        """Show it, so that it can be switched off."""
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Filter by id."""
        before = self._before()
        return queryset if before is None else queryset.filter(pk__lt=before)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """The newest, or where we are."""
        before = self._before()
        yield {
            "selected": before is None,
            "query_string": changelist.get_query_string(remove=[str(self.parameter_name)]),
            "display": gettext("from the newest"),
        }
        if before is not None:
            accepted = localize(timezone.localtime(moment_of(before)))
            yield {
                "selected": True,
                "query_string": changelist.get_query_string(),
                "display": gettext("accepted before %s") % accepted,
            }

    def _before(self) -> uuid.UUID | None:
        value = self.value()
        if value is None:
            return None
        try:
            before = uuid.UUID(value)
            moment_of(before)
        except ValueError as error:
            raise IncorrectLookupParameters from error
        return before


class TopicFilter(TextFilter):
    """The topic or the named queue."""

    title = _("topic or queue")
    parameter_name = "topic"
    field_name = "topic"

    def suggestions(self) -> Sequence[str]:
        """Names of topics and named queues."""
        names = Topic.objects.order_by("name").values_list("name", flat=True)
        return list(names.distinct()[:MAX_SUGGESTIONS])


class FunctionFilter(TextFilter):
    """The function that is to run."""

    title = _("function")
    parameter_name = "function"
    field_name = "function_id"

    def suggestions(self) -> Sequence[str]:
        """Functions that are there or subscribed."""
        subscribed = Subscription.objects.order_by().values_list("function_id", flat=True)
        ids = {*known_function_ids(), *subscribed.distinct()[:MAX_SUGGESTIONS]}
        return sorted(ids)[:MAX_SUGGESTIONS]


class TriggerFilter(TextFilter):
    """The trigger that made it."""

    title = _("trigger id")
    parameter_name = "trigger"
    field_name = "trigger_id"


def _wait_title(what: Delivery.WaitsFor) -> str:
    return gettext("waiting for %s") % what.label
