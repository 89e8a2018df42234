"""How the OpenAPI schema tells about a view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, extend_schema

PLACE = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "field": {"type": "string", "description": "JSON pointer (RFC 6901) into the body."},
        "parameter": {"type": "string", "description": "Name of a parameter of the query."},
        "message": {"type": "string"},
    },
}
PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string", "description": "The HTTP status in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What went wrong, for people."},
        "code": {"type": "string", "description": "What went wrong, for programs."},
        "errors": {
            "type": "array",
            "description": "The places of the request that are wrong.",
            "items": PLACE,
        },
    },
    "example": {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "config/api_path: api_path is required",
        "code": "trigger_registration_failed",
        "errors": [{"field": "/config/api_path", "message": "api_path is required"}],
    },
}
COMPONENT = ResolvedComponent(
    name="Problem", type=ResolvedComponent.SCHEMA, schema=PROBLEM, object="iii_triggers.Problem"
)


class ApiSchema(AutoSchema):  # type: ignore[misc]
    """Describes one view, whatever the schema class of the site is."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Add the answer that every operation may give."""
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            self.registry.register_on_missing(COMPONENT)
            content = {"application/problem+json": {"schema": COMPONENT.ref}}
            failed = {"description": "The request failed.", "content": content}
            operation["responses"]["default"] = failed
        return operation

    def get_description(self) -> str:
        """Add the permission that the call needs."""
        description: str = super().get_description() or ""
        codenames = ", ".join(f"`iii_triggers.{name}`" for name in self.view.needed_permissions())
        return f"{description}\n\nPermission: {codenames}." if codenames else description


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    """Describes how somebody who is logged in to the site calls."""

    target_class = "iii_triggers.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Name the cookie."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def path_text(description: str) -> OpenApiParameter:
    """Return the parameter of a path that is any text; slashes in it may be written as they are."""
    return OpenApiParameter(
        "id", str, OpenApiParameter.PATH, description=description, pattern=r"^[^/\x00]+$"
    )


def describe(**what: Any) -> Callable[[Any], Any]:
    """Decorate a method of a view like ``extend_schema``, as the outermost decorator.

    That one begins with the schema class of the site, which may know nothing of OpenAPI.
    """

    def decorate(method: Any) -> Any:
        method.kwargs = {"schema": ApiSchema, **getattr(method, "kwargs", {})}
        return extend_schema(**what)(method)

    return decorate
