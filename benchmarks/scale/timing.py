"""How long a page takes, and how many queries."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from .pages import Page

MAX_MS = 300
MAX_QUERIES = 30
TRIES = 6
HEAD = f"{'ms':>8} {'cpu ms':>8} {'queries':>8} {'status':>7}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a page took: the medians of some requests after a first one.

    ``cpu_ms`` is what Python computed; where ``ms`` is far more, the database or others did.
    """

    page: Page
    status: int
    ms: float
    cpu_ms: float
    queries: int

    @property
    def is_met(self) -> bool:
        """Whether it was answered, soon and with few queries."""
        return self.status < 500 and self.ms <= MAX_MS and self.queries <= MAX_QUERIES

    def line(self) -> str:
        """Return the row of the table."""
        url = self.page.url.removeprefix("http://testserver")
        numbers = f"{self.ms:>8.1f} {self.cpu_ms:>8.1f} {self.queries:>8} {self.status:>7}"
        line = f"{numbers}  {self.page.what}  {url[:90]}"
        return line if self.is_met else f"{line}  TOO MUCH"


def time_page(client: Client, page: Page, *, repeats: int) -> Timing:
    """Ask for a page; a slow one is asked again, lest a busy machine look like a slow page."""
    with CaptureQueriesContext(connection) as captured:
        status = _get(client, page)
        queries = len(captured)
    ms, cpu_ms = _medians(client, page, repeats)
    for _ in range(TRIES - 1):
        if ms > MAX_MS:
            ms, cpu_ms = min((ms, cpu_ms), _medians(client, page, repeats))
    return Timing(page=page, status=status, ms=ms, cpu_ms=cpu_ms, queries=queries)


def _medians(client: Client, page: Page, repeats: int) -> tuple[float, float]:
    """Return milliseconds by the clock and of computing."""
    times, computed = [], []
    for _ in range(repeats):
        begun, worked = time.perf_counter(), time.process_time()
        _get(client, page)
        times.append(time.perf_counter() - begun)
        computed.append(time.process_time() - worked)
    return median(times) * 1000, median(computed) * 1000


def _get(client: Client, page: Page) -> int:
    headers = {"accept": "application/json"} if "/api/" in page.url else {}
    response = client.get(page.url, headers=headers)
    # Its end belongs to the answer, also where it is streamed.
    if not response.streaming:
        _ = response.content
    return response.status_code
