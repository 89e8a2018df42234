"""Filters by time, which is read from ids that sort by it: their index is there anyway."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
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

from iii_triggers.models.ordered_ids import least_id_at, moment_of
from iii_triggers.operations.bounded_scan import Index

PERIODS = {
    "hour": (timedelta(hours=1), _("in the last hour")),
    "day": (timedelta(days=1), _("in the last 24 hours")),
    "week": (timedelta(days=7), _("in the last 7 days")),
}


class PeriodFilter(admin.SimpleListFilter):
    """When the row was made."""

    index = Index.RANGE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Some periods that end now."""
        return [(key, title) for key, (_period, title) in PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by id."""
        if self.value() not in PERIODS:
            return queryset
        period, _title = PERIODS[str(self.value())]
        return queryset.filter(pk__gte=least_id_at(timezone.now() - period))


class BeforeFilter(admin.SimpleListFilter):
    """Goes on where the pages of a long list end; shown only when it is in use."""

    title = _("place in the list")
    parameter_name = "before"
    index = Index.RANGE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """There is nothing to choose: a link below the list leads here."""
        return []

    def has_output(self) -> bool:
        """Show it, so that it can be switched off."""
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
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
            moment = localize(timezone.localtime(moment_of(before)))
            yield {
                "selected": True,
                "query_string": changelist.get_query_string(),
                "display": gettext("from before %s") % moment,
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
