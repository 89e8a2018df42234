"""The pages of the delivery list, without counting a million rows.

One query looks at the ids of the newest rows that match, the second gets a page of them. Behind the
last page a link leads to the older ones.
"""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.http import HttpRequest

MAX_COUNTED = 1000


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of the newest ``MAX_COUNTED`` rows."""

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
        """Return the rows with these ids, without what the list does not show."""
        queryset: Any = self.object_list
        rows = queryset.model._default_manager.filter(pk__in=ids)
        return rows.defer("payload", "metadata").order_by("-pk")


class DeliveryList(ChangeList):
    """The list; always the newest first."""

    paginator: NewestPaginator

    def get_results(self, request: HttpRequest) -> None:
        """Get a page by the ids that were read for the count."""
        super().get_results(request)
        if not self.multi_page or (self.show_all and self.can_show_all):
            self.result_list = self.paginator.rows(self.paginator.newest[: self.result_count])
        if self.paginator.has_older:
            # Beside the search field the number would read as that of all that match.
            self.full_result_count = self.result_count

    def older_query_string(self) -> str:
        """Return the query for what comes behind the last page; nothing if that is all."""
        if not self.paginator.has_older:
            return ""
        last = self.paginator.newest[MAX_COUNTED - 1]
        return self.get_query_string({"before": str(last)})
