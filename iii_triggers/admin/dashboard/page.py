"""The page of the dashboard in the admin, and the part of it that is fetched again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from iii_triggers.admin.base import EngineAdmin, ReadOnly
from iii_triggers.models import Dashboard, Delivery, Invocation, Node, Trigger, Worker
from iii_triggers.operations.spans import DAY, HOUR, Span

from . import panels
from .hint import first_step

PAGE = "iii_triggers_dashboard_changelist"
"""The name by which the admin links to the page of a model."""
LIVE = "iii_triggers_dashboard_live"
REFRESH_MS = 5000

SHOWN: dict[type[models.Model], Callable[[], panels.Panel]] = {
    Delivery: panels.deliveries,
    Trigger: panels.triggers,
    Worker: panels.workers,
    Node: panels.processes,
}
"""Panels by the model that one must be allowed to view; that of the runs is about a span."""


@admin.register(Dashboard)
class DashboardAdmin(ReadOnly, EngineAdmin[Dashboard]):
    """The dashboard, in the place where other models have their list."""

    @property
    def media(self) -> Media:
        """What the page needs: none of the scripts that lists and forms have."""
        names = ("admin", "plots", "dashboard")
        styles = [f"iii_triggers/{name}.css" for name in names]
        return Media(css={"all": styles}, js=["iii_triggers/dashboard.js"])

    def get_urls(self) -> list[URLPattern]:
        """There is one page, and its live part."""
        return [
            path("", self.admin_site.admin_view(self.show), name=PAGE),
            path("live/", self.admin_site.admin_view(self.show_live), name=LIVE),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether there is a panel that the user may see."""
        return any(self._may_view(request, model) for model in SHOWN) or self._may_view(
            request, Invocation
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Tell whether the index of the admin lists it."""
        return self.has_view_permission(request)

    def show(self, request: HttpRequest) -> HttpResponse:
        """Answer with the page."""
        context = {
            **self.admin_site.each_context(request),
            **self._live_context(request),
            "title": gettext("Dashboard"),
            "opts": self.opts,
            "media": self.media,
            "live_url": f"{self._live_url()}?span={_span(request).id}",
            "refresh_ms": str(REFRESH_MS),
        }
        return self._answer(request, "page", context)

    def show_live(self, request: HttpRequest) -> HttpResponse:
        """Answer with what changes on the page: a piece of HTML."""
        return self._answer(request, "live", self._live_context(request))

    def _live_url(self) -> str:
        return reverse(f"admin:{LIVE}", current_app=self.admin_site.name)

    def _answer(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        # What links of the admin lead to depends on it, in sites with several admins.
        request.current_app = self.admin_site.name
        return TemplateResponse(request, f"admin/iii_triggers/dashboard/{name}.html", context)

    def _live_context(self, request: HttpRequest) -> dict[str, Any]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        span, now = _span(request), timezone.now()
        shown = self._panels(request, span, now)
        is_idle = "invocation" in shown and shown["invocation"].is_idle
        return {
            "panels": shown,
            "problems": [problem for panel in shown.values() for problem in panel.problems],
            "is_day": span is DAY,
            "span": span.id,
            "now": now,
            "hint": first_step(request) if is_idle and "trigger" in shown else None,
        }

    def _panels(self, request: HttpRequest, span: Span, now: datetime) -> dict[str, panels.Panel]:
        """Return what the user may see, by name of the model."""
        shown = {
            str(model._meta.model_name): read()
            for model, read in SHOWN.items()
            if self._may_view(request, model)
        }
        if self._may_view(request, Invocation):
            shown["invocation"] = panels.runs(span, now)
        return shown

    def _may_view(self, request: HttpRequest, model: type[models.Model]) -> bool:
        if not self.admin_site.is_registered(model):
            return False
        return bool(self.admin_site.get_model_admin(model).has_view_permission(request))


def _span(request: HttpRequest) -> Span:
    return DAY if request.GET.get("span") == DAY.id else HOUR
