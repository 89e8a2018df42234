"""Deliveries in words: where one stands, what it waits for, how it is tried."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.conf import settings
from iii_triggers.delivery.policy import Policy
from iii_triggers.models import Delivery

from .formatting import UNKNOWN, badge

State = Delivery.State
WaitsFor = Delivery.WaitsFor

STATE_SYMBOLS: dict[str, str] = {
    State.QUEUED: "◔",
    State.LEASED: "▶",
    State.RETRY: "↻",
    State.HELD: "‖",
    State.SUCCEEDED: "✓",
    State.DEAD: "✕",
    State.CANCELLED: "⊘",
    State.SKIPPED: "»",
}

WAITS: dict[str, Promise] = {
    WaitsFor.FUNCTION: _("waits for its function: nobody offers “%(function)s” now"),
    WaitsFor.SUBSCRIBER: _("waits for a subscriber: no function is subscribed to “%(topic)s”"),
    WaitsFor.TURN: _("waits for its turn: others of its lane come first"),
}
WAITS_FOR_THE_SAME = _(
    "waits for its subscriber: “%(function)s” is not subscribed to “%(topic)s” any more"
)
WAITS_FOR_ITS_TIME = _("waits for its time")
WAITS_FOR_CELERY = _("waits for a Celery worker on the queue “%(queue)s”")

MEANINGS: dict[str, Promise] = {
    State.LEASED: _("The function runs."),
    State.RETRY: _("It failed and is tried again."),
    State.HELD: _("It runs once somebody releases it."),
    State.SUCCEEDED: _("The function returned."),
    State.DEAD: _("It was given up; it can be redriven."),
    State.CANCELLED: _("It was cancelled or discarded and never runs."),
    State.SKIPPED: _("It was not to run; the error tells why."),
}


def delivery_badge(delivery: Delivery) -> SafeString:
    """Return the state as symbol and word."""
    symbol = STATE_SYMBOLS.get(delivery.state, UNKNOWN)
    return badge(delivery.state, symbol, delivery.get_state_display())


def waiting_reason(delivery: Delivery) -> str:
    """Return what a delivery waits for, and why; nothing for one that does not wait."""
    if delivery.state not in (State.QUEUED, State.RETRY):
        return ""
    names = {
        "function": delivery.function_id,
        "topic": delivery.topic,
        "queue": delivery.queue,
    }
    return str(_reason(delivery)) % names


def situation(delivery: Delivery) -> str | Promise:
    """Return where the delivery stands, in a sentence."""
    return MEANINGS.get(delivery.state, "")


def policy_in_words(policy: Policy) -> str:
    """Return how deliveries with this policy are tried."""
    return "; ".join(_rules(policy))


def duration(seconds: float) -> str:
    """Return a duration in its largest whole unit: ``90 s``, ``5 min``, ``250 ms``."""
    if seconds != int(seconds):
        return gettext("%d ms") % round(seconds * 1000)
    units = ((86_400, gettext("%d d")), (3600, gettext("%d h")), (60, gettext("%d min")))
    for size, text in units:
        if seconds and seconds % size == 0:
            return text % (seconds // size)
    return gettext("%d s") % seconds


def _reason(delivery: Delivery) -> str | Promise:
    if delivery.waits_for == WaitsFor.SUBSCRIBER and delivery.function_id:
        return WAITS_FOR_THE_SAME
    if delivery.waits_for in WAITS:
        return WAITS[delivery.waits_for]
    if delivery.run_at > timezone.now():
        return WAITS_FOR_ITS_TIME
    return WAITS_FOR_CELERY


def _rules(policy: Policy) -> Iterator[str]:
    yield ngettext("%d attempt at most", "%d attempts at most", policy.attempts) % policy.attempts
    if policy.attempts > 1:
        yield _pauses(policy)
    yield gettext("%s for each attempt") % duration(policy.timeout_s)
    if policy.delay_s:
        yield gettext("starts after %s") % duration(policy.delay_s)
    if policy.concurrency:
        yield gettext("%d at the same time") % policy.concurrency
    if policy.is_ordered:
        yield gettext("in order of “%s”") % policy.order_by if policy.order_by else _in_order()
    if policy.condition_function_id:
        yield gettext("asks “%s” first") % policy.condition_function_id


def _pauses(policy: Policy) -> str:
    base_ms = settings.III_BACKOFF_MS if policy.backoff_ms is None else policy.backoff_ms
    first = duration(base_ms / 1000)
    if policy.backoff_type == "fixed":
        return gettext("%s between attempts") % first
    longest = duration(max(base_ms, settings.III_MAX_BACKOFF_MS) / 1000)
    text = gettext("%(first)s after the first failure, doubled each time up to %(longest)s")
    return text % {"first": first, "longest": longest}


def _in_order() -> str:
    return gettext("in order")
