"""Runs in words: how one stands, how long it took, how long ago that was."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from iii_triggers.models import Invocation
from iii_triggers.operations.units import age_text, duration_text

from .formatting import NOTHING, UNKNOWN, badge

Status = Invocation.Status

STATUS_SYMBOLS: dict[str, str] = {Status.RUNNING: "▶", Status.SUCCEEDED: "✓", Status.FAILED: "✕"}


def run_badge(run: Invocation) -> SafeString:
    """Return the status as symbol and word."""
    return badge(run.status, STATUS_SYMBOLS.get(run.status, UNKNOWN), run.get_status_display())


def took(run: Invocation) -> str:
    """Return how long a run took, or has taken until now; nothing if nobody saw its end."""
    duration_ms = elapsed_ms(run)
    return NOTHING if duration_ms is None else duration_text(duration_ms)


def elapsed_ms(run: Invocation) -> float | None:
    """Return the same as a number."""
    if run.duration_ms is not None or run.status != Status.RUNNING:
        return run.duration_ms
    return max((timezone.now() - run.started_at).total_seconds() * 1000, 0.0)


def ago(then: datetime) -> str:
    """Return how long ago a moment was, in its largest unit."""
    return gettext("%s ago") % age_text((timezone.now() - then).total_seconds())
