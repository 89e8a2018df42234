"""Lists of rows with ordered ids, the newest first, without counting a million of them.

One query looks at the ids of the newest rows that match, the second gets a page of them. Behind the
last page a link leads to the older ones.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import localtime

from iii_triggers.models.ordered_ids import moment_of
from iii_triggers.operations.bounded_scan import (
    Index,
    Narrowing,
    is_direct,
    scan_bound,
    without_index_order,
)

from .base import EngineAdmin

if TYPE_CHECKING:
    Base = EngineAdmin[Any]
else:
    Base = object

MAX_COUNTED = 1000


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of the newest ``MAX_COUNTED`` rows; ``shown`` are rows as the list shows them."""

    def __init__(self, *args: Any, shown: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown = shown

    @cached_property
    def newest(self) -> list[uuid.UUID]:
        """Ids, newest first, one more than is shown if there are more."""
        queryset: Any = self.object_list
        return list(queryset.values_list("pk", flat=True)[: MAX_COUNTED + 1])

    @cached_property
    def count(self) -> int:
        """How many rows have a page."""
        return min(len(self.newest), MAX_COUNTED)

    @property
    def has_older(self) -> bool:
        """Whether more rows match than have a page."""
        return len(self.newest) > MAX_COUNTED

    def page(self, number: int | str) -> Page[Any]:
        """Return a page; its rows are read by their ids."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        ids = self.newest[start : min(start + self.per_page, self.count)]
        return Page(self.rows(ids), number, self)

    def rows(self, ids: list[uuid.UUID]) -> Any:
        """Return the rows with these ids."""
        return self.shown.filter(pk__in=ids).order_by("-pk")


class NewestList(ChangeList):
    """The list; always the newest first, and never looking at more rows than it may."""

    model_admin: Any
    paginator: NewestPaginator
    scanned_to: uuid.UUID | None = None
    """The oldest row that was looked at; None if there was no need to stop."""

    def get_results(self, request: HttpRequest) -> None:
        """Get a page by the ids that were read for the count."""
        self._limit_scan(request)
        super().get_results(request)
        if not self.multi_page or (self.show_all and self.can_show_all):
            self.result_list = self.paginator.rows(self.paginator.newest[: self.result_count])
        self.result_list = list(self.result_list)
        self.model_admin.attach(self.result_list)
        if self.paginator.has_older or self.scanned_to is not None:
            # Beside the search field the number would read as that of all that match.
            self.full_result_count = self.result_count

    def older_query_string(self) -> str:
        """Return the query for what comes behind the last page; nothing if that is all."""
        last = self.scanned_to
        if self.paginator.has_older:
            last = self.paginator.newest[MAX_COUNTED - 1]
        return self.get_query_string({"before": str(last)}) if last is not None else ""

    def scanned_since(self) -> datetime | None:
        """Return how far back was looked, if that is why the list ends."""
        if self.scanned_to is None or self.paginator.has_older:
            return None
        return localtime(moment_of(self.scanned_to))

    def _limit_scan(self, request: HttpRequest) -> None:
        within = self.root_queryset
        for spec in self._specs(Index.RANGE):
            within = spec.queryset(request, within)
        narrowings = self._narrowings(request, within)
        if is_direct(narrowings):
            return
        self.scanned_to = scan_bound(within, narrowings)
        self.queryset = without_index_order(self.queryset)
        if self.scanned_to is not None:
            self.queryset = self.queryset.filter(pk__gte=self.scanned_to)

    def _narrowings(self, request: HttpRequest, within: QuerySet[Any]) -> list[Narrowing]:
        others = (Index.ORDERED, Index.COUNTED, Index.NONE)
        filtered = [(spec.queryset(request, within), spec.index) for spec in self._specs(*others)]
        if self.query:
            found, _has_twins = self.model_admin.get_search_results(request, within, self.query)
            filtered.append((found, self.model_admin.search_index(self.query)))
        return [Narrowing(rows=rows, index=index) for rows, index in filtered if rows is not within]

    def _specs(self, *indexes: Index) -> list[Any]:
        specs: list[Any] = self.filter_specs
        return [spec for spec in specs if spec.index in indexes]


class NewestFirst(Base):
    """Mix-in for the admin page of rows with ordered ids.

    Each filter names the ``index`` that the database has for it. One that is not in use returns the
    queryset it is given.
    """

    ordering = ("-pk",)
    # Facets would count every row, once for each choice of each filter.
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NewestList]:
        """The list that does not count."""
        return NewestList

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> Paginator[Any]:
        """Return its pages; those of the log of a row are the usual ones."""
        if queryset.model is not self.model:
            return super().get_paginator(request, queryset, *args, **kwargs)
        return NewestPaginator(queryset, *args, shown=self.get_queryset(request), **kwargs)

    def search_index(self, search_term: str) -> Index:
        """Return what the database has for a search."""
        return Index.NONE

    def attach(self, rows: Sequence[Any]) -> None:
        """Read what is shown beside the rows of a page."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse what no filter offers: ``?error__contains=…`` would read every row."""
        return lookup in {getattr(spec, "parameter_name", "") for spec in self.list_filter}
