"""Disconnecting workers, from the list and from the page of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from iii_triggers.models import Worker
from iii_triggers.operations.workers import disconnect

from .base import EngineAdmin

HELP = _(
    "It connects again by itself, within seconds: to be rid of a worker, stop its process or "
    "revoke its token. What it runs now ends with an error; deliveries are tried again."
)


@admin.action(description=_("Disconnect selected workers"), permissions=["manage"])
def disconnect_selected(
    modeladmin: EngineAdmin[Worker], request: HttpRequest, queryset: QuerySet[Worker]
) -> None:
    """Disconnect workers; each comes back by itself."""
    _disconnect(modeladmin, request, queryset)


if TYPE_CHECKING:
    Base = EngineAdmin[Worker]
else:
    Base = object


class Disconnecting(Base):
    """Mix-in of the pages of workers: a button and an action."""

    actions = (disconnect_selected,)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Disconnect workers."""
        return request.user.has_perm("iii_triggers.manage_worker")

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the button."""
        view = self.admin_site.admin_view(require_POST(self.disconnect_one))
        own = path("<path:pk>/disconnect/", view, name="iii_triggers_worker_disconnect")
        return [own, *super().get_urls()]

    def disconnect_one(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Disconnect one worker, as its button does, and go to the list: its page will be gone."""
        if not (self.has_view_permission(request) and self.has_manage_permission(request)):
            raise PermissionDenied
        worker = self.get_object(request, pk)
        if worker is None:
            raise Http404
        _disconnect(self, request, Worker.objects.filter(pk=worker.pk))
        return HttpResponseRedirect(reverse("admin:iii_triggers_worker_changelist"))

    def disconnect_context(self, request: HttpRequest, worker: Worker) -> dict[str, Any]:
        """Return what the page of a worker needs for the button."""
        if not self.has_manage_permission(request):
            return {}
        url = reverse("admin:iii_triggers_worker_disconnect", args=[worker.pk])
        return {"disconnect_url": url, "disconnect_help": HELP}


def _disconnect(
    modeladmin: EngineAdmin[Worker], request: HttpRequest, workers: QuerySet[Worker]
) -> None:
    rows = list(workers)
    for worker in rows:
        disconnect(worker, user=request.user)
    message = ngettext(
        "%d worker is disconnected within a second; it connects again by itself.",
        "%d workers are disconnected within a second; they connect again by themselves.",
        len(rows),
    )
    modeladmin.message_user(request, message % len(rows), messages.SUCCESS)
