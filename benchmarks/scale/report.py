"""Times every page as a superuser and prints the slowest."""

from __future__ import annotations

import sys

from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from .pages import Page, admin_pages, api_pages
from .timing import HEAD, Timing, time_page

SHOWN = 40


def report(*, repeats: int, is_verbose: bool) -> int:
    """Print the table; return 1 if a page took too much."""
    # A page that fails is one line of the table.
    client = Client(raise_request_exception=False)
    users = get_user_model()._default_manager
    client.force_login(users.create_superuser("scale", password="scale"))
    try:
        timings = [time_page(client, page, repeats=repeats) for page in _pages(client)]
    finally:
        connections.close_all()
    slowest = sorted(timings, key=lambda timing: -timing.ms)
    shown = slowest if is_verbose else slowest[:SHOWN]
    print("\n".join([HEAD, *(timing.line() for timing in shown)]))
    return _verdict(timings)


def _pages(client: Client) -> list[Page]:
    pages = {page.url: page for page in [*admin_pages(client), *api_pages(client)]}
    return list(pages.values())


def _verdict(timings: list[Timing]) -> int:
    missed = [timing for timing in timings if not timing.is_met]
    print(f"{len(timings)} pages, {len(missed)} take too much or fail")
    print("\n".join(timing.line() for timing in missed), file=sys.stderr)
    return 1 if missed else 0
