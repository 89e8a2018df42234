"""The admin page of triggers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Function, Trigger

from .addresses import addresses
from .base import EngineAdmin
from .config_pages import ConfigPages, shown_config
from .cron_pages import CronPages, fire_now
from .fire_pages import FirePages
from .formatting import (
    NOTHING,
    STATE_MEANINGS,
    config_summary,
    cut,
    json_block,
    moment,
    shown_state,
    state_badge,
    with_note,
)
from .links import delivery_links
from .trigger_actions import disable, enable
from .trigger_form import TriggerForm

ALWAYS_READ_ONLY = (
    "state_badge",
    "state_meaning",
    "error",
    "next_fire",
    "provider_namespace",
    "source",
    "owner",
    "created_at",
    "updated_at",
    "pretty_config",
    "pretty_metadata",
)
IDENTITY = ("trigger_id", "namespace")
CONFIG_CLASS = "iii-config"
"""Marks the fieldset that the template replaces by the config part of the form."""
DECLARED = ("trigger_type", "function_id", "config", "metadata")


@admin.register(Trigger)
class TriggerAdmin(ConfigPages, CronPages, FirePages, EngineAdmin[Trigger]):
    """Triggers: the site's own are edited here, those of workers are shown."""

    form = TriggerForm
    list_display = (
        "type_and_config",
        "function",
        "state_and_error",
        "last_day",
        "next_fire",
        "source_and_owner",
        "updated",
    )
    list_display_links = ("type_and_config", "function")
    list_filter = ("trigger_type", "state", "enabled", "source", "namespace")
    list_select_related = ("worker", "created_by")
    search_fields = ("trigger_id", "function_id", "trigger_type", "error")
    search_help_text = _("Searches ids, functions, types, configs and errors.")
    actions = (enable, disable, fire_now)

    class Media:
        css = {"all": ["iii_triggers/config_form.css", "iii_triggers/fire.css"]}
        js = [
            "iii_triggers/config_form.js",
            "iii_triggers/fire_times.js",
            "iii_triggers/fire.js",
        ]

    @admin.display(description=_("trigger type"), ordering="trigger_type")
    def type_and_config(self, trigger: Trigger) -> SafeString:
        """The kind of event source, and which events."""
        return with_note(
            cut(trigger.trigger_type), config_summary(trigger) if trigger.config else ""
        )

    @admin.display(description=_("function"), ordering="function_id")
    def function(self, trigger: Trigger) -> SafeString:
        """What it runs, with the namespace if that is not the usual one."""
        is_usual = trigger.namespace == "default"
        return with_note(cut(trigger.function_id), "" if is_usual else cut(trigger.namespace))

    @admin.display(description=_("state"))
    def state_badge(self, trigger: Trigger) -> SafeString:
        """The state as symbol and word."""
        return state_badge(trigger)

    @admin.display(description=_("what that means"))
    def state_meaning(self, trigger: Trigger) -> str | Promise:
        """The state explained."""
        return STATE_MEANINGS[Trigger.State(shown_state(trigger))]

    @admin.display(description=_("state"), ordering="state")
    def state_and_error(self, trigger: Trigger) -> SafeString:
        """The state, and below it the beginning of the error if there is one."""
        is_rejected = trigger.state == Trigger.State.REJECTED
        return with_note(state_badge(trigger), cut(trigger.error), is_error=is_rejected)

    @admin.display(description=_("next fires at"), ordering="next_fire_at")
    def next_fire(self, trigger: Trigger) -> str:
        """The next slot of a cron trigger."""
        return moment(trigger.next_fire_at)

    @admin.display(description=_("owner"))
    def owner(self, trigger: Trigger) -> str:
        """The worker that owns the trigger, or the person who made it."""
        return str(trigger.worker or trigger.created_by or NOTHING)

    @admin.display(description=_("source"), ordering="source")
    def source_and_owner(self, trigger: Trigger) -> SafeString:
        """Where it comes from, and who owns it."""
        owner = trigger.worker or trigger.created_by
        return with_note(trigger.get_source_display(), cut(str(owner)) if owner else "")

    @admin.display(description=_("updated at"), ordering="updated_at")
    def updated(self, trigger: Trigger) -> str:
        """When it was saved last."""
        return moment(trigger.updated_at)

    @admin.display(description=_("config"))
    def pretty_config(self, trigger: Trigger) -> str:
        """The config, for those who may not edit it."""
        return shown_config(trigger)

    @admin.display(description=_("metadata"))
    def pretty_metadata(self, trigger: Trigger) -> str:
        """The metadata, for those who may not edit it."""
        return json_block(trigger.metadata)

    def get_fieldsets(self, request: HttpRequest, obj: Trigger | None = None) -> Any:
        """Group the fields; JSON that cannot be edited is shown as a block."""
        is_free = obj is None or self._is_free(request, obj)
        shown = () if is_free else ("pretty_config",)
        main = (None, {"fields": ("trigger_type", "function_id", *shown, "enabled")})
        config = (_("Config"), {"fields": ("config",), "classes": (CONFIG_CLASS,)})
        edited = (main, config) if is_free else (main,)
        identity: tuple[str, ...] = IDENTITY
        if obj is not None and obj.provider_namespace:
            identity = (*IDENTITY, "provider_namespace")
        metadata = "metadata" if is_free else "pretty_metadata"
        more = (_("Identity and metadata"), {"fields": (*identity, metadata)})
        if obj is None:
            return (*edited, more)
        slot = ("next_fire",) if obj.next_fire_at is not None else ()
        state = ("state_badge", "state_meaning", "error", *slot)
        origin = ("source", "owner", "created_at", "updated_at")
        return (
            *edited,
            (_("State"), {"fields": state}),
            more,
            (_("Origin"), {"fields": origin}),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Trigger | None = None
    ) -> tuple[str, ...]:
        """The id stays what it is; of a trigger declared in code only ``enabled`` is free."""
        if obj is None:
            return ALWAYS_READ_ONLY
        if self._is_free(request, obj):
            return (*ALWAYS_READ_ONLY, *IDENTITY)
        return (*ALWAYS_READ_ONLY, *IDENTITY, *DECLARED)

    def has_change_permission(self, request: HttpRequest, obj: Trigger | None = None) -> bool:
        """A worker's trigger belongs to the worker."""
        is_ours = getattr(obj, "source", None) != Trigger.Source.WORKER
        return is_ours and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Trigger | None = None) -> bool:
        """A worker's trigger goes with the worker; one in code would come back."""
        kept = (Trigger.Source.WORKER, Trigger.Source.CODE)
        is_free = getattr(obj, "source", None) not in kept
        return is_free and super().has_delete_permission(request, obj)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Trigger | None:
        """Return the row of a page, locked as long as somebody saves or deletes it."""
        trigger = super().get_object(request, object_id, from_field)
        if trigger is None or request.method != "POST" or not connection.in_atomic_block:
            return trigger
        return Trigger.objects.select_for_update().filter(pk=trigger.pk).first()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Trigger], search_term: str
    ) -> tuple[QuerySet[Trigger], bool]:
        """Search the text of the config as well."""
        if search_term:
            queryset = queryset.annotate(config_text=Cast("config", TextField()))
        return super().get_search_results(request, queryset, search_term)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Name the text of the config too, which only exists while searching."""
        return (*self.search_fields, "config_text")

    def save_model(
        self,
        request: HttpRequest,
        obj: Trigger,
        form: forms.ModelForm[Trigger],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Save what was edited and nothing else: the engine may be writing the state."""
        if "enabled" in form.changed_data or not change:
            obj.state = Trigger.State.PARKED if obj.enabled else Trigger.State.DISABLED
            obj.error = ""
        if change:
            obj.save(update_fields={*form.changed_data, "state", "error", "updated_at"})
        else:
            obj.source = Trigger.Source.ADMIN
            obj.created_by_id = request.user.pk
            obj.save()
        self._mention_missing_function(request, obj)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add where the trigger answers, how to edit its config, and links to its deliveries."""
        trigger: Trigger | None = kwargs.get("obj")
        context["addresses"] = addresses(trigger, request) if trigger and trigger.enabled else []
        context["delivery_links"] = delivery_links(trigger) if trigger else {}
        context |= self.config_context(trigger) | self.cron_context(request, trigger)
        context |= self.fire_context(request, trigger)
        return super().render_change_form(request, context, *args, **kwargs)

    def _is_free(self, request: HttpRequest, obj: Trigger) -> bool:
        is_declared = obj.source == Trigger.Source.CODE
        return not is_declared and self.has_change_permission(request, obj)

    def _mention_missing_function(self, request: HttpRequest, obj: Trigger) -> None:
        live = Function.objects.filter(function_id=obj.function_id, namespace=obj.namespace)
        if obj.enabled and not live.exists():
            message = _(
                "No worker offers the function “%(function_id)s” now. The trigger can run it as "
                "soon as one does."
            )
            self.message_user(
                request, str(message % {"function_id": obj.function_id}), messages.WARNING
            )
