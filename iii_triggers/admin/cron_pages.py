"""What the page of a trigger has for cron: its next fire times, and a button that fires it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from iii_triggers.models import Trigger
from iii_triggers.operations.audit import log_action
from iii_triggers.protocol.errors import TriggerRejected
from iii_triggers.trigger_types.cron import firing
from iii_triggers.trigger_types.cron.rows import TYPE_ID

from .base import EngineAdmin
from .fire_pages import may_fire
from .fire_times import fire_times_of, previewed
from .trigger_form import rejection

if TYPE_CHECKING:
    Base = EngineAdmin[Trigger]
else:
    Base = object

FIRE = "iii_triggers_trigger_fire"
PREVIEW = "iii_triggers_trigger_fire_times"
MAX_TOLD = 20
"""Triggers that are told of one by one after an action; a list may have thousands."""


@admin.action(description=_("Fire selected cron triggers now"), permissions=["fire"])
def fire_now(
    modeladmin: EngineAdmin[Trigger], request: HttpRequest, queryset: QuerySet[Trigger]
) -> None:
    """Fire triggers beside their schedules, one after the other."""
    outcomes = [fire(request, trigger) for trigger in queryset]
    for level, text in outcomes[:MAX_TOLD]:
        modeladmin.message_user(request, text, level)
    rest = Counter(level for level, _text in outcomes[MAX_TOLD:])
    if rest:
        text = gettext("%(fired)d more were fired, %(refused)d more could not be.")
        numbers = {"fired": rest[messages.SUCCESS], "refused": rest[messages.ERROR]}
        modeladmin.message_user(request, text % numbers, messages.WARNING)


def fire(request: HttpRequest, trigger: Trigger) -> tuple[int, str]:
    """Fire a trigger and log that; return where to see what becomes of it, or why not."""
    try:
        with transaction.atomic():
            delivery_id = _fire(trigger)
            log_action(request.user, trigger, gettext("Fired by hand."))
    except TriggerRejected as error:
        return messages.ERROR, f"{trigger}: {rejection(error)}"
    return messages.SUCCESS, _told(trigger, delivery_id)


def _fire(trigger: Trigger) -> str:
    if trigger.trigger_type != TYPE_ID:
        raise TriggerRejected(
            gettext("Only cron triggers have a schedule: try this one on its page.")
        )
    return str(firing.fire_now(trigger))


def _told(trigger: Trigger, delivery_id: str) -> SafeString:
    url = reverse("admin:iii_triggers_delivery_change", args=[delivery_id])
    text = gettext("%s was fired:") % trigger
    return format_html('{} <a href="{}">{}</a>', text, url, gettext("see the delivery"))


class CronPages(Base):
    """Mix-in of the trigger admin."""

    def get_urls(self) -> list[URLPattern]:
        """Add the preview of fire times, and firing by hand."""
        preview = self.admin_site.admin_view(require_POST(self.preview_fire_times))
        by_hand = self.admin_site.admin_view(require_POST(self.fire_by_hand))
        return [
            path("fire-times/", preview, name=PREVIEW),
            path("<int:pk>/fire/", by_hand, name=FIRE),
            *super().get_urls(),
        ]

    def preview_fire_times(self, request: HttpRequest) -> HttpResponse:
        """Answer the fields of a trigger form with its next fire times: a piece of a page.

        For other trigger types it is empty.
        """
        if not (self.has_view_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        context = {"fire_times": previewed(request.POST)}
        template = "admin/iii_triggers/trigger/fire_times.html"
        return TemplateResponse(request, template, context)

    def fire_by_hand(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Fire one trigger, whoever owns it, and go back to its page."""
        if not (may_fire(request) and self.has_view_permission(request)):
            raise PermissionDenied
        trigger = self.get_object(request, str(pk))
        if trigger is None:
            return HttpResponseRedirect(reverse("admin:iii_triggers_trigger_changelist"))
        level, text = fire(request, trigger)
        self.message_user(request, text, level)
        return HttpResponseRedirect(reverse("admin:iii_triggers_trigger_change", args=[pk]))

    def cron_context(self, request: HttpRequest, trigger: Trigger | None) -> dict[str, Any]:
        """Return what the template of the page needs."""
        shown = previewed(request.POST) if request.method == "POST" else None
        if shown is None and trigger is not None:
            shown = fire_times_of(trigger)
        context = {"fire_times": shown, "fire_times_url": reverse(f"admin:{PREVIEW}")}
        is_cron = trigger is not None and trigger.trigger_type == TYPE_ID
        if trigger is not None and is_cron and may_fire(request):
            context["fire_url"] = reverse(f"admin:{FIRE}", args=[trigger.pk])
        return context
