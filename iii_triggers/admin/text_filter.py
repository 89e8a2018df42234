"""A filter of a list that is typed: for columns with more values than a list of links can show."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from iii_triggers.operations.bounded_scan import Index


class TextFilter(admin.SimpleListFilter):
    """Shows the rows whose ``field_name`` is the text, to the letter."""

    template = "admin/iii_triggers/text_filter.html"
    field_name = ""
    index = Index.NONE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """There is no list to choose from."""
        return []

    def has_output(self) -> bool:
        """There is an input all the same."""
        return True

    def suggestions(self) -> Sequence[str]:
        """Return texts that the input completes to."""
        return ()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Compare for equality, which indexes can do."""
        text = self.text()
        return queryset.filter(**{self.field_name: text}) if text else queryset

    def text(self) -> str:
        """Return what was typed. Raise IncorrectLookupParameters for what no column can hold."""
        text = (self.value() or "").strip()
        if "\0" in text:
            raise IncorrectLookupParameters()
        return text

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Return the one thing the template shows: the form, which keeps the other filters."""
        name = self.parameter_name
        yield {
            "name": name,
            "text": self.text(),
            "others": [item for item in changelist.params.items() if item[0] != name],
            "suggestions": self.suggestions(),
            "query_string": changelist.get_query_string(remove=[name or ""]),
        }


def as_uuid(text: str) -> uuid.UUID | None:
    """Return the UUID in ``text``, None if there is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
