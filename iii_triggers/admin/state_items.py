"""The admin page of the state: values that functions keep, of the key-value server too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from iii_triggers.conf import settings
from iii_triggers.models import StateItem
from iii_triggers.store.changes import StateChange
from iii_triggers.store.items import ItemStore, ValueTooLarge, kv_items, state_items
from iii_triggers.store.keys import InvalidKey, check_group, check_key
from iii_triggers.trigger_types.state import state_changed

from .formatting import cut, moment, with_note
from .stored_json import StoredValueForm, is_editable
from .stored_values import BEGINNING, StoredValueAdmin
from .text_filter import TextFilter

MAX_SUGGESTIONS = 1000
IDENTITY = ("store", "scope", "key")


class ScopeFilter(TextFilter):
    """The scope, which the key-value server calls index."""

    title = _("scope")
    parameter_name = "scope"
    field_name = "scope"

    def suggestions(self) -> Sequence[str]:
        """The first scopes there are."""
        names = StateItem.objects.order_by("scope").values_list("scope", flat=True)
        return list(names.distinct()[:MAX_SUGGESTIONS])


class StateItemForm(StoredValueForm):
    """A value and, for a new one, where it stands."""

    class Meta:
        model = StateItem
        fields = ["store", "scope", "key"]

    def clean_scope(self) -> str:
        """Refuse what no scope can be called."""
        scope: str = self.cleaned_data["scope"]
        _as_form_error(lambda: check_group((scope,)))
        return scope

    def clean_key(self) -> str:
        """Refuse what no key can be called."""
        key: str = self.cleaned_data["key"]
        _as_form_error(lambda: check_key(key))
        return key

    def clean_value(self) -> str:
        """Refuse what is too large to be kept."""
        value: str = self.cleaned_data["value"]
        size = len(value.encode())
        if size > settings.III_STATE_MAX_VALUE_BYTES:
            error = ValueTooLarge.of(size, settings.III_STATE_MAX_VALUE_BYTES)
            raise forms.ValidationError(error.message)
        return value


@admin.register(StateItem)
class StateItemAdmin(StoredValueAdmin):
    """Values by scope and key; an edit fires ``state`` triggers as every other change does."""

    form = StateItemForm
    list_display = ("short_scope", "short_key", "beginning", "size", "changed")
    list_display_links = ("short_scope", "short_key")
    list_filter = ("store", ScopeFilter)
    ordering = IDENTITY
    search_fields = ("scope", "key")
    search_help_text = _("Searches scopes and keys.")

    @admin.display(description=_("scope"), ordering="scope")
    def short_scope(self, item: StateItem) -> SafeString:
        """How the scope begins, and below it whose it is if that is not the state."""
        is_state = item.store == StateItem.Store.STATE
        note = "" if is_state else item.get_store_display()
        return with_note(cut(item.scope, length=BEGINNING), note)

    @admin.display(description=_("key"), ordering="key")
    def short_key(self, item: StateItem) -> str:
        """How the key begins."""
        return cut(item.key, length=BEGINNING)

    @admin.display(description=_("updated at"), ordering="updated_at")
    def changed(self, item: StateItem) -> str:
        """When the value was last set."""
        return moment(item.updated_at)

    def get_fields(self, request: HttpRequest, obj: StateItem | None = None) -> tuple[str, ...]:
        """The value is a text area for those who may edit it, and a block for others."""
        if obj is None:
            return (*IDENTITY, "value")
        times = ("created_at", "updated_at")
        if is_editable(obj) and self.has_change_permission(request, obj):
            return (*IDENTITY, "value", "seen", *times)
        return (*IDENTITY, "pretty_value", *times)

    def get_readonly_fields(
        self, request: HttpRequest, obj: StateItem | None = None
    ) -> tuple[str, ...]:
        """An item stays what it is; only its value changes."""
        always = ("pretty_value", "created_at", "updated_at")
        return always if obj is None else (*IDENTITY, *always)

    def save_model(
        self,
        request: HttpRequest,
        obj: StateItem,
        form: forms.ModelForm[StateItem],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Write through the store, so that triggers hear of it."""
        if change and "value" not in form.changed_data:
            return
        written = _store_of(obj).set((obj.scope,), obj.key, obj.value.encode())
        row = StateItem.objects.get(store=obj.store, scope=obj.scope, key=obj.key)
        obj.__dict__.update(row.__dict__)
        _tell(obj, written.old, written.new)

    def delete_model(self, request: HttpRequest, obj: StateItem) -> None:
        """Delete through the store, so that triggers hear of it."""
        _tell(obj, _store_of(obj).delete((obj.scope,), obj.key), None)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[StateItem]) -> None:
        """Delete one by one."""
        for item in list(queryset):
            self.delete_model(request, item)


def _store_of(item: StateItem) -> ItemStore:
    return state_items if item.store == StateItem.Store.STATE else kv_items


def _tell(item: StateItem, old: bytes | None, new: bytes | None) -> None:
    """Fire ``state`` triggers once the change is committed; the key-value server has none."""
    if item.store == StateItem.Store.STATE:
        change = StateChange(scope=item.scope, key=item.key, old=old, new=new)
        transaction.on_commit(partial(state_changed, change), robust=True)


def _as_form_error(check: Any) -> None:
    try:
        check()
    except InvalidKey as error:
        raise forms.ValidationError(error.message) from error
