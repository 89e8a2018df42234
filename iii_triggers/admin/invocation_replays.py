"""Running one run again from its page, as it was or with another input."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from iii_triggers.models import Invocation
from iii_triggers.operations.audit import log_action
from iii_triggers.operations.inputs import NotReplayable, sources_of
from iii_triggers.operations.replay import replay, replay_edited
from iii_triggers.operations.runs import RunResult
from iii_triggers.protocol.errors import IiiError

from .fire_pages import FireForm
from .invocation_permissions import RunPermissions
from .stored_json import MAX_EDITABLE

WAIT_S = 2.0
"""So long the next page is held back; it tells by itself when a run ends that takes longer."""
EDIT_TEMPLATE = "admin/iii_triggers/invocation/edit.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What the text area begins with, and why that is not the whole input, if it is not."""

    value: Any = None
    note: str = ""


class ReplayPages(RunPermissions):
    """Mix-in of the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        """Add the two ways to run one again. No transaction is open while they wait for it."""
        views = {
            "replay": require_POST(self.replay_view),
            "edit": require_http_methods(["GET", "HEAD", "POST"])(self.edit_view),
        }
        return [*(self._url(name, view) for name, view in views.items()), *super().get_urls()]

    def replay_context(self, request: HttpRequest, run: Invocation) -> dict[str, Any]:
        """Return what ``replay_buttons.html`` needs: addresses, "" for what one may not do."""
        if not self.has_replay_permission(request):
            return {}
        may_edit = self.has_payload_permission(request)
        return {"replay_url": _part(run, "replay"), "edit_url": _part(run, "edit") * may_edit}

    def replay_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Run it again, and lead to the new run."""
        run = self._replayable(request, pk)
        log_action(request.user, run, gettext("Replayed."))
        try:
            result = replay(run, wait_s=WAIT_S)
        except IiiError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(_part(run, "change"))
        return self._lead_to(request, run, result)

    def edit_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the input to be edited; run it again with what was made of that. 400 if no JSON."""
        run = self._replayable(request, pk)
        if not self.has_payload_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            beginning = _beginning(run)
            form = FireForm(initial={"payload": beginning.value})
            return self._edit_page(request, run, form, note=beginning.note)
        form = FireForm(request.POST)
        if form.is_valid():
            log_action(request.user, run, gettext("Replayed with an edited input."))
            try:
                result = replay_edited(run, form.cleaned_data["payload"], wait_s=WAIT_S)
            except IiiError as error:
                form.add_error("payload", error.message)
            else:
                return self._lead_to(request, run, result)
        return self._edit_page(request, run, form, status=400)

    def _edit_page(
        self,
        request: HttpRequest,
        run: Invocation,
        form: FireForm,
        *,
        note: str = "",
        status: int = 200,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Edit and replay"),
            "subtitle": str(run),
            "opts": self.opts,
            "run": run,
            "run_url": _part(run, "change"),
            "form": form,
            "note": note,
            "media": self.media,
        }
        return TemplateResponse(request, EDIT_TEMPLATE, context, status=status)

    def _replayable(self, request: HttpRequest, pk: uuid.UUID) -> Invocation:
        run = self.visible_run(request, pk)
        if not self.has_replay_permission(request):
            raise PermissionDenied
        return run

    def _lead_to(self, request: HttpRequest, run: Invocation, result: RunResult) -> HttpResponse:
        """Lead to the new run; back to the old one if the history does not keep the new."""
        if Invocation.objects.filter(pk=result.run_id).exists():
            self.message_user(
                request, gettext("It was run again; this is the new run."), messages.SUCCESS
            )
            return HttpResponseRedirect(_part_of(result.run_id, "change"))
        text = gettext("It was run again: %s. The history does not keep that run.")
        self.message_user(request, text % _outcome(result), messages.WARNING)
        return HttpResponseRedirect(_part(run, "change"))

    def _url(self, name: str, view: Callable[..., HttpResponse]) -> URLPattern:
        view = self.admin_site.admin_view(transaction.non_atomic_requests(view))
        return path(f"<uuid:pk>/{name}/", view, name=f"iii_triggers_invocation_{name}")


def _beginning(run: Invocation) -> Beginning:
    (source,) = sources_of([run])
    try:
        text, note = source.input().json().decode(), ""
    except NotReplayable as error:
        # What was kept of it helps whoever knows the rest.
        text, note = source.payload.input if source.payload else "", error.message
    if len(text) > MAX_EDITABLE:
        return Beginning(note=gettext("Its input is too long to be edited here."))
    # Text that is no JSON, because its end is missing, is shown as it is.
    value = FireForm.base_fields["payload"].bound_data(text, None)
    return Beginning(value=value, note=note)


def _outcome(result: RunResult) -> str:
    label = str(Invocation.Status(result.status).label)
    return f"{label} ({result.error_code}: {result.error})" if result.error_code else label


def _part(run: Invocation, name: str) -> str:
    return _part_of(str(run.pk), name)


def _part_of(run_id: str, name: str) -> str:
    return reverse(f"admin:iii_triggers_invocation_{name}", args=[run_id])
