"""Pages of rows with a ``value`` of any size: a list shows how it begins, and how long it is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.db.models.functions import Left, Length
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .base import EngineAdmin
from .formatting import cut
from .stored_json import value_block

BEGINNING = 60
"""Characters of a value, and of a key, in a list."""


class StoredValueAdmin(EngineAdmin[Any]):
    """The columns and the block of the value."""

    @admin.display(description=_("value"))
    def beginning(self, item: Any) -> str:
        """How the value begins."""
        return cut(item.value_begins, length=BEGINNING)

    @admin.display(description=_("size"), ordering="value_length")
    def size(self, item: Any) -> str:
        """How long the value is."""
        return filesizeformat(item.value_length)

    @admin.display(description=_("value"))
    def pretty_value(self, item: Any) -> SafeString:
        """The value as JSON, for those who may not edit it; a long one is cut."""
        return value_block(item)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave values of any size where they are; their beginning does for a list."""
        queryset: QuerySet[Any] = super().get_queryset(request).defer("value")
        shown: QuerySet[Any] = queryset.annotate(
            value_begins=Left(F("value"), BEGINNING + 1), value_length=Length(F("value"))
        )
        return shown
