"""Lists in pages: by id, newest first, without counting anything."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from .problems import bad_parameter

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


class IdPagination(BasePagination):
    """``cursor`` is the id of the last row of the page before; the page says where it goes on."""

    next_url: str | None = None

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        """Return the rows of the page that ``request`` asks for: one query. Raise Problem."""
        size = page_size(request)
        rows = list(after_cursor(queryset, request).order_by("-pk")[: size + 1])
        if len(rows) > size:
            self.go_on_after(rows[size - 1].pk, request)
        return rows[:size]

    def go_on_after(self, last: Any, request: Request) -> None:
        """Say that the next page begins after the row with this id."""
        self.next_url = replace_query_param(request.build_absolute_uri(), "cursor", str(last))

    def get_paginated_response(self, data: Any) -> Response:
        """Wrap the rows of a page."""
        return Response({"next": self.next_url, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe that."""
        following = {"type": "string", "format": "uri", "nullable": True, "example": None}
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {**following, "description": "The next page; null after the last one."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters."""
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}
        return [
            _parameter("cursor", "Where the page begins, as `next` of the page before has it."),
            {**_parameter("page_size", "How many there are on a page."), "schema": size},
        ]


def page_size(request: Request) -> int:
    """Return how many rows a page shall have. Raise Problem."""
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    if not is_number or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise bad_parameter("page_size", f"It must be a number from 1 to {MAX_PAGE_SIZE}.")
    return int(text)


def after_cursor(queryset: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """Return the rows that are left after the page before. Raise Problem."""
    cursor = request.query_params.get("cursor")
    if cursor is None:
        return queryset
    if "\0" in cursor:
        raise bad_parameter("cursor", "It is not one of this list.")
    try:
        last = queryset.model._meta.pk.to_python(cursor)
        return queryset.filter(pk__lt=last)
    except (ValidationError, ValueError, OverflowError) as error:
        raise bad_parameter("cursor", "It is not one of this list.") from error


def _parameter(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }
