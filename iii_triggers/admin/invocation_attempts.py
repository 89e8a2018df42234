"""The attempts of a delivery as bars along one line of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.utils.safestring import SafeString

from iii_triggers.models import Invocation
from iii_triggers.operations.units import duration_text

from .formatting import NOTHING, moment
from .invocation_texts import elapsed_ms, run_badge, took
from .live_links import change_url

MAX_ATTEMPTS = 50
LEAST_WIDTH = 0.6
"""Of a bar, in percent: the shortest attempt can be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt as its row of the timeline shows it."""

    number: int
    url: str
    is_shown: bool
    """Whether it is the run whose page this is."""
    status: str
    badge: SafeString
    started: str
    took: str
    pause: str
    """Between the end of the attempt before it and its start."""
    x: str
    """Where its bar begins, in percent of the whole time."""
    width: str
    """How long its bar is, in percent."""


def attempts_of(run: Invocation) -> list[Attempt]:
    """Return the newest attempts of the delivery of ``run``, the first of them first."""
    if run.delivery_id is None:
        return []
    rows = Invocation.objects.filter(delivery_id=run.delivery_id).defer("error")
    return list(_timeline(list(reversed(rows[:MAX_ATTEMPTS])), run))


def _timeline(runs: Sequence[Invocation], shown: Invocation) -> Iterator[Attempt]:
    if not runs:
        return
    first = runs[0].started_at
    whole_ms = max(_ms(_end(run) - first) for run in runs) or 1.0
    pauses = [NOTHING, *(_pause(before, after) for before, after in pairwise(runs))]
    for run, pause in zip(runs, pauses, strict=True):
        width = max((elapsed_ms(run) or 0.0) / whole_ms * 100, LEAST_WIDTH)
        x = min(_ms(run.started_at - first) / whole_ms * 100, 100 - LEAST_WIDTH)
        yield Attempt(
            number=run.attempt,
            url=change_url(run),
            is_shown=run.pk == shown.pk,
            status=run.status,
            badge=run_badge(run),
            started=moment(run.started_at),
            took=took(run),
            pause=pause,
            x=f"{x:.2f}",
            width=f"{min(width, 100 - x):.2f}",
        )


def _pause(before: Invocation, after: Invocation) -> str:
    pause = after.started_at - _end(before)
    is_known = elapsed_ms(before) is not None and pause > timedelta()
    return duration_text(_ms(pause)) if is_known else NOTHING


def _end(run: Invocation) -> datetime:
    return run.started_at + timedelta(milliseconds=elapsed_ms(run) or 0.0)


def _ms(span: timedelta) -> float:
    return span.total_seconds() * 1000
