"""Numbers for people: short, with a unit, the same on pages and in the terminal."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

DURATIONS = (
    (3_600_000.0, gettext_noop("%s h")),
    (60_000.0, gettext_noop("%s min")),
    (1000.0, gettext_noop("%s s")),
)
"""Units by their milliseconds."""
AGES = ((86_400, gettext_noop("%d d")), (3600, gettext_noop("%d h")), (60, gettext_noop("%d min")))
"""Units by their seconds."""
ROUNDS_UP = 0.9995
"""From this share of the next unit on, a number would be shown as 1000 of the smaller one."""
LEAST = 0.001


def duration_text(duration_ms: float) -> str:
    """Return how long something took: ``0.35 ms``, ``12 ms``, ``1.5 s``, ``2.5 min``, ``3 h``."""
    for size, text in DURATIONS:
        if duration_ms >= size * ROUNDS_UP:
            return gettext(text) % short_number(duration_ms / size)
    return gettext("%s ms") % short_number(duration_ms)


def age_text(seconds: float) -> str:
    """Return an age in its largest unit, in whole ones: ``3 s``, ``5 min``, ``2 h``, ``4 d``."""
    for size, text in AGES:
        if seconds >= size:
            return gettext(text) % (seconds // size)
    return gettext("%d s") % max(seconds, 0)


def percent_text(share: float) -> str:
    """Return a share (0 to 1) in percent: ``0%``, ``0.25%``, ``12%``."""
    return f"{short_number(share * 100)}%"


def short_number(value: float) -> str:
    """Return a number with two or three digits that count: ``0.35``, ``7.5``, ``120``, ``1.2k``."""
    if 0 < value < LEAST:
        return f"<{LEAST}"
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if value >= size * ROUNDS_UP:
            return f"{_digits(value / size)}{letter}"
    return _digits(value)


def _digits(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    text = f"{value:.1f}" if value >= 10 else f"{value:.2g}"
    return text.removesuffix(".0")
