"""The field that names a function, and completes to those that are there now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Count, QuerySet
from django.utils.translation import gettext, ngettext

from iii_triggers.models import Function

MAX_SUGGESTIONS = 1000
"""Functions that come with the page; if there are more, they are asked for while one types."""
MAX_FOUND = 50
LIST_ID = "function_id-suggestions"
"""Ties any input of the page to the suggestions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A function, and a note on who offers it where."""

    function_id: str
    note: str


class FunctionInput(forms.TextInput):
    """A text input that completes to ``suggestions``; anything else may be typed as well.

    With more than ``MAX_SUGGESTIONS`` of them, those for what is typed come from ``url``.
    """

    template_name = "iii_triggers/function_input.html"
    suggestions: Sequence[Suggestion] = ()
    url = ""

    class Media:
        js = ["iii_triggers/function_field.js"]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the suggestions, the id that ties them to the input, and where to ask for more."""
        context = super().get_context(name, value, {**(attrs or {}), "list": LIST_ID})
        return {
            **context,
            "list_id": LIST_ID,
            "suggestions": self.suggestions[:MAX_SUGGESTIONS],
            "url": self.url if len(self.suggestions) > MAX_SUGGESTIONS else "",
        }


def suggestions(limit: int) -> list[Suggestion]:
    """Return the functions that are there now, by id."""
    return _noted(Function.objects.all(), limit)


def found(text: str) -> list[Suggestion]:
    """Return functions with ``text`` in their id, those that begin with it first."""
    if not text or "\0" in text:
        return []
    first = _noted(Function.objects.filter(function_id__istartswith=text), MAX_FOUND)
    named = {suggestion.function_id for suggestion in first}
    more = _noted(Function.objects.filter(function_id__icontains=text), MAX_FOUND)
    return [*first, *(item for item in more if item.function_id not in named)][:MAX_FOUND]


def _noted(functions: QuerySet[Function], limit: int) -> list[Suggestion]:
    """Return the functions; one that is offered in several namespaces has a note on each."""
    offers = functions.order_by("function_id", "namespace").values("function_id", "namespace")
    notes: dict[str, list[str]] = {}
    for offer in offers.annotate(workers=Count("worker"))[:limit]:
        note = f"{offer['namespace']}: {_who(offer['workers'])}"
        notes.setdefault(offer["function_id"], []).append(note)
    return [Suggestion(function_id=id_, note=", ".join(parts)) for id_, parts in notes.items()]


def _who(workers: int) -> str:
    if workers == 0:
        return gettext("the site")
    return ngettext("%(count)d worker", "%(count)d workers", workers) % {"count": workers}
