"""The first page of the API: what there is."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from .schema import describe
from .views import ApiView


class RootView(ApiView):
    """The address of each list, and of the schema."""

    needs = {"get": ""}
    names: tuple[str, ...] = ()
    """The lists to tell about, as they are named in the router."""

    @describe(
        operation_id="root",
        summary="See what there is",
        tags=["root"],
        responses={200: {"type": "object", "additionalProperties": {"type": "string"}}},
        examples=[
            OpenApiExample("root", value={"triggers": "https://example.org/iii/api/v1/triggers/"})
        ],
    )
    def get(self, request: Request, **_kwargs: Any) -> Response:
        """Tell where everything is."""
        lists = {name: _address(f"{name}-list", request) for name in self.names}
        return Response({**lists, "schema": _address("schema", request)})

    def get_view_name(self) -> str:
        """Return the heading of the page."""
        return "REST API"


def _address(route: str, request: Request) -> str:
    return reverse(f"iii_triggers:api:{route}", request=request)
