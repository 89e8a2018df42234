"""The OpenAPI schema of the API."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.settings import SPECTACULAR_DEFAULTS, patched_settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from .renderers import BrowsableRenderer, JsonRenderer
from .views import ApiView

DESCRIPTION = """Triggers, what they run, and what became of it.

Every request needs `Authorization: Token …` or the session of the site, and the permission that
is named with it. Every error is a problem document."""

DEFAULTS = {
    name: value
    for name, value in SPECTACULAR_DEFAULTS.items()
    if not name.startswith("SERVE_") and name != "DEFAULT_GENERATOR_CLASS"
}
SETTINGS = {
    **DEFAULTS,
    "TITLE": "Triggers",
    "VERSION": "1",
    "DESCRIPTION": DESCRIPTION,
    "SCHEMA_PATH_PREFIX": "/",
    "COMPONENT_SPLIT_REQUEST": True,
}
"""Every setting, so that none that the site made for its own API counts."""

_writing = Lock()


class SchemaView(ApiView):
    """The OpenAPI 3 schema of this API; ``?format=yaml`` for YAML."""

    schema = None
    needs = {"get": ""}
    renderer_classes = (JsonRenderer, OpenApiYamlRenderer, BrowsableRenderer)

    def get(self, request: Request, **_kwargs: Any) -> Response:
        """Return the schema, with the address the API has here."""
        root = reverse("iii_triggers:api:root").rstrip("/")
        return Response({**written_schema(), "servers": [{"url": root}]})

    def get_view_name(self) -> str:
        """Return the heading of the page."""
        return "OpenAPI schema"


def written_schema() -> dict[str, Any]:
    """Return the schema, with paths as seen from the root of the API."""
    with _writing:
        return _written()


@lru_cache(maxsize=1)
def _written() -> dict[str, Any]:
    """Write the schema, once in a process.

    The settings of drf-spectacular are those of the process: they are ours for a moment only.
    """
    from . import urls

    with patched_settings(SETTINGS):
        schema: dict[str, Any] = SchemaGenerator(patterns=urls.urlpatterns).get_schema(public=True)
    return schema
