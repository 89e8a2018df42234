"""The actions of the trigger list: enable and disable."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from iii_triggers.models import Trigger
from iii_triggers.protocol.errors import TriggerRejected
from iii_triggers.trigger_types.validation import validate_trigger

from .base import EngineAdmin
from .trigger_form import rejection


@admin.action(description=_("Enable selected triggers"), permissions=["change"])
def enable(
    modeladmin: EngineAdmin[Trigger], request: HttpRequest, queryset: QuerySet[Trigger]
) -> None:
    """Enable triggers, one after the other; one that is rejected stays as it is."""
    done = _switch(modeladmin, request, queryset, enabled=True)
    message = ngettext_lazy("%d trigger was enabled.", "%d triggers were enabled.", done)
    _tell(modeladmin, request, message, done)


@admin.action(description=_("Disable selected triggers"), permissions=["change"])
def disable(
    modeladmin: EngineAdmin[Trigger], request: HttpRequest, queryset: QuerySet[Trigger]
) -> None:
    """Disable triggers, one after the other."""
    done = _switch(modeladmin, request, queryset, enabled=False)
    message = ngettext_lazy("%d trigger was disabled.", "%d triggers were disabled.", done)
    _tell(modeladmin, request, message, done)


def set_enabled(trigger: Trigger, *, enabled: bool) -> None:
    """Switch a trigger on or off and save just that, so that the engine hears of it.

    The engine sets the state again as soon as it has done its part.
    """
    trigger.enabled = enabled
    trigger.state = Trigger.State.PARKED if enabled else Trigger.State.DISABLED
    trigger.error = ""
    trigger.save(update_fields=["enabled", "state", "error", "updated_at"])


def _switch(
    modeladmin: EngineAdmin[Trigger],
    request: HttpRequest,
    queryset: QuerySet[Trigger],
    *,
    enabled: bool,
) -> int:
    done = 0
    for trigger in queryset.exclude(enabled=enabled):
        try:
            _switch_one(modeladmin, request, trigger, enabled=enabled)
        except TriggerRejected as error:
            modeladmin.message_user(request, f"{trigger}: {rejection(error)}", messages.ERROR)
        else:
            done += 1
    return done


def _switch_one(
    modeladmin: EngineAdmin[Trigger], request: HttpRequest, trigger: Trigger, *, enabled: bool
) -> None:
    if trigger.source == Trigger.Source.WORKER:
        raise TriggerRejected(str(_("It belongs to its worker and cannot be changed here.")))
    if not modeladmin.has_change_permission(request, trigger):
        raise TriggerRejected(str(_("You may not change it.")))
    if enabled:
        validate_trigger(
            trigger_type=trigger.trigger_type,
            namespace=trigger.namespace,
            config=trigger.config,
            trigger_id=trigger.trigger_id,
            exclude_pk=trigger.pk,
        )
    with transaction.atomic():
        set_enabled(trigger, enabled=enabled)
        modeladmin.log_change(request, trigger, [{"changed": {"fields": [str(_("enabled"))]}}])


def _tell(
    modeladmin: EngineAdmin[Trigger], request: HttpRequest, message: Promise, done: int
) -> None:
    if done:
        modeladmin.message_user(request, str(message % done), messages.SUCCESS)
