"""What the admin pages of the app have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponseRedirect

from .json_fields import JSONTextField

__all__ = ["EngineAdmin", "ModelForm", "ReadOnly", "SecretFields"]

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as EngineAdmin
    from django.forms import ModelForm
else:

    class EngineAdmin(admin.ModelAdmin):
        """An admin page of the app; the model may be named in brackets, for type checkers."""

        show_full_result_count = False
        formfield_overrides = {models.JSONField: {"form_class": JSONTextField}}

        class Media:
            css = {"all": ["iii_triggers/admin.css"]}

        def __class_getitem__(cls, _model: Any) -> type:
            return cls

        def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
            """Show the list; PostgreSQL fails when it is asked for a NUL character."""
            if any("\0" in text for texts in request.GET.lists() for text in texts[1]):
                return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
            return super().changelist_view(request, extra_context)

        def response_action(self, request: HttpRequest, queryset: Any) -> Any:
            """Carry out an action, but not on a selection that no page offers."""
            try:
                selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
                is_possible = all(self.opts.pk.to_python(pk) is not None for pk in selected)
            except ValidationError:
                is_possible = False
            if not is_possible or any("\0" in pk for pk in selected):
                return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
            return super().response_action(request, queryset)

        def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
            """Return the row of a page, None if there is none."""
            return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    class ModelForm(forms.ModelForm):
        """A form of a model, which may be named in brackets, for type checkers."""

        def __class_getitem__(cls, _model: Any) -> type:
            return cls


class ReadOnly:
    """Mix-in for rows that the engine writes and people only look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Live rows come from workers and processes."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nobody edits a live row."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """A live row goes by itself."""
        return False


class SecretFields:
    """Mix-in for rows with fields that a crafted address of the list must not tell about."""

    secret_fields: tuple[str, ...] = ()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse lookups such as ``?payload__contains=…``, which the admin would allow."""
        if lookup.split("__")[0] in self.secret_fields:
            return False
        allowed: Any = super()
        return bool(allowed.lookup_allowed(lookup, value, request))
