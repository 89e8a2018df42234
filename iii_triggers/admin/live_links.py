"""Lists of links between workers, functions and triggers, as their pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from iii_triggers.models import Function, Trigger, TriggerType, Worker

from .formatting import NOTHING, config_summary, state_badge

MAX_LINKS = 100
"""How many are listed; the rest is a number that leads to the list."""

Link = tuple[str, str, str | SafeString]
"""Address, text, and what stands behind it."""


def change_url(row: Model) -> str:
    """Return the address of the page of a row."""
    return reverse(f"admin:iii_triggers_{row._meta.model_name}_change", args=[row.pk])


def list_url(model: type[Model], query: str) -> str:
    """Return the address of the list of a model with a query string."""
    return f"{reverse(f'admin:iii_triggers_{model._meta.model_name}_changelist')}?{query}"


def worker_link(worker: Worker | None, without: Any) -> SafeString | str:
    """Return a link to a worker; ``without`` one, that."""
    if worker is None:
        return str(without)
    return format_html('<a href="{}">{}</a>', change_url(worker), str(worker))


def function_links(functions: QuerySet[Function], query: str) -> SafeString | str:
    """Return the functions as links, each with its description."""
    links = ((change_url(row), row.function_id, row.description) for row in _first(functions))
    return _list(links, functions, list_url(Function, query))


def trigger_links(triggers: QuerySet[Trigger], query: str) -> SafeString | str:
    """Return the triggers as links, each with its state and its config in one line."""
    links = (
        (
            change_url(row),
            str(row),
            format_html("{} {}", state_badge(row), config_summary(row)),
        )
        for row in _first(triggers)
    )
    return _list(links, triggers, list_url(Trigger, query))


def type_links(types: QuerySet[TriggerType]) -> SafeString | str:
    """Return the trigger types as links, each with its description."""
    links = ((change_url(row), row.type_id, row.description) for row in _first(types))
    return _list(links, types, list_url(TriggerType, ""))


def offer_links(functions: QuerySet[Function], query: str) -> SafeString | str:
    """Return the workers of the same function as links."""
    rows = _first(functions.select_related("worker"))
    links = (
        (change_url(row.worker), str(row.worker), "") for row in rows if row.worker is not None
    )
    return _list(links, functions, list_url(Function, query))


def _first(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows[:MAX_LINKS]


def _list(links: Iterable[Link], rows: QuerySet[Any], more_url: str) -> SafeString | str:
    items = list(links)
    if not items:
        return NOTHING
    row = '<li><a href="{}">{}</a> <span class="iii-quiet">{}</span></li>'
    shown = format_html_join("", row, items)
    return format_html('<ul class="iii-links">{}{}</ul>', shown, _more(rows, len(items), more_url))


def _more(rows: QuerySet[Any], shown: int, url: str) -> SafeString | str:
    if shown < MAX_LINKS:
        return ""
    more = rows.count() - shown
    if not more:
        return ""
    text = ngettext("%d more", "%d more", more) % more
    return format_html('<li><a href="{}">{}</a></li>', url, text)
