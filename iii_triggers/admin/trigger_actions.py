"""The actions of the trigger list: enable and disable."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Trigger
from iii_triggers.operations.triggers import change, locked
from iii_triggers.protocol.errors import TriggerRejected

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
        except Trigger.DoesNotExist:
            continue  # somebody deleted it meanwhile
        except TriggerRejected as error:
            modeladmin.message_user(request, f"{trigger}: {rejection(error)}", messages.ERROR)
        else:
            done += 1
    return done


def _switch_one(
    modeladmin: EngineAdmin[Trigger], request: HttpRequest, trigger: Trigger, *, enabled: bool
) -> None:
    is_of_worker = trigger.source == Trigger.Source.WORKER  # which has a message of its own
    if not is_of_worker and not modeladmin.has_change_permission(request, trigger):
        raise TriggerRejected(str(_("You may not change it.")))
    with transaction.atomic():
        values = {"enabled": enabled}
        change(locked(trigger.pk), values, user=request.user, message=gettext("Changed %s."))


def _tell(
    modeladmin: EngineAdmin[Trigger], request: HttpRequest, message: Promise, done: int
) -> None:
    if done:
        modeladmin.message_user(request, str(message % done), messages.SUCCESS)
