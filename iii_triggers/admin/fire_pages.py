"""What the page of a trigger has for trying it, and for what it did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from iii_triggers.delivery.create import check_size
from iii_triggers.engine.history.traffic import TriggerCounts, counts_of_triggers
from iii_triggers.models import Trigger
from iii_triggers.operations.audit import log_action
from iii_triggers.operations.firing import fire, sample_payload
from iii_triggers.protocol.codec import to_json
from iii_triggers.protocol.errors import PayloadTooLarge

from .attached import AttachingList
from .base import EngineAdmin
from .formatting import with_note
from .json_fields import JSONTextField
from .links import count_link, run_list_url
from .run_answers import WAIT_S, Answer, answer_to

if TYPE_CHECKING:
    Base = EngineAdmin[Trigger]
else:
    Base = object

TEST_FIRE = "iii_triggers_trigger_test_fire"
PAGE = "admin/iii_triggers/trigger/test_fire.html"
PIECE = "admin/iii_triggers/trigger/firing_form.html"
PIECE_HEADER = "X-Iii-Piece"
"""Tells that a script wants a piece of a page, and that an answer is one."""

LAST_DAY = {"started": "day"}
"""The filter of the runs that are counted."""


class FireForm(forms.Form):
    """A payload to try a trigger with."""

    payload = JSONTextField(
        label=_("Payload"),
        required=False,
        help_text=_("JSON: what the function gets as its input."),
    )

    def clean_payload(self) -> Any:
        """Refuse what is too long to be sent."""
        payload = self.cleaned_data["payload"]
        try:
            check_size(to_json(payload))
        except PayloadTooLarge as error:
            raise ValidationError(error.message, code="too_large") from error
        return payload


def may_fire(request: HttpRequest) -> bool:
    """Tell whether somebody may fire triggers by hand."""
    return request.user.has_perm("iii_triggers.fire_trigger")


class FirePages(Base):
    """Mix-in of the trigger admin."""

    def has_fire_permission(self, request: HttpRequest) -> bool:
        """Tell whether somebody may fire the triggers that they see."""
        return may_fire(request) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the test fire. No transaction is open while it waits for the function."""
        view = transaction.non_atomic_requests(require_POST(self.test_fire))
        url = path("<int:pk>/test-fire/", self.admin_site.admin_view(view), name=TEST_FIRE)
        return [url, *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Show the list with what its triggers did."""
        return AttachingList

    def attach(self, triggers: Sequence[Any]) -> None:
        """Read what the triggers of a page did in the last 24 hours."""
        counts = counts_of_triggers(triggers)
        for trigger in triggers:
            trigger.counts = counts[trigger.pk]

    @admin.display(description=_("runs (24 h)"))
    def last_day(self, trigger: Trigger) -> SafeString:
        """How many runs ended, and how many of them failed."""
        counts: TriggerCounts = getattr(trigger, "counts", TriggerCounts())
        total = count_link(counts.succeeded + counts.failed, _runs_url(trigger, **LAST_DAY))
        failed = ngettext("%d failed", "%d failed", counts.failed) % counts.failed
        return with_note(total, failed if counts.failed else "", is_error=True)

    def test_fire(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Fire one trigger, whoever owns it, with the payload that was sent, and show the answer.

        A script gets a piece of a page. 400 for what is no payload.
        """
        if not self.has_fire_permission(request):
            raise PermissionDenied
        trigger = self.get_object(request, str(pk))
        if trigger is None:
            return HttpResponseRedirect(reverse("admin:iii_triggers_trigger_changelist"))
        form = FireForm(request.POST)
        answer = _fired(request, trigger, form) if form.is_valid() else None
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Test fire"),
            "subtitle": str(trigger),
            "opts": self.opts,
            "original": trigger,
            **_form_context(trigger, form, answer),
        }
        is_piece = PIECE_HEADER in request.headers
        template = PIECE if is_piece else PAGE
        status = 400 if answer is None else 200
        headers = {PIECE_HEADER: "1"} if is_piece else {}
        return TemplateResponse(request, template, context, status=status, headers=headers)

    def fire_context(self, request: HttpRequest, trigger: Trigger | None) -> dict[str, Any]:
        """Return what ``firing.html`` and ``activity.html`` need; no trigger on the page to add."""
        if trigger is None or trigger.pk is None:
            return {}
        context = {
            "counts": counts_of_triggers([trigger])[trigger.pk],
            "runs_url": _runs_url(trigger),
            "failed_runs_url": _runs_url(trigger, **LAST_DAY, status="failed"),
        }
        if not self.has_fire_permission(request):
            return context
        may_view = request.user.has_perm("iii_triggers.view_payload")
        sample = json.loads(sample_payload(trigger, from_history=may_view))
        return {**context, **_form_context(trigger, FireForm(initial={"payload": sample}), None)}


def _fired(request: HttpRequest, trigger: Trigger, form: FireForm) -> Answer:
    # Before it runs: whatever dies then, it is known who did it.
    log_action(request.user, trigger, gettext("Fired by hand, with a payload."))
    return answer_to(request, partial(fire, trigger, form.cleaned_data["payload"], wait_s=WAIT_S))


def _form_context(trigger: Trigger, form: FireForm, answer: Answer | None) -> dict[str, Any]:
    url = reverse(f"admin:{TEST_FIRE}", args=[trigger.pk])
    return {"test_fire_url": url, "fire_form": form, "answer": answer}


def _runs_url(trigger: Trigger, **filters: str) -> str:
    return run_list_url(trigger=trigger.trigger_id, **filters)
