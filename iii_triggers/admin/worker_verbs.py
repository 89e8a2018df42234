"""Disconnecting and draining workers, from the list and from the page of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from iii_triggers.models import Worker
from iii_triggers.operations import workers as operations

from .base import EngineAdmin


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What can be done with workers."""

    name: str
    label: str | Promise
    help: str | Promise
    do: Callable[..., None]
    said: Callable[[int], str]
    """Returns what is said when it was done with so many."""

    @property
    def url_name(self) -> str:
        """The name of the address of its button."""
        return f"iii_triggers_worker_{self.name}"


DRAIN = Verb(
    name="drain",
    label=_("Drain"),
    help=_(
        "It gets no new calls, finishes those it has, is disconnected, and connects again by "
        "itself, maybe to another process."
    ),
    do=operations.drain,
    said=lambda count: ngettext(
        "%d worker drains: it is disconnected when it has finished, and connects again by itself.",
        "%d workers drain: they are disconnected when they have finished, and connect again by "
        "themselves.",
        count,
    ),
)
DISCONNECT = Verb(
    name="disconnect",
    label=_("Disconnect"),
    help=_(
        "It connects again by itself, within seconds: to be rid of a worker, stop its process or "
        "revoke its token. What it runs now ends with an error; deliveries are tried again."
    ),
    do=operations.disconnect,
    said=lambda count: ngettext(
        "%d worker is disconnected within a second; it connects again by itself.",
        "%d workers are disconnected within a second; they connect again by themselves.",
        count,
    ),
)
VERBS = (DRAIN, DISCONNECT)


@admin.action(description=_("Drain selected workers"), permissions=["manage"])
def drain_selected(
    modeladmin: EngineAdmin[Worker], request: HttpRequest, queryset: QuerySet[Worker]
) -> None:
    """Drain workers; each comes back by itself."""
    _act(modeladmin, request, queryset, DRAIN)


@admin.action(description=_("Disconnect selected workers"), permissions=["manage"])
def disconnect_selected(
    modeladmin: EngineAdmin[Worker], request: HttpRequest, queryset: QuerySet[Worker]
) -> None:
    """Disconnect workers; each comes back by itself."""
    _act(modeladmin, request, queryset, DISCONNECT)


if TYPE_CHECKING:
    Base = EngineAdmin[Worker]
else:
    Base = object


class WorkerVerbs(Base):
    """Mix-in of the pages of workers: buttons and actions."""

    actions = (drain_selected, disconnect_selected)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Drain and disconnect workers."""
        return request.user.has_perm("iii_triggers.manage_worker")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the buttons."""
        own = [
            path(
                f"<path:pk>/{verb.name}/",
                self.admin_site.admin_view(require_POST(partial(self.act_on_one, verb=verb))),
                name=verb.url_name,
            )
            for verb in VERBS
        ]
        return [*own, *super().get_urls()]

    def act_on_one(self, request: HttpRequest, pk: str, *, verb: Verb) -> HttpResponse:
        """Do it with one worker, as its button says, and go to the list: its page will be gone."""
        if not (self.has_view_permission(request) and self.has_manage_permission(request)):
            raise PermissionDenied
        worker = self.get_object(request, pk)
        if worker is None:
            raise Http404
        _act(self, request, Worker.objects.filter(pk=worker.pk), verb)
        return HttpResponseRedirect(reverse("admin:iii_triggers_worker_changelist"))

    def verbs_context(self, request: HttpRequest, worker: Worker) -> dict[str, Any]:
        """Return what the page of a worker needs for the buttons."""
        if not self.has_manage_permission(request):
            return {}
        urls = {verb: reverse(f"admin:{verb.url_name}", args=[worker.pk]) for verb in VERBS}
        return {"verbs": list(urls.items())}


def _act(
    modeladmin: EngineAdmin[Worker], request: HttpRequest, workers: QuerySet[Worker], verb: Verb
) -> None:
    rows = list(workers)
    for worker in rows:
        verb.do(worker, user=request.user)
    modeladmin.message_user(request, verb.said(len(rows)) % len(rows), messages.SUCCESS)
