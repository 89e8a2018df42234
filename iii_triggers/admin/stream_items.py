"""The admin page of stream items: what is in our own store of streams, to look at and delete."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import StreamItem
from iii_triggers.store.items import stream_items
from iii_triggers.trigger_types.stream.deletions import item_deleted
from iii_triggers.trigger_types.stream.places import Place

from .formatting import cut
from .stored_values import StoredValueAdmin
from .text_filter import TextFilter

MAX_NAME = 30
"""Characters of a name in a list."""
MAX_SUGGESTIONS = 1000
IDENTITY = ("stream_name", "group_id", "item_id")


class StreamFilter(TextFilter):
    """The name of the stream."""

    title = _("stream")
    parameter_name = "stream"
    field_name = "stream_name"

    def suggestions(self) -> Sequence[str]:
        """The first streams there are."""
        return _distinct(self.field_name)


class GroupFilter(TextFilter):
    """The group of the item."""

    title = _("group")
    parameter_name = "group"
    field_name = "group_id"

    def suggestions(self) -> Sequence[str]:
        """The first groups there are."""
        return _distinct(self.field_name)


@admin.register(StreamItem)
class StreamItemAdmin(StoredValueAdmin):
    """Items by stream and group; who deletes one tells clients and triggers."""

    list_display = ("stream", "group", "item", "beginning", "size", "updated_at")
    list_display_links = ("stream", "group", "item")
    list_filter = (StreamFilter, GroupFilter)
    ordering = ("stream_name", "group_id", "id")
    search_fields = IDENTITY
    search_help_text = _("Searches streams, groups and items.")
    fields = (*IDENTITY, "pretty_value", "created_at", "updated_at")
    readonly_fields = ("pretty_value",)

    @admin.display(description=_("stream"), ordering="stream_name")
    def stream(self, item: StreamItem) -> str:
        """How the stream begins."""
        return cut(item.stream_name, length=MAX_NAME)

    @admin.display(description=_("group"), ordering="group_id")
    def group(self, item: StreamItem) -> str:
        """How the group begins."""
        return cut(item.group_id, length=MAX_NAME)

    @admin.display(description=_("item"), ordering="item_id")
    def item(self, item: StreamItem) -> str:
        """How the item begins."""
        return cut(item.item_id, length=MAX_NAME)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Items come from ``stream::set``."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Items are changed with ``stream::set`` and ``stream::update``."""
        return False

    def delete_model(self, request: HttpRequest, obj: StreamItem) -> None:
        """Delete through the store; clients and triggers hear of it after the commit."""
        place = Place(stream_name=obj.stream_name, group_id=obj.group_id, item_id=obj.item_id)
        removed = stream_items.remove(place.group, obj.item_id)
        if removed is not None:
            told = partial(item_deleted, place, removed.old, removed.seq)
            transaction.on_commit(told, robust=True)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[StreamItem]) -> None:
        """Delete one by one."""
        for item in list(queryset):
            self.delete_model(request, item)


def _distinct(field: str) -> list[Any]:
    values = StreamItem.objects.order_by(field).values_list(field, flat=True)
    return list(values.distinct()[:MAX_SUGGESTIONS])
