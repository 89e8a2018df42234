"""How answers are written, whatever the site prefers for its own API."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from rest_framework import renderers
from rest_framework.request import Request


class JsonRenderer(renderers.JSONRenderer):
    """JSON in UTF-8, on one line."""

    compact = True
    strict = True
    ensure_ascii = False


class BrowsableRenderer(renderers.BrowsableAPIRenderer):
    """Pages for people who are logged in to the site; what they send is JSON too.

    Their template leaves out what has inline styles, so a strict Content-Security-Policy is fine.
    """

    template = "iii_triggers/api/page.html"

    def get_context(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Show the links to actions in a place without inline styles."""
        context: dict[str, Any] = super().get_context(*args, **kwargs)
        context["actions"] = context.pop("extra_actions", None)
        context["code_style"] = ""
        return context

    def get_breadcrumbs(self, request: Request) -> list[tuple[str, str]]:
        """Leave out the paths in between, at which there is nothing."""
        found: list[tuple[str, str]] = super().get_breadcrumbs(request)
        return [(name, url) for name, url in found if urlsplit(url).path.endswith("/")]
