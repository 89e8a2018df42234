"""Lists of rows with ordered ids, of which there may be a million: a page looks at so many at most.

When it has looked at all of these and is not full, it says where to go on all the same.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.operations.bounded_scan import (
    Index,
    Narrowing,
    is_direct,
    scan_bound,
    without_index_order,
)

from .filters import values
from .paging import IdPagination, after_cursor, page_size
from .views import ApiViewSet


class BoundedPagination(IdPagination):
    """Applies the filters of the view itself: it has to know which indexes there are for them."""

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        """Return the rows of the page: at most two queries, and one for each filter."""
        size = page_size(request)
        wanted = [(view.filters[name], value) for name, value in values(request, view).items()]
        within = after_cursor(queryset, request)
        for known, value in wanted:
            if known.index_for(value) is Index.RANGE:
                within = known.narrow(within, value)
        found, narrowings = within, []
        for known, value in wanted:
            index = known.index_for(value)
            if index is not Index.RANGE:
                found = known.narrow(found, value)
                narrowings.append(Narrowing(rows=known.narrow(within, value), index=index))
        return self._page(found, within, narrowings, size, request)

    def _page(
        self,
        found: QuerySet[Any],
        within: QuerySet[Any],
        narrowings: list[Narrowing],
        size: int,
        request: Request,
    ) -> list[Any]:
        bound = None
        if is_direct(narrowings):
            found = found.order_by("-pk")
        else:
            bound = scan_bound(within, narrowings)
            found = without_index_order(found if bound is None else found.filter(pk__gte=bound))
        rows = list(found[: size + 1])
        if len(rows) > size:
            self.go_on_after(rows[size - 1].pk, request)
        elif bound is not None:
            self.go_on_after(bound, request)
        return rows[:size]


class LongListViewSet(ApiViewSet):
    """Views of rows of which there may be a million; each filter names its index."""

    pagination_class = BoundedPagination

    def page(self, rows: QuerySet[Any]) -> Response:
        """Answer with the page of ``rows`` that the request asks for."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
