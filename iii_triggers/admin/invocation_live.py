"""The part of the page of a run that changes while it runs."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET

from iii_triggers.models import Invocation

from .invocation_attempts import MAX_ATTEMPTS, attempts_of
from .invocation_permissions import RunPermissions
from .invocation_texts import run_badge, took
from .links import run_list_url

TEMPLATE = "admin/iii_triggers/invocation/live.html"


class LivePages(RunPermissions):
    """Mix-in of the admin of runs: how a run stands, and the attempts before and after it."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address that the page asks again and again."""
        view = self.admin_site.admin_view(require_GET(self.live_view))
        url = path("<uuid:pk>/live/", view, name="iii_triggers_invocation_live")
        return [url, *super().get_urls()]

    def live_context(self, run: Invocation) -> dict[str, Any]:
        """Return what ``live.html`` needs."""
        attempts = attempts_of(run)
        all_attempts = run_list_url(delivery=str(run.delivery_id))
        return {
            "is_running": run.status == Invocation.Status.RUNNING,
            "run_badge": run_badge(run),
            "run_took": took(run),
            "live_url": reverse("admin:iii_triggers_invocation_live", args=[run.pk]),
            "attempts": attempts,
            "all_attempts_url": all_attempts if len(attempts) == MAX_ATTEMPTS else "",
        }

    def live_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Answer with that part alone."""
        run = self.visible_run(request, pk)
        return TemplateResponse(request, TEMPLATE, self.live_context(run))
