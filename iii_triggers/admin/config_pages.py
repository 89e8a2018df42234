"""Pieces of the page of a trigger that a browser asks for while somebody edits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from iii_triggers.models import Trigger

from .base import EngineAdmin
from .config_help import Place
from .config_part import shown_otherwise, subject_of
from .formatting import NOTHING, cut, pretty_json
from .function_field import FunctionInput, found
from .schema_form import facts

if TYPE_CHECKING:
    Base = EngineAdmin[Trigger]
else:
    Base = object

ADD = "iii_triggers_trigger_config_add"
CHANGE = "iii_triggers_trigger_config_change"
FUNCTIONS = "iii_triggers_trigger_functions"
MAX_JSON = 20_000


class ConfigPages(Base):
    """Mix-in of the trigger admin."""

    def get_urls(self) -> list[URLPattern]:
        """Add the part with the config, and the completion of functions."""
        part = self.admin_site.admin_view(require_POST(self.show_config))
        functions = self.admin_site.admin_view(require_GET(self.find_functions))
        return [
            path("config/", part, name=ADD),
            path("<int:pk>/config/", part, name=CHANGE),
            path("functions/", functions, name=FUNCTIONS),
            *super().get_urls(),
        ]

    def show_config(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Answer a trigger form with the part of the page that shows its config as it asks.

        Nothing is saved.
        """
        part = shown_otherwise(subject_of(self._place(request, pk)), request.POST)
        template = "admin/iii_triggers/trigger/config_part.html"
        return TemplateResponse(request, template, {"part": part})

    def find_functions(self, request: HttpRequest) -> HttpResponse:
        """Answer what was typed with the functions that it may be the beginning of."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        listed = [
            {"id": suggestion.function_id, "note": suggestion.note}
            for suggestion in found(request.GET.get("q", ""))
        ]
        return JsonResponse({"functions": listed})

    def config_context(self, trigger: Trigger | None) -> dict[str, Any]:
        """Return what the template of the page needs."""
        name, args = (ADD, []) if trigger is None else (CHANGE, [trigger.pk])
        return {"config_url": reverse(f"admin:{name}", args=args)}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Tell the field for the function where to ask for completions."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, FunctionInput):
            field.widget.url = reverse(f"admin:{FUNCTIONS}")
        return field

    def _place(self, request: HttpRequest, pk: int | None) -> Place:
        """Return where the type of the form is. Raise Http404 or PermissionDenied."""
        type_id = request.POST.get("trigger_type", "")
        if pk is None:
            if not self.has_add_permission(request):
                raise PermissionDenied
            return Place(type_id=type_id, namespace=request.POST.get("namespace") or "default")
        trigger = self.get_object(request, str(pk))
        if trigger is None:
            raise Http404
        if not self.has_change_permission(request, trigger):
            raise PermissionDenied
        return place_of(trigger, type_id)


def place_of(trigger: Trigger, type_id: str) -> Place:
    """Return where a type of a saved trigger is looked for."""
    return Place(
        type_id=type_id,
        namespace=trigger.namespace,
        provider_namespace=trigger.provider_namespace,
    )


def shown_config(trigger: Trigger) -> str | SafeString:
    """Return the config for those who may not edit it: by the titles of its schema, and as JSON."""
    if trigger.config is None:
        return NOTHING
    plan = subject_of(place_of(trigger, trigger.trigger_type)).plan
    context = {
        "facts": facts(plan, trigger.config) if plan is not None else [],
        "json": cut(pretty_json(trigger.config), length=MAX_JSON),
    }
    return render_to_string("admin/iii_triggers/trigger/config_shown.html", context)
