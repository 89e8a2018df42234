"""What is asked for: everything the admin and the API of the app have, found by their own names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urljoin

from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, reverse

APP = "iii_triggers"
LINKS = re.compile(r'href="(\?[^"]*)"')
ADDRESSES = re.compile(r'href="(\?(?:before|p)=[^"]*)"')
DEPTH = 3


@dataclass(frozen=True, slots=True)
class Page:
    """An address and what it is."""

    what: str
    url: str


def admin_pages(client: Client) -> Iterator[Page]:
    """Yield each list with its filters, searches and pages, and what else the admin shows."""
    yield Page("admin index", reverse("admin:index"))
    for model, model_admin in admin.site._registry.items():
        # The dashboard is registered too, without rows; it is among the other pages.
        if model._meta.app_label == APP and not model._meta.proxy:
            yield from _list_pages(client, model, model_admin)
            yield from _row_pages(model)
    yield from _other_pages()


def _list_pages(
    client: Client, model: type[Model], model_admin: admin.ModelAdmin[Any]
) -> Iterator[Page]:
    name = model._meta.model_name
    url = reverse(f"admin:{APP}_{name}_changelist")
    yield Page(f"{name} list", url)
    links = set(_links(client, url))
    yield from (Page(f"{name} list", urljoin(url, link)) for link in sorted(links))
    yield from (Page(f"{name} list, deep", deep) for deep in _deeper(client, url))
    if model_admin.search_fields:
        for term in _terms(model):
            yield Page(f"{name} search", f"{url}?q={term}")


def _links(client: Client, url: str) -> Iterator[str]:
    """Yield one link for each parameter: choices of one filter cost about the same."""
    seen = set()
    for link in map(unescape, LINKS.findall(client.get(url).content.decode())):
        names = tuple(name for name, _ in parse_qsl(link[1:], keep_blank_values=True))
        values = "".join(
            value for name, value in parse_qsl(link[1:]) if name in ("state", "status")
        )
        if names and (names, values) not in seen:
            seen.add((names, values))
            yield link


def _deeper(client: Client, url: str) -> Iterator[str]:
    """Yield what the link to older rows leads to, again and again."""
    for _ in range(DEPTH):
        older = re.search(r'href="(\?[^"]*before=[^"]*)"', client.get(url).content.decode())
        if older is None:
            return
        url = urljoin(url, unescape(older[1]))
        yield url


def _terms(model: type[Model]) -> Iterator[str]:
    yield from ("app.function_7", "nothing-like-this")
    row = model._default_manager.order_by("pk")[500:501].first()
    if row is not None:
        yield str(row.pk)


def _row_pages(model: type[Model]) -> Iterator[Page]:
    name = model._meta.model_name
    middle = model._default_manager.order_by("pk")[200:201].first()
    for row in (middle, model._default_manager.order_by("-pk").first()):
        if row is not None:
            yield Page(f"{name} page", reverse(f"admin:{APP}_{name}_change", args=[row.pk]))


def _other_pages() -> Iterator[Page]:
    """Yield all that take no argument, such as forms to add rows."""
    for pattern in _patterns(admin.site.get_urls()):
        name = pattern.name or ""
        if APP in name:
            try:
                yield Page(name.removeprefix(f"{APP}_"), reverse(f"admin:{name}"))
            except NoReverseMatch:
                continue


def _patterns(patterns: Sequence[object]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from _patterns(getattr(pattern, "url_patterns", []))


def api_pages(client: Client) -> Iterator[Page]:
    """Yield each list of the API, its next pages and its first row."""
    lists = client.get("/iii/api/v1/", headers={"accept": "application/json"}).json()
    for name, url in _named_urls(lists):
        yield Page(f"API {name}", url)
        answer = client.get(url, headers={"accept": "application/json"}).json()
        for _ in range(DEPTH):
            if not isinstance(answer, dict) or not answer.get("next"):
                break
            yield Page(f"API {name}, next", answer["next"])
            answer = client.get(answer["next"], headers={"accept": "application/json"}).json()


def _named_urls(lists: object) -> Iterator[tuple[str, str]]:
    items = lists.items() if isinstance(lists, dict) else ()
    for name, url in items:
        if isinstance(url, str) and "/api/" in url:
            yield str(name), url
